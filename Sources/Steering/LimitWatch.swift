/// A path against the thresholds of one rule. Clients are sent away from it after a third of a second above one of
/// them, and back after a second below nine tenths of both.
struct LimitWatch {
    private var delay = Persistence()
    private var loss = Persistence()
    /// Between the two thresholds these stand.
    private var delayFault: PathFault?
    private var lossFault: PathFault?

    private static let raise: UInt64 = 300_000_000
    private static let clear: UInt64 = 1_000_000_000

    /// Returns what is held against the path by the rule, if anything.
    mutating func note(_ figures: PathFigures, _ limits: PathLimits, at now: UInt64) -> PathFault? {
        // Of a path that nobody uses no new round trip is known, and that nothing is lost there says nothing.
        let time = figures.roundTripTime
        if let limit = limits.roundTripTime {
            let isOver = time.map { $0 > limit } ?? false
            if isOver { delayFault = .roundTripTime(time ?? limit, limit: limit) }
            delay.note(
                isOver: isOver, isUnder: time.map { $0 <= limit * 0.9 } ?? false, at: now, raise: Self.raise,
                clear: Self.clear)
        }
        if let limit = limits.loss {
            let isOver = figures.loss > limit
            if isOver { lossFault = .loss(figures.loss, limit: limit) }
            loss.note(
                isOver: isOver, isUnder: time != nil && figures.loss <= limit * 0.9, at: now, raise: Self.raise,
                clear: Self.clear)
        }
        if delay.isRaised { return delayFault }
        return loss.isRaised ? lossFault : nil
    }
}
