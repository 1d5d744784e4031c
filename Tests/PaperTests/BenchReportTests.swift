import Testing

@testable import sluice_lab

struct BenchReportTests {
    private func report(_ figures: [(Contender, [Double])], _ unit: BenchUnit) -> BenchReport {
        var report = BenchReport()
        for (contender, values) in figures {
            for value in values { report.add("download, 8", contender, value, unit) }
        }
        return report
    }

    @Test func theRatioIsOfMediansToHAProxyAsItWasBetter() throws {
        let report = report(
            [
                (.forwarding, [60, 61, 62]), (.haproxySplice, [4, 4, 4]), (.sluice, [12, 20, 10]),
                (.haproxy, [10, 8, 5]),
            ], .gigabits)
        let ratio = try #require(report.ratio(report.keys[0]))
        #expect(ratio.value == 12.0 / 8)
        #expect(ratio.least == 12.0 / 10, "in the first round")
        #expect(ratio.most == 20.0 / 8, "in the second")
    }

    @Test func ofCostsTheBetterHAProxyIsTheCheaper() throws {
        let report = report([(.sluice, [3]), (.haproxy, [2]), (.haproxySplice, [1.5])], .timePerGigabyte)
        #expect(try #require(report.ratio(report.keys[0])).value == 2)
    }

    @Test func withoutHAProxyOrAnOrderThereIsNoRatio() {
        let alone = report([(.forwarding, [1]), (.sluice, [1])], .gigabits)
        #expect(alone.ratio(alone.keys[0]) == nil)
        let memory = report([(.sluice, [1]), (.haproxy, [1])], .socketMemory)
        #expect(memory.ratio(memory.keys[0]) == nil)
        let nothing = report([(.sluice, [1]), (.haproxy, [0])], .gigabits)
        #expect(nothing.ratio(nothing.keys[0]) == nil)
    }

    @Test func theMeanOfRatiosIsGeometricAndOfThroughput() throws {
        var report = BenchReport()
        for (name, sluice) in [("download, 1", 20.0), ("download, 8", 5)] {
            report.add(name, .sluice, sluice, .gigabits)
            report.add(name, .haproxy, 10, .gigabits)
            report.add(name, .sluice, 9, .longestPause)
            report.add(name, .haproxy, 1, .longestPause)
        }
        #expect(abs(try #require(report.meanRatio) - 1) < 1e-9, "twice and half as much")
        #expect(BenchReport().meanRatio == nil)
        #expect(MarkdownTable(report).text.hasSuffix("\n| geometric mean | Gbit/s |  |  | **1.00** |"))
    }

    @Test func markdownHasAColumnForEachContender() {
        var report = report(
            [(.forwarding, [31]), (.sluice, [13.9, 13.4, 19.1]), (.haproxy, [10, 10, 10])], .gigabits)
        report.add("download, 8", .sluice, 3.25, .packetsPerWakeup)
        #expect(
            MarkdownTable(report).text == """
                | measurement | unit | forwarding | sluice | haproxy | Sluice / best HAProxy |
                | --- | --- | --- | --- | --- | --- |
                | download, 8 | Gbit/s | 31.0 | 13.9 (13.4-19.1) | 10.0 | 1.39 (1.34-1.91) |
                | download, 8 | packets/wake-up | - | 3.25 | - |  |
                """)
    }

    @Test func theUnitsOfAMeasurementAreTogether() {
        var report = BenchReport()
        for name in ["download, 1", "download, 8"] { report.add(name, .forwarding, 1, .gigabits) }
        for name in ["download, 1", "download, 8"] { report.add(name, .sluice, 1, .timePerGigabyte) }
        #expect(report.keys.map(\.measurement) == ["download, 1", "download, 1", "download, 8", "download, 8"])
        #expect(report.contenders == ["forwarding", "sluice"])
    }

    @Test func packetsForEachWakeup() {
        let use = { (data: UInt64, reads: UInt64) in
            RelayUse(seconds: 0, contextSwitches: 0, joins: 0, reads: .init(data: data, dataReads: reads))
        }
        #expect((use(130, 30) - use(30, 10)).packetsPerWakeup == 5)
        #expect((use(30, 10) - use(30, 10)).packetsPerWakeup == nil)
    }
}
