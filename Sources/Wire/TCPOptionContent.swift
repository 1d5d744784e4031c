/// What a TCP option says, by IANA's registry "TCP Option Kind Numbers". No-operation and end-of-options are not among
/// them: the iterator steps over these.
public enum TCPOptionContent: Hashable, Sendable {
    /// Kind 2 (RFC 9293 section 3.7.1), in bytes.
    case maximumSegmentSize(UInt16)
    /// Kind 3 (RFC 7323 section 2): the window is shifted by so many bits.
    case windowScale(UInt8)
    /// Kind 4 (RFC 2018).
    case sackPermitted
    /// Kind 5 (RFC 2018).
    case sack(SACKBlocks)
    /// Kind 8 (RFC 7323 section 3).
    case timestamps(value: UInt32, echo: UInt32)
    /// Kind 19 (RFC 2385): sixteen bytes.
    case md5Signature(OptionBytes)
    /// Kind 28 (RFC 5482).
    case userTimeout(isMinutes: Bool, value: UInt16)
    /// Kind 29 (RFC 5925): TCP-AO, with its message authentication code.
    case authentication(keyID: UInt8, nextKeyID: UInt8, code: OptionBytes)
    /// Kind 30.
    case multipath(MultipathOption)
    /// Kind 34 (RFC 7413); an empty cookie asks for one.
    case fastOpen(cookie: OptionBytes)
    /// Kinds 253 and 254 (RFC 6994): whose experiment it is, and what follows.
    case experimental(kind: UInt8, id: UInt16, OptionBytes)
    /// Any other kind: what follows the length.
    case other(kind: UInt8, OptionBytes)

    public var kind: UInt8 {
        switch self {
        case .maximumSegmentSize: 2
        case .windowScale: 3
        case .sackPermitted: 4
        case .sack: 5
        case .timestamps: 8
        case .md5Signature: 19
        case .userTimeout: 28
        case .authentication: 29
        case .multipath: 30
        case .fastOpen: 34
        case .experimental(let kind, _, _), .other(let kind, _): kind
        }
    }
}

/// One to four blocks of received data (RFC 2018 section 3).
public struct SACKBlocks: Hashable, Sendable {
    public struct Block: Hashable, Sendable {
        public let left: SequenceNumber
        /// One past the last byte.
        public let right: SequenceNumber

        @inlinable
        public init(left: SequenceNumber, right: SequenceNumber) {
            self.left = left
            self.right = right
        }
    }

    @usableFromInline let bytes: OptionBytes

    /// nil unless there are 1 to 4.
    public init?(_ blocks: [Block]) {
        guard (1...4).contains(blocks.count) else { return nil }
        let edges = blocks.flatMap { [$0.left.rawValue, $0.right.rawValue] }
        self.init(
            bytes: OptionBytes(
                edges.flatMap { edge in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: edge >> $0) } }))
    }

    @inlinable init(bytes: OptionBytes) { self.bytes = bytes }
}

extension SACKBlocks: RandomAccessCollection {
    @inlinable public var startIndex: Int { 0 }
    @inlinable public var endIndex: Int { bytes.count / 8 }

    @inlinable
    public subscript(index: Int) -> Block {
        Block(left: edge(index * 8), right: edge(index * 8 + 4))
    }

    @inlinable
    func edge(_ offset: Int) -> SequenceNumber {
        SequenceNumber(bytes.uint32(at: offset))
    }
}

extension TCPOption {
    /// Throws when the option's length is not one that its kind can have.
    @inlinable
    public func content() throws(WireError) -> TCPOptionContent {
        // One jump by the kind, then the length: a switch over both together costs several times as much.
        let length = bytes.byteCount
        switch kind {
        case 2: if length == 4 { return .maximumSegmentSize(bytes.uint16(at: 2)) }
        case 3: if length == 3 { return .windowScale(bytes[2]) }
        case 4: if length == 2 { return .sackPermitted }
        case 5: if length % 8 == 2, (10...34).contains(length) { return .sack(SACKBlocks(bytes: rest(from: 2))) }
        case 8: if length == 10 { return .timestamps(value: bytes.uint32(at: 2), echo: bytes.uint32(at: 6)) }
        case 19: if length == 18 { return .md5Signature(rest(from: 2)) }
        case 28: if length == 4 { return userTimeout }
        case 29: if length >= 4 { return .authentication(keyID: bytes[2], nextKeyID: bytes[3], code: rest(from: 4)) }
        case 30: return .multipath(try MultipathOption(self))
        case 34: return .fastOpen(cookie: rest(from: 2))
        case 253, 254:
            guard length >= 4 else { fallthrough }
            return .experimental(kind: kind, id: bytes.uint16(at: 2), rest(from: 4))
        default: return .other(kind: kind, rest(from: 2))
        }
        throw .badOptionLength(kind: kind, length: length, offset: offset)
    }

    @inlinable
    func rest(from offset: Int) -> OptionBytes { OptionBytes(bytes, from: offset) }

    @inlinable var userTimeout: TCPOptionContent {
        .userTimeout(isMinutes: bytes[2] & 0x80 != 0, value: bytes.uint16(at: 2) & 0x7fff)
    }
}
