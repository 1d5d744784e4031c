import ArgumentParser
import Foundation
import Lab

/// The figures of a benchmark: what was measured with whom, a value a round.
struct BenchReport: Encodable {
    struct Row: Encodable {
        let measurement: String
        let contender: String
        let unit: String
        var values: [Double]

        var sorted: [Double] { values.sorted() }
        var median: Double { sorted[values.count / 2] }
    }

    let machine = Machine.description
    private(set) var rows: [Row] = []
    /// What did not go as it should, how often.
    private(set) var failures: [String: Int] = [:]

    mutating func add(_ measurement: String, _ contender: String, _ value: Double, _ unit: String) {
        if let index = rows.firstIndex(where: {
            $0.measurement == measurement && $0.contender == contender && $0.unit == unit
        }) {
            rows[index].values.append(value)
        } else {
            rows.append(Row(measurement: measurement, contender: contender, unit: unit, values: [value]))
        }
    }

    mutating func add(_ measurement: String, _ contender: String, failures: [PeerError: Int]) {
        for (failure, count) in failures {
            add("\(measurement), \(contender): \(failure)", times: count)
        }
    }

    mutating func add(_ failure: String, times: Int) { failures[failure, default: 0] += times }

    /// By measurement and unit, with the ratio of each median to that of the first contender.
    var table: String {
        var keys: [(String, String)] = []
        for row in rows where !keys.contains(where: { $0 == (row.measurement, row.unit) }) {
            keys.append((row.measurement, row.unit))
        }
        var lines = [["measurement", "", "median", "least", "most", "unit", "ratio"]]
        for (measurement, unit) in keys {
            let group = rows.filter { $0.measurement == measurement && $0.unit == unit }
            for (index, row) in group.enumerated() {
                let ratio = index == 0 || group[0].median == 0 ? "" : decimal(row.median / group[0].median, places: 2)
                let values = [row.median, row.sorted[0], row.sorted[row.values.count - 1]].map(Self.text)
                lines.append([index == 0 ? measurement : "", row.contender] + values + [unit, ratio])
            }
        }
        return textTable(lines)
    }

    private static func text(_ value: Double) -> String {
        decimal(value, places: abs(value) < 10 ? 2 : abs(value) < 100 ? 1 : 0)
    }

    func write(asJSON: Bool) throws {
        if asJSON { return try printJSON(self) }
        print(machine + "\n")
        writeTable()
    }

    /// Without the machine.
    func writeTable() {
        if !rows.isEmpty { print(table) }
        for (failure, count) in failures.sorted(by: { $0.key < $1.key }) { print("failed: \(failure) (\(count))") }
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
