import Foundation
import Lab

/// The times that a benchmark took of many things, of all rounds together: tails need many. Printed in microseconds.
struct DelayReport: Encodable {
    struct Row: Encodable {
        let measurement: String
        let contender: Contender
        /// Of all rounds together.
        private(set) var total: DelaySummary
        private(set) var rounds: [DelaySummary]
        private var times: [UInt64]

        private enum CodingKeys: CodingKey {
            case measurement, contender, total, rounds
        }

        fileprivate init(_ measurement: String, _ contender: Contender, _ times: [UInt64], _ summary: DelaySummary) {
            self.measurement = measurement
            self.contender = contender
            self.times = times
            total = summary
            rounds = [summary]
        }

        fileprivate mutating func add(_ times: [UInt64], _ summary: DelaySummary) {
            self.times += times
            total = DelaySummary(self.times) ?? summary
            rounds.append(summary)
        }

        /// The least and the greatest median of a round.
        fileprivate var medians: String {
            let medians = rounds.map(\.p50)
            return "\(DelayReport.microseconds(medians.min()!))-\(DelayReport.microseconds(medians.max()!))"
        }
    }

    let machine = Machine.description
    private(set) var rows: [Row] = []
    /// What else there is to say, e.g. how much load there was: a value a round.
    private(set) var others = BenchReport()

    mutating func add(_ measurement: String, _ contender: Contender, _ times: [UInt64]) {
        guard let summary = DelaySummary(times) else { return }
        if let index = rows.firstIndex(where: { $0.measurement == measurement && $0.contender == contender }) {
            rows[index].add(times, summary)
        } else {
            rows.append(Row(measurement, contender, times, summary))
        }
    }

    /// Figures and failures that aren't times.
    mutating func note(_ body: (inout BenchReport) -> Void) { body(&others) }

    func write(as format: ReportFormat) throws {
        switch format {
        case .json: try printJSON(self)
        case .text:
            print("\(machine)\n\nmicroseconds\n\n\(table)\n")
            others.writeTable(as: format)
        case .markdown:
            print("\(Machine.text(as: format))\n\n\(MarkdownTable(figures).text)\n")
            others.writeTable(as: format)
        }
    }

    /// A figure a round, as other benchmarks have them.
    private var figures: BenchReport {
        var report = BenchReport()
        for row in rows {
            for round in row.rounds {
                for (time, unit) in [(round.p50, BenchUnit.median), (round.p99, .p99), (round.p999, .p999)] {
                    report.add(row.measurement, row.contender, Double(time) / 1000, unit)
                }
            }
        }
        return report
    }

    private var table: String {
        var lines = [["measurement", "", "times", "mean", "deviation", "p50", "of rounds", "p99", "p99.9", "max"]]
        var names: [String] = []
        for row in rows where !names.contains(row.measurement) { names.append(row.measurement) }
        for name in names {
            for (index, row) in rows.filter({ $0.measurement == name }).enumerated() {
                let sum = row.total
                lines.append(
                    [index == 0 ? name : "", row.contender.rawValue, "\(sum.count)"]
                        + [sum.mean, sum.deviation].map { "\(decimal($0 / 1000, places: 1))" }
                        + [Self.microseconds(sum.p50), row.medians]
                        + [sum.p99, sum.p999, sum.max].map(Self.microseconds))
            }
        }
        return textTable(lines)
    }

    private static func microseconds(_ nanoseconds: UInt64) -> String {
        decimal(Double(nanoseconds) / 1000, places: 1)
    }
}
