/// What many times amount to, in nanoseconds.
public struct DelaySummary: Encodable, Hashable, Sendable {
    public let count: Int
    public let mean: Double
    /// The standard deviation of the sample (divided by one less than `count`); 0 for a single time.
    public let deviation: Double
    public let p50: UInt64
    public let p99: UInt64
    /// The greatest of them, when there are fewer than a thousand.
    public let p999: UInt64
    public let max: UInt64

    /// nil when there are none.
    public init?(_ times: [UInt64]) {
        let sorted = times.sorted()
        guard let last = sorted.last, let p50 = sorted.quantile(0.5), let p99 = sorted.quantile(0.99),
            let p999 = sorted.quantile(0.999)
        else { return nil }
        let mean = sorted.reduce(0) { $0 + Double($1) } / Double(sorted.count)
        let squares = sorted.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
        count = sorted.count
        self.mean = mean
        deviation = sorted.count > 1 ? (squares / Double(sorted.count - 1)).squareRoot() : 0
        (self.p50, self.p99, self.p999, max) = (p50, p99, p999, last)
    }
}

extension [UInt64] {
    /// Of sorted times the one that a share of them didn't exceed; nil when there are none.
    func quantile(_ share: Double) -> UInt64? {
        isEmpty ? nil : self[Swift.min(count - 1, Int((share * Double(count)).rounded(.up)) - 1)]
    }
}
