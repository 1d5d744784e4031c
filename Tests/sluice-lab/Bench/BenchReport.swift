import ArgumentParser
import Foundation
import Lab

/// The figures of a benchmark: what was measured with whom, a value a round.
struct BenchReport: Encodable {
    struct Row: Encodable {
        let measurement: String
        let contender: String
        let unit: BenchUnit
        var values: [Double]

        var sorted: [Double] { values.sorted() }
        var median: Double { sorted[values.count / 2] }
    }

    /// What is compared between contenders.
    struct Key: Hashable {
        let measurement: String
        let unit: BenchUnit
    }

    let machine = Machine.description
    private(set) var rows: [Row] = []
    /// What did not go as it should, how often.
    private(set) var failures: [String: Int] = [:]

    private enum CodingKeys: CodingKey {
        case machine, rows, failures
    }

    mutating func add(_ measurement: String, _ contender: Contender, _ value: Double, _ unit: BenchUnit) {
        if let index = rows.firstIndex(where: {
            $0.measurement == measurement && $0.contender == contender.rawValue && $0.unit == unit
        }) {
            rows[index].values.append(value)
        } else {
            rows.append(Row(measurement: measurement, contender: contender.rawValue, unit: unit, values: [value]))
        }
    }

    mutating func add(_ measurement: String, _ contender: Contender, failures: [PeerError: Int]) {
        for (failure, count) in failures {
            add("\(measurement), \(contender.rawValue): \(failure)", times: count)
        }
    }

    mutating func add(_ failure: String, times: Int) { failures[failure, default: 0] += times }

    /// All that was measured, in the order in which it came; a measurement's units together, though not all contenders
    /// have each.
    var keys: [Key] {
        Self.distinct(rows.map(\.measurement)).flatMap { name in
            Self.distinct(rows.filter { $0.measurement == name }.map(\.unit)).map { Key(measurement: name, unit: $0) }
        }
    }

    /// In their order.
    var contenders: [String] { Self.distinct(rows.map(\.contender)) }

    private static func distinct<Value: Hashable>(_ values: [Value]) -> [Value] {
        var seen: Set<Value> = []
        return values.filter { seen.insert($0).inserted }
    }

    func rows(of key: Key) -> [Row] { rows.filter { $0.measurement == key.measurement && $0.unit == key.unit } }

    /// Sluice's figures to those of HAProxy as it was better, with splice or without.
    func ratio(_ key: Key) -> BenchRatio? {
        let group = rows(of: key)
        let others = group.filter { [Contender.haproxy, .haproxySplice].map(\.rawValue).contains($0.contender) }
        guard let moreIsBetter = key.unit.moreIsBetter,
            let sluice = group.first(where: { $0.contender == Contender.sluice.rawValue }),
            let best = others.max(by: { moreIsBetter ? $0.median < $1.median : $0.median > $1.median })
        else { return nil }
        return BenchRatio(sluice, to: best)
    }

    /// The geometric mean of the ratios of throughput; nil when there are less than two.
    var meanRatio: Double? {
        let ratios = keys.filter { $0.unit == .gigabits }.compactMap { ratio($0)?.value }.filter { $0 > 0 }
        return ratios.count < 2 ? nil : Statistics.geometricMean(ratios)
    }

    /// By measurement and unit, with the ratio of each median to that of the first contender.
    var table: String {
        var lines = [["measurement", "", "median", "least", "most", "unit", "ratio"]]
        for key in keys {
            let group = rows(of: key)
            for (index, row) in group.enumerated() {
                let ratio = index == 0 || group[0].median == 0 ? "" : decimal(row.median / group[0].median, places: 2)
                let values = [row.median, row.sorted[0], row.sorted[row.values.count - 1]].map(Self.text)
                lines.append(
                    [index == 0 ? key.measurement : "", row.contender] + values + [key.unit.rawValue, ratio])
            }
        }
        return textTable(lines)
    }

    static func text(_ value: Double) -> String {
        decimal(value, places: abs(value) < 10 ? 2 : abs(value) < 100 ? 1 : 0)
    }

    func write(as format: ReportFormat) throws {
        if format == .json { return try printJSON(self) }
        print(Machine.text(as: format) + "\n")
        writeTable(as: format)
    }

    /// Without the machine; JSON has no tables.
    func writeTable(as format: ReportFormat) {
        if !rows.isEmpty { print(format == .markdown ? MarkdownTable(self).text : table) }
        if format == .text, let meanRatio {
            print("\nSluice / best HAProxy, geometric mean: \(Self.text(meanRatio)) (Gbit/s)")
        }
        let lines = failures.sorted { $0.key < $1.key }.map { "failed: \($0.key) (\($0.value))" }
        if !lines.isEmpty { print("\n" + lines.joined(separator: format == .markdown ? "\n\n" : "\n")) }
        print()
    }
}

func printJSON(_ report: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    print(String(decoding: try encoder.encode(report), as: UTF8.self))
}

/// What is being done, on one line of standard error, if that is a terminal.
func progress(_ text: String?) {
    guard isatty(STDERR_FILENO) == 1 else { return }
    FileHandle.standardError.write(Data("\r\u{1b}[K\(text ?? "")".utf8))
}
