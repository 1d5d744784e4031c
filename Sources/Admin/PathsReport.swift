/// `GET /v1/paths`: the access paths, how they fare, and what was decided about them. Rates in bits per second, times in
/// microseconds, shares of 1.
public struct PathsReport: Codable, Sendable {
    /// One direction of a path, as the client sees it.
    public struct Direction: Codable, Sendable {
        /// Of all that the path carries.
        public var rate: UInt64
        /// Of this, what belongs to connections that end at the box.
        public var ownRate: UInt64
        /// As configured or learned; null while it isn't known.
        @Nullable public var capacity: UInt64?

        public init(rate: UInt64, ownRate: UInt64, capacity: UInt64?) {
            self.rate = rate
            self.ownRate = ownRate
            self.capacity = capacity
        }
    }

    /// What a steering rule makes of a path.
    public struct Use: Codable, Sendable {
        public var rule: String
        /// active, standby or refused
        public var use: String
        /// What the rule's subflows may carry there; null: as much as they can.
        @Nullable public var downloadLimit: UInt64?
        @Nullable public var uploadLimit: UInt64?

        public init(rule: String, use: String, downloadLimit: UInt64?, uploadLimit: UInt64?) {
            self.rule = rule
            self.use = use
            self.downloadLimit = downloadLimit
            self.uploadLimit = uploadLimit
        }
    }

    /// A volume that may be used up in each period.
    public struct Cap: Codable, Sendable {
        public var bytes: UInt64
        /// day, week or month
        public var period: String
        public var used: UInt64

        public init(bytes: UInt64, period: String, used: UInt64) {
            self.bytes = bytes
            self.period = period
            self.used = used
        }
    }

    /// A volume that each client may use up in each period.
    public struct ClientCap: Codable, Sendable {
        public struct Client: Codable, Sendable {
            /// An address, or the /64 of an IPv6 one.
            public var client: String
            public var used: UInt64
            /// Has it used up its volume?
            public var spent: Bool

            public init(client: String, used: UInt64, spent: Bool) {
                self.client = client
                self.used = used
                self.spent = spent
            }
        }

        public var bytes: UInt64
        /// day, week or month
        public var period: String
        /// Clients that are counted.
        public var clients: Int
        /// Those of them that have used up their volume.
        public var spent: Int
        /// Of clients for which there was no room, since the daemon's start.
        public var uncountedBytes: UInt64
        /// Those that have carried most: all that have used up their volume, 256 at most, and others, if these are fewer than
        /// 20.
        public var largest: [Client]

        public init(
            bytes: UInt64, period: String, clients: Int, spent: Int, uncountedBytes: UInt64, largest: [Client]
        ) {
            self.bytes = bytes
            self.period = period
            self.clients = clients
            self.spent = spent
            self.uncountedBytes = uncountedBytes
            self.largest = largest
        }
    }

    public struct Path: Codable, Sendable {
        public var name: String
        /// null for a path of client addresses.
        @Nullable public var interface: String?
        public var clients: [String]
        public var cost: Int
        /// fit, congested, unfit or down
        public var state: String
        public var stateForUs: UInt64
        /// Why it isn't fit; null while it is.
        @Nullable public var reason: String?
        /// Subflows of converted connections on it, and those that move data.
        public var subflows: Int
        public var activeSubflows: Int
        public var download: Direction
        public var upload: Direction
        /// Smoothed over the active subflows; null when none has been active lately.
        @Nullable public var rttUs: Double?
        @Nullable public var minRttUs: Double?
        /// The share of bytes that were sent again.
        public var loss: Double
        @Nullable public var cap: Cap?
        @Nullable public var clientCap: ClientCap?
        public var uses: [Use]

        public init(
            name: String, interface: String?, clients: [String], cost: Int, state: String, stateForUs: UInt64,
            reason: String?, subflows: Int, activeSubflows: Int, download: Direction, upload: Direction,
            rttUs: Double?, minRttUs: Double?, loss: Double, cap: Cap?, clientCap: ClientCap?, uses: [Use]
        ) {
            self.name = name
            self.interface = interface
            self.clients = clients
            self.cost = cost
            self.state = state
            self.stateForUs = stateForUs
            self.reason = reason
            self.subflows = subflows
            self.activeSubflows = activeSubflows
            self.download = download
            self.upload = upload
            self.rttUs = rttUs
            self.minRttUs = minRttUs
            self.loss = loss
            self.cap = cap
            self.clientCap = clientCap
            self.uses = uses
        }
    }

    public struct Rule: Codable, Sendable {
        public var name: String
        public var mode: String
        public var paths: [String]

        public init(name: String, mode: String, paths: [String]) {
            self.name = name
            self.mode = mode
            self.paths = paths
        }
    }

    public struct Decision: Codable, Sendable {
        /// Seconds since 1970.
        public var time: Double
        /// The steering rule or throttle.
        public var rule: String
        public var path: String
        /// active, standby, refused, throttled, released or spent
        public var effect: String
        /// With the figures that it rests on.
        public var reason: String

        public init(time: Double, rule: String, path: String, effect: String, reason: String) {
            self.time = time
            self.rule = rule
            self.path = path
            self.effect = effect
            self.reason = reason
        }
    }

    public var paths: [Path]
    /// The steering rules, in the order in which they are tried.
    public var rules: [Rule]
    /// The last 256, the oldest first.
    public var decisions: [Decision]
    /// How long the longest look at all paths took.
    public var longestTurnUs: UInt64

    public init(paths: [Path], rules: [Rule], decisions: [Decision], longestTurnUs: UInt64) {
        self.paths = paths
        self.rules = rules
        self.decisions = decisions
        self.longestTurnUs = longestTurnUs
    }
}
