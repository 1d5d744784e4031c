import Steering
import Testing

@testable import Throttling

@Suite("what weighed classes carry") struct WeightMetersTests {
    /// Expectations can't change what they look at.
    final class Meters {
        private var meters = WeightMeters()

        func rate(_ bytes: UInt64, at tenths: UInt64) -> Double {
            meters.rate("rule", "path", PathRates(download: bytes, upload: 0), at: tenths * 100_000_000).download
        }

        func keep(_ rules: Set<String>) { meters.keep(rules) }
    }

    @Test("the rate follows within a second") func follows() {
        let meters = Meters()
        #expect(meters.rate(500, at: 0) == 0)
        var last = 0.0
        for tenth in 1...10 as ClosedRange<UInt64> { last = meters.rate(500 + tenth * 1_250_000, at: tenth) }
        #expect((95e6...100e6).contains(last))
    }

    @Test("a class that was made anew makes no burst") func beginsAnew() {
        let meters = Meters()
        for tenth in 0...10 as ClosedRange<UInt64> { _ = meters.rate(tenth * 1_250_000, at: tenth) }
        #expect(meters.rate(10, at: 11) < 100e6)
    }

    @Test("rules are told apart, and forgotten") func isKept() {
        let meters = Meters()
        for tenth in 0...10 as ClosedRange<UInt64> { _ = meters.rate(tenth * 1_250_000, at: tenth) }
        meters.keep(["rule"])
        #expect(meters.rate(11 * 1_250_000, at: 11) > 90e6)
        meters.keep([])
        #expect(meters.rate(12 * 1_250_000, at: 12) == 0)
    }
}
