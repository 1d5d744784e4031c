/// A captured frame, its link layer read: what it carries, and what a cooked capture says of its way.
public struct LinkFrame: ~Escapable {
    /// The bytes from the IP header on, padding of the link layer included; nil when it carries something else.
    public let ip: RawSpan?
    /// What it carries, where the link layer says: an EtherType of IEEE 802, or a length of at most 1500 for a frame of
    /// IEEE 802.3; of BSD loopback the address family.
    public let protocolNumber: UInt32?
    /// `unknown` but for cooked captures.
    public let direction: PacketDirection
    /// The index at the capturing machine; nil but for Linux cooked capture v2.
    public let interfaceIndex: UInt32?

    /// Reads the link layer of a captured packet's bytes.
    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan, _ linkType: LinkType) throws(LinkError) {
        let header = try LinkHeader(bytes, linkType)
        ip = header.isIP ? bytes.extracting(header.length...) : nil
        protocolNumber = header.protocolNumber
        direction = header.direction
        interfaceIndex = header.interfaceIndex
    }
}

/// Why a frame's link layer can't be read.
public enum LinkError: Error, Hashable, Sendable {
    case unsupported(LinkType)
    /// The captured bytes end inside the link layer's header.
    case truncated(LinkType, needed: Int, have: Int)
}

extension LinkError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unsupported(let type):
            "link type \(type) isn't supported; these are: "
                + LinkType.supported.map(\.description).joined(separator: ", ")
        case .truncated(let type, let needed, let have):
            "header of link type \(type) cut short: \(needed) bytes needed, \(have) there"
        }
    }
}

extension CapturedPacket {
    /// The packet with its link layer read.
    public var link: LinkFrame {
        @_lifetime(copy self)
        get throws(LinkError) { try LinkFrame(bytes, interface.linkType) }
    }
}
