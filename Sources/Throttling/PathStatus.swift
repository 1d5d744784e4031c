public import Steering

/// How a path fares, and what the rules make of it.
public struct PathStatus: Sendable {
    public struct Use: Sendable {
        public let rule: String
        public let role: PathRole
    }

    /// What clients have carried in the running period.
    public struct Clients: Sendable {
        public struct Client: Sendable {
            public let client: CappedClient
            public let bytes: UInt64
            /// Has it used up its volume?
            public let isSpent: Bool
        }

        public let cap: VolumeCap
        /// Those that are counted, and those of them that have used up their volume.
        public let count: Int
        public let spent: Int
        /// Those that have carried most, by what they have: all that have used up their volume, as far as they are no more
        /// than 256, and of others so many that there are 20.
        public let largest: [Client]
        /// Bytes of clients for which there was no room.
        public let uncounted: UInt64

        private static let least = 20
        private static let most = 256

        init(all: [(client: CappedClient, bytes: UInt64)], cap: VolumeCap, uncounted: UInt64) {
            self.cap = cap
            self.uncounted = uncounted
            count = all.count
            spent = all.count { $0.bytes >= cap.bytes }
            // Texts are made of equal ones alone.
            let sorted = all.sorted { one, other in
                one.bytes == other.bytes
                    ? one.client.description < other.client.description : one.bytes > other.bytes
            }
            largest = sorted.prefix(max(Self.least, min(spent, Self.most))).map { entry in
                Client(client: entry.client, bytes: entry.bytes, isSpent: entry.bytes >= cap.bytes)
            }
        }
    }

    public let path: Path
    public let state: PathState
    /// When the state began, in nanoseconds of the monotonic clock.
    public let since: UInt64
    /// What is held against it; nil while it is fit.
    public let fault: String?
    public let figures: PathFigures
    /// Bytes of the running period, where the path has a cap.
    public let used: UInt64?
    /// Of a path where each client has a volume of its own.
    public let clients: Clients?
    /// What each steering rule that names it wants of it.
    public let uses: [Use]
}

/// The paths, the steering rules and what was decided of late.
public struct SteeringStatus: Sendable {
    public let paths: [PathStatus]
    public let rules: [SteerRule]
    /// The oldest first.
    public let decisions: [SteerDecision]
    /// How many there were so far, by rule.
    public let counts: [String: UInt64]
    /// Of the turns so far, the longest, in nanoseconds.
    public let longestTurn: UInt64
}
