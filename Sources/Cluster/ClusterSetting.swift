public import Wire

/// What a box has to know of its cluster.
public struct ClusterSetting: Sendable, Hashable {
    /// This box's own name.
    public var id: String
    public var redis: RedisAddress
    /// The other boxes' names: an index into them is a peer's number.
    public var peers: [String]
    /// How long the directory keeps a token that nobody renews.
    public var tokenLifetime: Duration
    /// How long an answer about a token is waited for.
    public var lookupTimeout: Duration
    /// How long the directory keeps a box that is silent.
    public var boxLifetime: Duration

    public init(
        id: String, redis: RedisAddress, peers: [String] = [], tokenLifetime: Duration = .seconds(600),
        lookupTimeout: Duration = .milliseconds(20), boxLifetime: Duration = .seconds(2)
    ) {
        self.id = id
        self.redis = redis
        self.peers = peers
        self.tokenLifetime = tokenLifetime
        self.lookupTimeout = lookupTimeout
        self.boxLifetime = boxLifetime
    }
}

/// Where a Redis or Valkey server is, and who one is to it.
public struct RedisAddress: Sendable, Hashable, CustomStringConvertible {
    public var server: Endpoint
    /// nil: the server's default user (Redis 6).
    public var user: String?
    /// nil: it asks for none.
    public var password: String?
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
