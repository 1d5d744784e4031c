import Testing

@testable import sluice_lab

struct ClaimTests {
    @Test(arguments: [
        (12.0, Claim.Comparison.atLeast(1.2), 10.0, true), (11.9, .atLeast(1.2), 10, false),
        (8, .atMost(0.8), 10, true), (8.1, .atMost(0.8), 10, false), (9, .within(0.1), 10, true),
        (11, .within(0.1), 10, true), (8.9, .within(0.1), 10, false), (11.1, .within(0.1), 10, false),
    ])
    func comparisons(_ figure: Double, _ comparison: Claim.Comparison, _ other: Double, _ holds: Bool) {
        #expect(Claim("", figure, comparison, other, "s").holds == holds)
    }

    @Test(arguments: [Claim.Comparison.atLeast(0), .atMost(1000), .within(1000)])
    func whatIsNoNumberRefutes(_ comparison: Claim.Comparison) {
        #expect(!Claim("", .nan, comparison, 1, "s").holds)
        #expect(!Claim("", 1, comparison, .nan, "s").holds)
    }

    @Test func theEvidenceHasTheFigures() {
        let claim = Claim("more", 103.51, .atLeast(1.05), 86.1, "Mbit/s")
        #expect(claim.evidence == "104 Mbit/s against 86.1, at least 1.05 times as much is claimed")
        #expect(Claim("", .nan, .within(0.25), 3, "s").evidence == "no figure s, 3.00 ± 25.0 % is claimed")
    }
}

struct StatisticsTests {
    @Test func jain() {
        #expect(Statistics.jain([5, 5, 5, 5]) == 1)
        #expect(Statistics.jain([7, 0, 0, 0]) == 0.25, "one has everything")
        #expect(Statistics.jain([1, 2, 3]) == 36.0 / 42, "(1 + 2 + 3)² / (3 · (1 + 4 + 9))")
        #expect(Statistics.jain([1, 2, 3]) == Statistics.jain([10, 20, 30]), "it doesn't depend on the unit")
        #expect(Statistics.jain([]).isNaN)
        #expect(Statistics.jain([0, 0]).isNaN)
    }

    @Test func meanAndDeviation() {
        #expect(Statistics.mean([1, 2, 6]) == 3)
        #expect(Statistics.deviation([2, 4, 4, 4, 5, 5, 7, 9]) == (32.0 / 7).squareRoot())
        #expect(Statistics.mean([]).isNaN)
        #expect(Statistics.deviation([1]).isNaN)
    }

    @Test func quantiles() {
        let values = [5.0, 1, 4, 2, 3]
        #expect(Statistics.median(values) == 3)
        #expect(Statistics.median([1, 2, 3, 4]) == 2, "the lower of the middle ones")
        #expect([0, 0.2, 0.9, 1].map { Statistics.quantile(values, $0) } == [1, 1, 5, 5])
        #expect(Statistics.quantile([], 0.5).isNaN)
    }
}
