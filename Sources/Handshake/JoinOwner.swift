public import Wire

/// At which other box of the cluster the connection is that an MP_JOIN wants to join.
public enum JoinOwner: Hashable, Sendable {
    /// At the peer with this number, which lives.
    case peer(Int)
    /// At none.
    case nobody
    /// It could not be found out in time.
    case unknown
}

/// What the packet path asks of the cluster's directory about an MP_JOIN, which is held meanwhile.
public struct JoinQuestion: Hashable, Sendable {
    /// Names the held SYN in the answer.
    public let id: UInt64
    public let token: Token
    /// That of the join.
    public let server: IPAddress

    public init(id: UInt64, token: Token, server: IPAddress) {
        self.id = id
        self.token = token
        self.server = server
    }
}
