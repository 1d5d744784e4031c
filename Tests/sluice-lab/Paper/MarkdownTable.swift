/// A table of the report.
struct MarkdownTable {
    let heading: [String]
    var rows: [[String]] = []

    var text: String {
        let rule = heading.map { _ in "---" }
        return ([heading, rule] + rows).map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
    }
}

extension MarkdownTable {
    /// Columns of a CSV file by its heading's names, under names for readers; rounds of a run are put together as
    /// mean ± deviation.
    init(_ table: CSVTable, by key: String = "run", _ keyTitle: String, _ columns: [(column: String, title: String)])
        throws
    {
        heading = [keyTitle] + columns.map(\.title)
        for name in try table.distinct(key) {
            let rounds = try table.only(key, name)
            rows.append([name] + (try columns.map { Self.cell(try rounds.numbers($0.column)) }))
        }
    }

    private static func cell(_ values: [Double]) -> String {
        let mean = Claim.text(Statistics.mean(values))
        return values.count > 1 ? "\(mean) ± \(Claim.text(Statistics.deviation(values)))" : mean
    }
}

extension CSVTable {
    /// A column's different values, in the order in which they come.
    func distinct(_ column: String) throws(CSVError) -> [String] {
        try texts(column).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// The mean of a column over the rounds of a run.
    func mean(_ column: String, of run: String) throws(CSVError) -> Double {
        Statistics.mean(try only("run", run).numbers(column))
    }
}
