import Handshake
import LinuxSystem
import NetfilterQueue
import Wire

// Asking a server whether it speaks MPTCP, on the way of a plain TCP socket's own handshake (docs/decisions/0011).

extension SYNDesk {
    /// A SYN of ours to a server of which nothing is known goes on with MP_CAPABLE among its options. Not its
    /// retransmission, since something on the way may drop what it doesn't know (RFC 8684 section 3.7).
    func ask(_ packet: QueuedPacket) {
        guard !decider.isSubstituted, let segment = try? Segment(packet.payload.bytes), segment.flags.contains(.syn)
        else {
            return queue.accept(packet.id)
        }
        let identity = SYNIdentity(
            tuple: FourTuple(client: segment.source, server: segment.destination), sequence: segment.sequence)
        let now = MonotonicTime.now.nanoseconds
        guard asked.value(for: identity, at: now) == nil,
            let length = segment.copyAskingForMultipath(to: scratch)
        else { return queue.accept(packet.id) }
        asked.remember(true, for: identity, at: now, lifetime: SYNDecider.passedLifetime)
        queue.accept(packet.id, as: UnsafeRawBufferPointer(rebasing: scratch[..<length]))
    }

    /// The server's SYN-ACK. What it says is known before the socket that dialled hears of it.
    func readAnswer(_ packet: QueuedPacket) {
        defer { queue.accept(packet.id) }
        guard let segment = try? Segment(packet.payload.bytes) else { return }
        let dialled = SYNIdentity(
            tuple: FourTuple(client: segment.destination, server: segment.source),
            sequence: segment.acknowledgement.advanced(by: -1))
        guard asked.value(for: dialled, at: MonotonicTime.now.nanoseconds) != nil else { return }
        stream.learn(segment.agreesToMultipath ? .speaksMultipath : .speaksTCP, of: segment.source)
    }
}

extension Segment {
    /// Does a SYN-ACK carry MP_CAPABLE of version 1 with a key? What can't be read counts as no, and so does the question's
    /// own option, which something on the way may have sent back.
    var agreesToMultipath: Bool {
        var options = options
        while let option = try? options.next() {
            if case .multipath(.capable(let capable))? = try? option.content() {
                if case .key = capable.form { return capable.version == 1 }
                return false
            }
        }
        return false
    }
}
