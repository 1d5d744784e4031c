import HandOver
import LinuxSystem

/// A connection between two daemons that speaks in messages.
struct HandOverChannel: ~Copyable, Sendable {
    private let channel: DescriptorChannel

    init(_ channel: consuming DescriptorChannel) { self.channel = channel }

    /// What has come.
    struct Incoming: ~Copyable {
        let message: HandOverMessage
        let descriptors: ReceivedDescriptors
    }

    func send(
        _ message: HandOverMessage, _ descriptors: ArraySlice<Int32> = [], until deadline: MonotonicTime
    ) throws(SystemError) {
        let bytes = message.encoded
        let result: Result<Void, SystemError> = bytes.withUnsafeBytes { bytes in
            Result { () throws(SystemError) in try channel.send(bytes, descriptors, until: deadline) }
        }
        try result.get()
    }

    /// nil when the other one has ended. Throws `SystemError`, ETIMEDOUT among others, or `RecordError`.
    func receive(until deadline: MonotonicTime) throws -> Incoming? {
        guard let message = try channel.receive(until: deadline) else { return nil }
        return Incoming(message: try HandOverMessage(decoding: message.bytes), descriptors: message.descriptors)
    }

    /// Bytes of the record in a message, beside its head.
    private static let piece = DescriptorChannel.largestMessage - 64

    /// Sends the record in pieces, and the descriptors along with them. All stands still
    /// meanwhile: it may take as long as an answer, as a whole.
    func send(_ record: HandOverRecord, _ descriptors: [Int32]) throws(SystemError) {
        let deadline = MonotonicTime.now + GivingSide.answerTime
        var bytes = record.encoded[...]
        var descriptors = descriptors[...]
        repeat {
            let piece = bytes.prefix(Self.piece)
            let some = descriptors.prefix(DescriptorChannel.mostDescriptors)
            bytes = bytes.dropFirst(piece.count)
            descriptors = descriptors.dropFirst(some.count)
            try send(
                .record(Array(piece), isLast: bytes.isEmpty && descriptors.isEmpty), some,
                until: deadline)
        } while !bytes.isEmpty || !descriptors.isEmpty
    }
}
