public import Wire

extension Settings {
    /// `[cluster]`: several boxes as one.
    public struct Cluster: Hashable, Sendable {
        /// A Redis or Valkey server, which boxes find each other's connections by.
        public struct Redis: Hashable, Sendable, CustomStringConvertible {
            public var server: Endpoint
            public var user: String?
            public var password: String?
            /// 0-65535.
            public var database: Int

            public init(server: Endpoint, user: String? = nil, password: String? = nil, database: Int = 0) {
                self.server = server
                self.user = user
                self.password = password
                self.database = database
            }

            /// Without the password.
            public var description: String { "redis://\(server)/\(database)" }
        }

        /// This box's own name, 1-32 of letters, digits, `_`, `.` and `-`. Default nil: there is no cluster.
        public var id: String?
        /// Required with `id`.
        public var redis: Redis?
        /// The interface that the other boxes are behind, 1-15 bytes. Required if there are any.
        public var interface: String?
        /// How long a join waits for the directory, 1-500 ms. Default 20 ms.
        public var lookupTimeout: Duration
        /// How long a token is kept in Redis that its box doesn't renew, 3 s - 24 h. Default 10 min.
        public var tokenLifetime: Duration

        public init(
            id: String? = nil, redis: Redis? = nil, interface: String? = nil,
            lookupTimeout: Duration = .milliseconds(20), tokenLifetime: Duration = .seconds(600)
        ) {
            self.id = id
            self.redis = redis
            self.interface = interface
            self.lookupTimeout = lookupTimeout
            self.tokenLifetime = tokenLifetime
        }
    }
}
