/// Why bytes are not a TCP segment, or not one with sound options. Offsets count from the first byte of the IP header.
public enum WireError: Error, Hashable, Sendable {
    /// The bytes end inside the header named.
    case truncated(Header, needed: Int, have: Int)
    /// The IP version is neither 4 nor 6.
    case unknownVersion(UInt8)
    /// A header's own length field is below its fixed part.
    case badHeaderLength(Header, Int)
    /// A fragment other than a first one holds no TCP header, and a first one is only part of a segment.
    case fragment
    /// An IPv4-mapped address in an IPv6 header (RFC 4291 section 2.5.5.2): none that belongs on the wire.
    case mappedAddress
    /// What follows is neither TCP nor an extension header that leaves the packet's ends what they are: this protocol
    /// number. A routing header (43) has the last destination elsewhere.
    case notTCP(UInt8)
    /// A TCP option's length is below 2 or reaches beyond the header.
    case badOptionLength(kind: UInt8, length: Int, offset: Int)
    /// An MPTCP option's length and flags are those of no form of its subtype, or its address is none.
    case badMultipathOption(subtype: UInt8, length: Int, offset: Int)
    /// The header ends after an option's kind.
    case optionWithoutLength(kind: UInt8, offset: Int)

    public enum Header: String, Sendable {
        case ipv4 = "IPv4 header"
        case ipv6 = "IPv6 header"
        case ipv6Extension = "IPv6 extension header"
        case tcp = "TCP header"
    }
}

extension WireError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .truncated(let header, let needed, let have):
            "\(header.rawValue) cut short: \(needed) bytes needed, \(have) there"
        case .unknownVersion(let version): "unknown IP version \(version)"
        case .badHeaderLength(let header, let length): "\(header.rawValue) of impossible length \(length)"
        case .fragment: "fragment"
        case .mappedAddress: "IPv4-mapped address in an IPv6 header"
        case .notTCP(let number): "not TCP but protocol \(number)"
        case .badOptionLength(let kind, let length, let offset): "bad option \(kind) at \(offset): length \(length)"
        case .badMultipathOption(let subtype, let length, let offset):
            "bad \(MultipathOption.name(ofSubtype: subtype)) at \(offset): length \(length)"
        case .optionWithoutLength(let kind, let offset): "bad option \(kind) at \(offset): no length"
        }
    }
}
