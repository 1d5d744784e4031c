/// From when on a rule calls a path unfit, and how long what follows from that stands.
public struct PathLimits: Hashable, Sendable {
    /// Microseconds; nil: no limit.
    public var roundTripTime: Double?
    /// The share of bytes sent again.
    public var loss: Double?
    /// Nanoseconds that a switch stands at least.
    public var minHold: UInt64

    public init(roundTripTime: Double? = nil, loss: Double? = nil, minHold: UInt64 = 5_000_000_000) {
        self.roundTripTime = roundTripTime
        self.loss = loss
        self.minHold = minHold
    }
}
