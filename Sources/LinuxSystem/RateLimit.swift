/// Lets one event through in a while, and counts the others.
public struct RateLimit: Sendable {
    private let interval: Duration
    private var next = MonotonicTime(nanoseconds: 0)
    private var suppressed = 0

    public init(every interval: Duration) { self.interval = interval }

    /// How many were suppressed since the last that passed; nil if this one is suppressed too.
    public mutating func pass(_ now: MonotonicTime) -> Int? {
        guard next <= now else {
            suppressed += 1
            return nil
        }
        next = now + interval
        defer { suppressed = 0 }
        return suppressed
    }
}
