import Wire

/// What the packet path asks of the stream path: dial this server for this client, whose SYN is held meanwhile.
public struct DialRequest: Hashable, Sendable {
    /// Names the held SYN in the answer.
    public let id: UInt64
    public let tuple: FourTuple
    /// The held SYN's.
    public let way: Way
    /// When the SYN's queue handed it over, in nanoseconds of CLOCK_MONOTONIC.
    public let received: UInt64
    public let plan: DialPlan

    public init(id: UInt64, tuple: FourTuple, way: Way, received: UInt64, plan: DialPlan) {
        self.id = id
        self.tuple = tuple
        self.way = way
        self.received = received
        self.plan = plan
    }

    /// The ids of several deciders' dials and questions differ in the second of their eight bytes. The first one is 0: the
    /// cluster's directory has a use of its own for it.
    static func firstID(at place: Int) -> UInt64 { UInt64(place) << 48 }

    /// Of the decider whose dial or question has this id.
    public static func place(ofID id: UInt64) -> Int { Int(id >> 48 & 0xff) }
}

/// How a server is dialled, by what is known of it.
public struct DialPlan: Hashable, Sendable {
    /// The first SYN asks whether the server speaks MPTCP.
    public let asks: Bool
    /// A second SYN, which doesn't ask, follows when there is no answer after this time.
    public let secondAfter: Duration
    /// How long an answer is waited for.
    public let timeout: Duration

    public init(asks: Bool, secondAfter: Duration, timeout: Duration) {
        self.asks = asks
        self.secondAfter = secondAfter
        self.timeout = timeout
    }
}

/// What is known of a server, and of its answers to a client, says about the client's next SYN.
public enum DialAdvice: Hashable, Sendable {
    case dial(DialPlan)
    /// It speaks MPTCP itself.
    case speaksMultipath
    /// It would not answer in time.
    case silent
}

/// The answer to a `DialRequest`.
public enum DialOutcome: Hashable, Sendable {
    /// The server answered with plain TCP; its connection waits for the client. What a segment to the server may hold at
    /// most, in bytes and without options; nil if the kernel doesn't say.
    case connected(maximumSegmentSize: UInt16?)
    /// The server speaks MPTCP itself: the client is to have it end to end.
    case speaksMultipath
    /// The server, or the way to it, refused: the client is to hear that itself.
    case refused
    /// No answer within the time allowed.
    case silent
    /// No connection of the box's own would leave by the way on which the SYN was.
    case otherWay
    /// The box could not dial for want of descriptors or memory.
    case noRoom
    /// The box could not dial, e.g. for want of a port.
    case unable
}

/// What is known of a server from earlier dials.
public enum ServerKnowledge: Hashable, Sendable {
    case speaksTCP
    case speaksMultipath
}
