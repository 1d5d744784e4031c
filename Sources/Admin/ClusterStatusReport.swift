extension StatusReport {
    /// The cluster that this box is one of, and its directory.
    public struct Cluster: Codable, Sendable {
        public struct Peer: Codable, Sendable {
            public var id: String
            /// The directory has its sign of life.
            public var alive: Bool

            public init(id: String, alive: Bool) {
                self.id = id
                self.alive = alive
            }
        }

        /// This box's own.
        public var id: String
        /// Without the password.
        public var directory: String
        /// Why the directory can't be used; null when it can.
        @Nullable public var error: String?
        /// Another box says that it has the same id.
        public var usedTwice: Bool
        /// Of this box's connections, now.
        public var tokens: Int
        /// Tokens told to the directory, renewals and ends included.
        public var told: UInt64
        /// Tokens and ends that it is told of late or not at all, since they came too fast.
        public var lost: UInt64
        /// Tokens that another box had at the same server.
        public var collisions: UInt64
        /// The other boxes.
        public var peers: [Peer]
        /// Joins that were asked about, by what came of it: found, absent, remembered, own, down, stranger, late, unreachable,
        /// crowded.
        public var lookups: [String: UInt64]
        /// From a question to the directory until its answer.
        public var lookup: Latency

        public init(
            id: String, directory: String, error: String?, usedTwice: Bool, tokens: Int, told: UInt64, lost: UInt64,
            collisions: UInt64, peers: [Peer], lookups: [String: UInt64], lookup: Latency
        ) {
            self.id = id
            self.directory = directory
            self.error = error
            self.usedTwice = usedTwice
            self.tokens = tokens
            self.told = told
            self.lost = lost
            self.collisions = collisions
            self.peers = peers
            self.lookups = lookups
            self.lookup = lookup
        }
    }
}
