/// What a captured packet begins with, as registered at https://www.tcpdump.org/linktypes.html
public struct LinkType: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// BSD loopback, the address family in the byte order of the capturing machine.
    public static let null = LinkType(rawValue: 0)
    public static let ethernet = LinkType(rawValue: 1)
    /// LINKTYPE_RAW; 12 and 14 are what machines call it themselves, and some write that to files.
    public static let raw = LinkType(rawValue: 101)
    static let rawOfMostSystems = LinkType(rawValue: 12)
    static let rawOfOpenBSD = LinkType(rawValue: 14)
    /// OpenBSD loopback, the address family in network byte order.
    public static let loop = LinkType(rawValue: 108)
    /// Linux "cooked" capture, as of `-i any`.
    public static let linuxSLL = LinkType(rawValue: 113)
    public static let ipv4 = LinkType(rawValue: 228)
    public static let ipv6 = LinkType(rawValue: 229)
    /// Linux "cooked" capture version 2, which has the interface.
    public static let linuxSLL2 = LinkType(rawValue: 276)

    /// Those that `LinkFrame` can read.
    public static let supported: [LinkType] = [
        .ethernet, .raw, .rawOfMostSystems, .rawOfOpenBSD, .ipv4, .ipv6, .linuxSLL, .linuxSLL2, .null, .loop,
    ]

    private var name: String? {
        switch self {
        case .ethernet: "Ethernet"
        case .raw, .rawOfMostSystems, .rawOfOpenBSD: "raw IP"
        case .ipv4: "raw IPv4"
        case .ipv6: "raw IPv6"
        case .linuxSLL: "Linux cooked"
        case .linuxSLL2: "Linux cooked v2"
        case .null: "BSD loopback"
        case .loop: "OpenBSD loopback"
        default: nil
        }
    }
}

extension LinkType: CustomStringConvertible {
    /// `1 (Ethernet)`
    public var description: String { name.map { "\(rawValue) (\($0))" } ?? "\(rawValue)" }
}
