public import Wire

/// Which of its paths a connection's data take: a steering mode with its thresholds (3GPP TS 23.501 section 5.32.8).
public struct SteerRule: Hashable, Sendable {
    /// The standard's modes, as far as a box in the middle can have them.
    public enum Mode: Hashable, Sendable {
        /// The standby path carries data only while the active one doesn't work. With `noStandby` clients may not open
        /// subflows by it before that.
        case activeStandby(active: String, standby: String, noStandby: Bool)
        /// The low path carries data only while the high one is congested or doesn't work.
        case priorityBased(high: String, low: String)
        /// The path with the shortest round trip, and those that are longer by `margin` microseconds at most.
        case smallestDelay([String], margin: Double)
        /// Shares of the traffic, in percent, which make up 100.
        case loadBalancing([String: Int])

        /// As TS 29.244 section 8.2.125 has them, in the words of the configuration file.
        public var name: String {
            switch self {
            case .activeStandby: "active-standby"
            case .priorityBased: "priority-based"
            case .smallestDelay: "smallest-delay"
            case .loadBalancing: "load-balancing"
            }
        }
    }

    public var name: String
    public var mode: Mode
    /// Empty: all.
    public var clients: [IPPrefix]
    /// Empty: all.
    public var servers: [IPPrefix]
    /// Of the server. Empty: all.
    public var ports: [ClosedRange<UInt16>]
    /// A switch stands for its time, unless a path stops working.
    public var limits: PathLimits

    public init(
        name: String, mode: Mode, clients: [IPPrefix] = [], servers: [IPPrefix] = [], ports: [ClosedRange<UInt16>] = [],
        limits: PathLimits = PathLimits()
    ) {
        self.name = name
        self.mode = mode
        self.clients = clients
        self.servers = servers
        self.ports = ports
        self.limits = limits
    }

    /// The paths that it steers between, by name.
    public var paths: [String] {
        switch mode {
        case .activeStandby(let active, let standby, _): [active, standby]
        case .priorityBased(let high, let low): [high, low]
        case .smallestDelay(let paths, _): paths
        case .loadBalancing(let weights): weights.keys.sorted()
        }
    }

    /// Is it about this connection?
    public func selects(_ tuple: FourTuple) -> Bool {
        (ports.isEmpty || ports.contains { $0.contains(tuple.server.port) })
            && (clients.isEmpty || clients.contains { $0.contains(tuple.client.address) })
            && (servers.isEmpty || servers.contains { $0.contains(tuple.server.address) })
    }
}
