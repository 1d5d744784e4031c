import LinuxSystem
import Testing

struct LatencyHistogramTests {
    /// Quantiles are those of the sorted values, at most an eighth too large and never too small.
    @Test(arguments: 0..<20) func quantiles(_ seed: UInt64) {
        var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
        func random() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
        let histogram = LatencyHistogram()
        let values = (0..<1000).map { _ in random() >> (14 + random() % 50) }.sorted()
        for value in values { histogram.record(nanoseconds: value) }
        let snapshot = histogram.snapshot
        #expect(snapshot.count == 1000)
        #expect(snapshot.nanoseconds == values.reduce(0, &+))
        for share in [0.0, 0.001, 0.25, 0.5, 0.9, 0.99, 1] {
            let exact = values[max(0, Int((share * 1000).rounded(.up)) - 1)]
            let found = snapshot.quantile(share) ?? 0
            #expect(found >= exact && found - exact <= exact / 8)
        }
        for (bound, count) in snapshot.cumulative { #expect(count == values.count { $0 < bound }) }
    }

    @Test func theEndsOfTheRange() {
        let histogram = LatencyHistogram()
        #expect(histogram.snapshot.quantile(0.5) == nil)
        for value in [0, 1, UInt64.max] { histogram.record(nanoseconds: value) }
        #expect(histogram.snapshot.quantile(0) == 0)
        #expect(histogram.snapshot.quantile(1) == .max)
    }

    @Test func threadsLoseNothing() async {
        let histogram = LatencyHistogram()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { for value in 0..<50_000 { histogram.record(nanoseconds: UInt64(value)) } }
            }
        }
        #expect(histogram.snapshot.count == 200_000)
    }
}
