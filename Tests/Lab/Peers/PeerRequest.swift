/// What a test client asks of a test server: the first 16 bytes on the connection.
public struct PeerRequest: Hashable, Sendable {
    public enum Operation: UInt8, CaseIterable, Sendable {
        /// The server sends `length` bytes and ends its stream.
        case download = 1
        /// The client sends `length` bytes and ends its stream; the server verifies them and answers one byte.
        case upload
        /// The server sends back what comes, until the client ends its stream; the client sends `length` bytes.
        case echo
        /// The server sends `length` bytes, then resets the connection.
        case serverAborts
        /// The server sends `length` bytes and ends its stream; only then the client sends as many and ends its own.
        case serverEndsFirst
        /// The client ends its stream right behind this request; only then the server sends `length` bytes.
        case clientEndsFirst
        /// The server says nothing for `pause` seconds, then goes on as for `download`.
        case silence
    }

    public var operation: Operation
    /// Bytes.
    public var length: UInt64
    public var seed: UInt32
    /// Seconds.
    public var pause: UInt8

    public init(_ operation: Operation, length: UInt64, seed: UInt32, pause: UInt8 = 0) {
        self.operation = operation
        self.length = length
        self.seed = seed
        self.pause = pause
    }

    static let size = 16
    private static let magic: UInt16 = 0x51ce

    /// Magic (2), operation (1), pause (1), seed (4), length (8), in network order.
    var encoded: [UInt8] {
        let head =
            UInt64(Self.magic) << 48 | UInt64(operation.rawValue) << 40 | UInt64(pause) << 32 | UInt64(seed)
        return [head, length].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
        }
    }

    /// nil unless `bytes` are 16 that `encoded` made.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.size else { return nil }
        let head = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
        guard head >> 48 == UInt64(Self.magic),
            let operation = Operation(rawValue: UInt8(truncatingIfNeeded: head >> 40))
        else { return nil }
        self.init(
            operation, length: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
            seed: UInt32(truncatingIfNeeded: head), pause: UInt8(truncatingIfNeeded: head >> 32))
    }
}
