import Wire

/// What the packet path asks of the stream path: dial this server for this client, whose SYN is held meanwhile.
public struct DialRequest: Hashable, Sendable {
    /// Names the held SYN in the answer.
    public let id: UInt64
    public let tuple: FourTuple
    /// The mark of the held SYN: its bits of other software go onto the upstream connection too, so that the operator's
    /// policy routing treats it as it would have treated the client's.
    public let mark: UInt32
    /// The interface that the held SYN was about to leave by: its index.
    public let outDevice: UInt32
    /// When the SYN's queue handed it over, in nanoseconds of CLOCK_MONOTONIC.
    public let received: UInt64

    public init(id: UInt64, tuple: FourTuple, mark: UInt32, outDevice: UInt32, received: UInt64) {
        self.id = id
        self.tuple = tuple
        self.mark = mark
        self.outDevice = outDevice
        self.received = received
    }
}

/// The answer to a `DialRequest`.
public enum DialOutcome: Hashable, Sendable {
    /// The server answered with plain TCP; its connection waits for the client.
    case connected
    /// The server speaks MPTCP itself: the client is to have it end to end.
    case speaksMultipath
    /// The server, or the way to it, refused: the client is to hear that itself.
    case refused
    /// No answer within the time allowed.
    case silent
    /// The box could not dial, e.g. for want of a descriptor or a port.
    case unable
}

/// What is known of a server from earlier dials.
public enum ServerKnowledge: Hashable, Sendable {
    case speaksTCP
    case speaksMultipath
}
