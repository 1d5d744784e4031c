public import Wire

extension Settings {
    /// `[[steer]]`: which paths the data of a connection take. Of several rules the first that selects the connection's
    /// first subflow counts.
    public struct Steer: Hashable, Sendable {
        /// A steering mode of 3GPP TS 23.501 section 5.32.8. The strings are names of paths, and no two of a rule's are
        /// the same.
        public enum Mode: Hashable, Sendable {
            /// The standby path carries data only while the active one doesn't work. With `noStandby` (default: no)
            /// clients may not even open subflows by it before that.
            case activeStandby(active: String, standby: String, noStandby: Bool)
            /// The low path carries data only while the high one is congested or doesn't work.
            case priorityBased(high: String, low: String)
            /// The path with the shortest round trip, and those that are longer by `margin` at most, 0-10 s, by default
            /// 10 ms; at least two paths.
            case smallestDelay(paths: [String], margin: Duration)
            /// Each path's share in percent, 0-100; at least two, which add up to 100.
            case loadBalancing(weights: [String: Int])
        }

        /// More of them are refused.
        public static let mostRules = 64

        /// 1-32 of letters, digits, `_`, `.` and `-`, beginning with a letter or digit; no other rule has the same, and
        /// no throttle.
        public var name: String
        public var mode: Mode
        /// Default: all of both families.
        public var clients: [IPPrefix]
        /// Default: all of both families.
        public var servers: [IPPrefix]
        /// Of the server; no two overlap. Default: all.
        public var ports: [ClosedRange<UInt16>]
        /// A path with a longer round trip is unfit, 1 ms - 1 min. Default nil: no limit.
        public var maxRTT: Duration?
        /// A path on which a larger share is lost is unfit, 0.001-1. Default nil: no limit.
        public var maxLoss: Double?
        /// How long a switch stands at least, unless a path stops working, 500 ms - 1 h. Default 5 s.
        public var minHold: Duration

        public init(
            name: String, mode: Mode, clients: [IPPrefix] = Intercept.allAddresses,
            servers: [IPPrefix] = Intercept.allAddresses, ports: [ClosedRange<UInt16>] = Intercept.allPorts,
            maxRTT: Duration? = nil, maxLoss: Double? = nil, minHold: Duration = .seconds(5)
        ) {
            self.name = name
            self.mode = mode
            self.clients = clients
            self.servers = servers
            self.ports = ports
            self.maxRTT = maxRTT
            self.maxLoss = maxLoss
            self.minHold = minHold
        }
    }
}
