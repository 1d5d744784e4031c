extension MarkdownTable {
    /// The figures of a benchmark as docs/performance.md has them: a row for each measurement, a column for each contender.
    init(_ report: BenchReport) {
        let contenders = report.contenders
        let ratios = report.keys.map(report.ratio)
        let hasRatios = ratios.contains { $0 != nil }
        heading = ["measurement", "unit"] + contenders + (hasRatios ? ["Sluice / best HAProxy"] : [])
        for (key, ratio) in zip(report.keys, ratios) {
            let group = report.rows(of: key)
            let figures = contenders.map { name in
                group.first { $0.contender == name }.map { Self.cell($0.median, $0.sorted) } ?? "-"
            }
            let last = ratio.map { Self.cell($0.value, [$0.least, $0.most]) } ?? ""
            rows.append([key.measurement, key.unit.rawValue] + figures + (hasRatios ? [last] : []))
        }
        if let mean = report.meanRatio {
            let empty = contenders.map { _ in "" }
            rows.append(["geometric mean", BenchUnit.gigabits.rawValue] + empty + ["**\(BenchReport.text(mean))**"])
        }
    }

    /// `13.9 (13.4-19.1)`: the median, the least and the most, unless they are the same.
    private static func cell(_ median: Double, _ sorted: [Double]) -> String {
        guard sorted[0] < sorted[sorted.count - 1] else { return BenchReport.text(median) }
        let range = "\(BenchReport.text(sorted[0]))-\(BenchReport.text(sorted[sorted.count - 1]))"
        return "\(BenchReport.text(median)) (\(range))"
    }
}
