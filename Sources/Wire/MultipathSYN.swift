/// The MPTCP option of a SYN: what the decision about it needs (RFC 8684 sections 3.1 and 3.2, RFC 6824 for version 0).
public enum MultipathSYN: Hashable, Sendable {
    /// MP_CAPABLE, with the version that the client asks for, and whether it requires data checksums.
    case capable(version: UInt8, checksums: Bool = false)
    /// MP_JOIN, with the token of the connection that it wants to join.
    case join(token: Token, backup: Bool)
    /// Another subtype, which has no business in a SYN.
    case other(subtype: UInt8)
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
    /// Forms that belong to a later segment of the handshake are errors here.
    fileprivate init(_ option: borrowing TCPOption) throws(WireError) {
        let multipath = try MultipathOption(option)
        switch multipath {
        case .capable(let capable) where capable.form.isSYN(version: capable.version):
            self = .capable(version: capable.version, checksums: capable.flags.contains(.checksumRequired))
        case .join(.syn(let isBackup, _, let token, _)): self = .join(token: token, backup: isBackup)
        case .capable, .join:
            throw .badMultipathOption(
                subtype: multipath.subtype, length: option.bytes.byteCount, offset: option.offset)
        case .unknown(let bytes) where multipath.subtype == 0: self = .capable(version: bytes[0] & 0x0f)
        default: self = .other(subtype: multipath.subtype)
        }
    }
}

extension MPCapable.Form {
    /// A SYN carries no key in version 1, and the sender's in version 0.
    fileprivate func isSYN(version: UInt8) -> Bool {
        switch self {
        case .bare: version == 1
        case .key: version == 0
        case .keys, .data: false
        }
    }
}
