public import Wire

/// A segment that passed one of the box's interfaces, and what tells it from others.
public struct BoxSegment: Hashable, Sendable {
    public enum Passage: Hashable, Sendable {
        case fromClient, toServer, fromServer, toClient
    }

    public enum Content: Hashable, Sendable {
        /// The first segment of a connection; not that of a further subflow (MP_JOIN).
        case syn(SequenceNumber, isMultipath: Bool)
        /// A payload of so many bytes that begins with a number.
        case message(number: UInt64, size: Int)
    }

    /// Nanoseconds since 1970.
    public let time: Int64
    public let passage: Passage
    public let source: Endpoint
    public let destination: Endpoint
    public let content: Content

    public init(time: Int64, _ passage: Passage, from source: Endpoint, to destination: Endpoint, _ content: Content) {
        self.time = time
        self.passage = passage
        self.source = source
        self.destination = destination
        self.content = content
    }
}

extension BoxSegment.Content {
    /// nil for a segment that is neither.
    init?(_ segment: borrowing Segment) throws(WireError) {
        if segment.flags.contains(.syn) {
            guard !segment.flags.contains(.ack) else { return nil }
            let multipath = try segment.multipathSYN()
            if case .join = multipath { return nil }
            self = .syn(segment.sequence, isMultipath: multipath != nil)
        } else {
            let payload = segment.payload
            guard payload.byteCount >= 8 else { return nil }
            let number = UInt64(bigEndian: payload.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self))
            self = .message(number: number, size: segment.payloadLength)
        }
    }
}
