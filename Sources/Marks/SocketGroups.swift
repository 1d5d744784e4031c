/// The groups that own Sluice's sockets, so that rules can tell them from those of the router's other programs
/// (iptables-extensions(8), owner). A mark on the socket would do as well, but take part in the router's policy routing.
public struct SocketGroups: Hashable, Sendable {
    /// The first of three adjacent group IDs.
    public let first: UInt32

    public init(first: UInt32) { self.first = first }

    /// Connections to servers.
    public var upstream: UInt32 { first }
    /// Connections to servers, whose SYN asks whether they speak MPTCP.
    public var asking: UInt32 { first + 1 }
    /// Clients' connections.
    public var client: UInt32 { first + 2 }

    public var all: [UInt32] { [upstream, asking, client] }

    /// `FIRST-LAST`, as iptables takes it.
    public var range: String { "\(first)-\(first + 2)" }

    /// Of the range that Debian keeps for packages (Policy Manual 9.2.2), which unprivileged containers map, too.
    public static let standard = SocketGroups(first: 64083)
}
