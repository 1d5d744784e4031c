/// When a throttle with `when = "congested"` is on.
///
/// It is there for other traffic's sake: it goes on when the path is full and some of that isn't the throttle's own, and
/// off when others need little of the path with the throttle on. What the held subflows themselves carry says nothing:
/// they would take again what they gave up.
///
/// How much others want isn't known while they are squeezed, so that the throttle tries it out. Where they want little it
/// is of no use to them; then it waits longer each time before it tries again.
public struct ThrottleGate: Sendable {
    /// Of the path's capacity, that others carry: what a single TCP connection may be squeezed to, and what shows that they
    /// want no more.
    private static let othersOn = 0.1
    private static let othersOff = 0.2
    /// Nanoseconds that others have to carry as much before it goes on. When a connection of the box's own loses segments, its
    /// figures fall behind for a round trip, while the path still carries what waits in its queue.
    private static let presence: UInt64 = 500_000_000
    /// Nanoseconds that they have to carry less before it goes off.
    private static let calm: UInt64 = 1_500_000_000
    /// Nanoseconds; one that was off sooner was of little use.
    private static let usefulTime: UInt64 = 30_000_000_000
    private static let longestWait: UInt64 = 300_000_000_000

    public let condition: ThrottleRule.Condition
    public private(set) var isOn = false
    /// Nanoseconds; nil: it has been as it is from the start.
    public private(set) var since: UInt64?
    /// What it was turned on or off by.
    public private(set) var reason: String?
    private var othersPresent = Persistence()
    private var quiet = Persistence()
    private var limits = LimitWatch()
    /// How often in a row it was of little use.
    private(set) var failures = 0

    public init(_ condition: ThrottleRule.Condition) { self.condition = condition }

    /// As another one has left off.
    mutating func goOn(isOn: Bool, since: UInt64?, reason: String?, failures: Int) {
        self.isOn = isOn
        self.since = since
        self.reason = reason
        self.failures = failures
    }

    /// - Returns: whether it has been turned on or off.
    public mutating func decide(_ path: PathCondition, at now: UInt64) -> Bool {
        let figures = path.figures
        let others = figures.othersShare
        // What was found before a pause says nothing of now.
        let noted = limits.note(figures, condition.limits, at: now)
        let limit = figures.roundTripTime == nil ? nil : noted
        let fault = limit ?? (path.state == .congested ? path.fault : nil)
        othersPresent.note(
            isOver: others >= Self.othersOn, isUnder: others < Self.othersOn, at: now, raise: Self.presence, clear: 0)
        quiet.note(
            isOver: others < Self.othersOff, isUnder: others >= Self.othersOff, at: now, raise: Self.calm, clear: 0)
        if let since, now - since < holdTime { return false }
        if !isOn, let fault, othersPresent.isRaised {
            turn(on: true, "\(fault); others carry \(percent(others))", at: now)
            return true
        }
        if isOn, quiet.isRaised {
            failures = since.map { now - $0 < Self.usefulTime } ?? false ? failures + 1 : 0
            turn(on: false, "others carry \(percent(others))", at: now)
            return true
        }
        return false
    }

    /// Nanoseconds that it stays as it is at least.
    private var holdTime: UInt64 {
        let least = condition.limits.minHold
        guard !isOn, failures > 1 else { return least }
        return max(least, min(max(least, Self.calm) << UInt64(min(failures - 1, 16)), Self.longestWait))
    }

    private mutating func turn(on: Bool, _ reason: String, at now: UInt64) {
        isOn = on
        since = now
        self.reason = reason
    }
}
