/// The MPTCP option of a SYN: what the decision about it needs (RFC 8684 sections 3.1 and 3.2, RFC 6824 for version 0).
public enum MultipathSYN: Hashable, Sendable {
    /// MP_CAPABLE, with the version that the client asks for.
    case capable(version: UInt8)
    /// MP_JOIN, with the token of the connection that it wants to join.
    case join(token: Token, backup: Bool)
    /// Another subtype, which has no business in a SYN.
    case other(subtype: UInt8)
}

/// Names an MPTCP connection at the host that made the token (RFC 8684 section 3.1).
public struct Token: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt32

    @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }

    /// `0x90cd00d7`
    public var description: String {
        let digits = String(rawValue, radix: 16)
        return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
    }
}

extension Segment {
    /// The first MPTCP option of a SYN; nil if there is none. All options are looked at: a segment with a malformed one
    /// is an error even if the MPTCP option stands before it.
    public func multipathSYN() throws(WireError) -> MultipathSYN? {
        var options = options
        var found: MultipathSYN?
        while let option = try options.next() {
            if option.kind == 30, found == nil { found = try MultipathSYN(option) }
        }
        return found
    }
}

extension MultipathSYN {
    init(_ option: borrowing TCPOption) throws(WireError) {
        let length = option.bytes.byteCount
        func malformed() -> WireError { .badOptionLength(kind: option.kind, length: length, offset: option.offset) }
        guard length >= 4 else { throw malformed() }
        let subtype = option.bytes[2] >> 4
        switch subtype {
        case 0:
            let version = option.bytes[2] & 0x0f
            // A SYN carries no key in version 1, and the sender's in version 0.
            guard length == (version == 0 ? 12 : 4) || version > 1 else { throw malformed() }
            self = .capable(version: version)
        case 1:
            guard length == 12 else { throw malformed() }
            self = .join(token: Token(option.bytes.uint32(at: 4)), backup: option.bytes[2] & 1 == 1)
        default: self = .other(subtype: subtype)
        }
    }
}
