/// What the kernel says of a path at one moment.
public struct PathReading: Hashable, Sendable {
    /// Is its interface there and up?
    public var isUp: Bool
    /// Bytes that the path has carried, whatever for; they count up from anywhere.
    public var total: PathRates<UInt64>
    /// Of these, bytes of subflows that end at the box, as far as they were asked; they count up from anywhere.
    public var own: PathRates<UInt64>
    /// Subflows that end at the box.
    public var subflows: Int
    /// Of those asked, how many have moved data since the last reading.
    public var active: Int
    /// Of those asked, how many wait for an acknowledgement that is overdue.
    public var stalled: Int
    /// Smoothed round-trip time of the active ones, their mean, in microseconds; nil when none is.
    public var roundTripTime: Double?
    /// The mean of the shortest round trips that each of these has had, in microseconds.
    public var shortestRoundTripTime: Double?
    /// Bytes that the box has sent by those asked since the last reading, first transmissions and others.
    public var sent: UInt64
    /// Of these, the ones sent again.
    public var retransmitted: UInt64

    public init(
        isUp: Bool = true, total: PathRates<UInt64> = PathRates(download: 0, upload: 0),
        own: PathRates<UInt64> = PathRates(download: 0, upload: 0), subflows: Int = 0, active: Int = 0,
        stalled: Int = 0,
        roundTripTime: Double? = nil, shortestRoundTripTime: Double? = nil, sent: UInt64 = 0, retransmitted: UInt64 = 0
    ) {
        self.isUp = isUp
        self.total = total
        self.own = own
        self.subflows = subflows
        self.active = active
        self.stalled = stalled
        self.roundTripTime = roundTripTime
        self.shortestRoundTripTime = shortestRoundTripTime
        self.sent = sent
        self.retransmitted = retransmitted
    }
}
