/// Why a SYN can't go in.
public enum Obstacle: Hashable, Sendable {
    /// A service of the router has the port.
    case portOccupied
    /// Descriptors or places for handshakes have run out.
    case noRoom
    /// Anything else: no listener can be had, or the TUN device doesn't take the packet.
    case unable

    var decision: Decision {
        switch self {
        case .portOccupied: .passPortOccupied
        case .noRoom: .passNoRoom
        case .unable: .passUnable
        }
    }
}
