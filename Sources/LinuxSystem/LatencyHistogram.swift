import Synchronization

/// How often something took how long. Any thread adds without a lock or an allocation, any reads.
///
/// Each power of two of nanoseconds is parted into eight buckets, so that what is read of it is at most an eighth too
/// large, and never too small.
public final class LatencyHistogram: @unchecked Sendable {
    private static let buckets = bucket(of: .max) + 1
    private let counts: UnsafeMutablePointer<Atomic<UInt64>>
    private let sum = Atomic<UInt64>(0)

    public init() {
        counts = .allocate(capacity: Self.buckets)
        for index in 0..<Self.buckets { (counts + index).initialize(to: Atomic(0)) }
    }

    deinit { counts.deinitialize(count: Self.buckets).deallocate() }

    public func record(nanoseconds: UInt64) {
        (counts + Self.bucket(of: nanoseconds)).pointee.wrappingAdd(1, ordering: .relaxed)
        sum.wrappingAdd(nanoseconds, ordering: .relaxed)
    }

    public var snapshot: LatencySnapshot {
        LatencySnapshot(
            counts: (0..<Self.buckets).map { (counts + $0).pointee.load(ordering: .relaxed) },
            nanoseconds: sum.load(ordering: .relaxed))
    }

    /// The highest bit and the three below it make the bucket; below 8 ns each value has its own.
    static func bucket(of nanoseconds: UInt64) -> Int {
        guard nanoseconds >= 8 else { return Int(nanoseconds) }
        let exponent = 63 - nanoseconds.leadingZeroBitCount
        return (exponent - 2) * 8 + Int(nanoseconds >> UInt64(exponent - 3)) & 7
    }

    /// The largest value of a bucket.
    static func upperBound(of bucket: Int) -> UInt64 {
        guard bucket >= 8 else { return UInt64(bucket) }
        let exponent = bucket / 8 + 2
        let steps = UInt64(bucket % 8 + 9)
        return (steps << UInt64(exponent - 3)) &- 1
    }
}

/// A histogram as it was at one time.
public struct LatencySnapshot: Sendable {
    private let counts: [UInt64]
    public let count: UInt64
    /// The sum of all durations.
    public let nanoseconds: UInt64

    init(counts: [UInt64], nanoseconds: UInt64) {
        self.counts = counts
        count = counts.reduce(0, &+)
        self.nanoseconds = nanoseconds
    }

    /// The duration, in nanoseconds, that a share of all didn't exceed, as its bucket's upper bound; nil when there is none.
    /// `share`: 0 to 1; 1 gives the longest.
    public func quantile(_ share: Double) -> UInt64? {
        let rank = max(1, UInt64((share * Double(count)).rounded(.up)))
        var seen: UInt64 = 0
        for (bucket, count) in counts.enumerated() where count > 0 {
            seen += count
            if seen >= rank { return LatencyHistogram.upperBound(of: bucket) }
        }
        return nil
    }

    /// How many took less than 2^10, 2^11 … 2^30 nanoseconds: a microsecond to a second.
    public var cumulative: [(nanoseconds: UInt64, count: UInt64)] {
        (10...30).map { exponent in
            let bound = UInt64(1) << UInt64(exponent)
            return (bound, counts[..<LatencyHistogram.bucket(of: bound)].reduce(0, &+))
        }
    }
}
