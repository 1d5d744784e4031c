/// What the kernel says of one subflow at one moment; counters count up from its beginning.
public struct SubflowReading: Hashable, Sendable {
    /// Bytes of payload that the client has acknowledged, and that it has sent in order.
    public var moved: PathRates<UInt64>
    /// Bytes of payload sent, those sent again included.
    public var sent: UInt64
    /// Of these, the ones sent again.
    public var retransmitted: UInt64
    /// Smoothed, in microseconds; 0 while none has been measured.
    public var roundTripTime: UInt32
    /// The shortest one, in microseconds; 0 while none has been measured.
    public var shortestRoundTripTime: UInt32
    /// Does it wait for an acknowledgement that is overdue?
    public var isStalled: Bool

    public init(
        moved: PathRates<UInt64>, sent: UInt64 = 0, retransmitted: UInt64 = 0, roundTripTime: UInt32 = 0,
        shortestRoundTripTime: UInt32 = 0, isStalled: Bool = false
    ) {
        self.moved = moved
        self.sent = sent
        self.retransmitted = retransmitted
        self.roundTripTime = roundTripTime
        self.shortestRoundTripTime = shortestRoundTripTime
        self.isStalled = isStalled
    }

    /// Counters that have fallen are another connection's.
    func continues(_ other: Self) -> Bool {
        PathDirection.allCases.allSatisfy { moved[$0] >= other.moved[$0] } && sent >= other.sent
    }
}
