/// A table with a heading, as a file of comma-separated values. Values have no commas, quotes or line breaks in them:
/// all are ours.
struct CSVTable: Equatable {
    let columns: [String]
    private(set) var rows: [[String]] = []

    init(_ columns: [String]) { self.columns = columns }

    /// A value for each column.
    mutating func append(_ row: [String]) {
        precondition(row.count == columns.count, "\(row.count) values for \(columns.count) columns")
        precondition(row.allSatisfy { !$0.contains { ",\"\n".contains($0) } }, "a value that CSV would need quotes for")
        rows.append(row)
    }

    var text: String { ([columns] + rows).map { $0.joined(separator: ",") }.joined(separator: "\n") + "\n" }

    /// Reads what `text` wrote; `name` is for errors.
    init(_ text: String, name: String) throws {
        let lines = text.split(separator: "\n").map { line in
            line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        guard let columns = lines.first else { throw CSVError(description: "\(name): the file is empty") }
        self.columns = columns
        for (number, row) in lines.enumerated().dropFirst() {
            guard row.count == columns.count else {
                let wrong = "\(row.count) values where \(columns.count) are due"
                throw CSVError(description: "\(name):\(number + 1): \(wrong); measure that experiment anew")
            }
            rows.append(row)
        }
    }

    /// A column's values.
    func texts(_ column: String) throws(CSVError) -> [String] {
        guard let index = columns.firstIndex(of: column) else {
            throw CSVError(description: "there is no column \(column) among \(columns.joined(separator: ", "))")
        }
        return rows.map { $0[index] }
    }

    /// A column of numbers; an empty cell is not a number (NaN), which no claim survives.
    func numbers(_ column: String) throws(CSVError) -> [Double] {
        try texts(column).map { text throws(CSVError) in
            if text.isEmpty { return .nan }
            guard let number = Double(text) else {
                throw CSVError(description: "column \(column): \(text) is no number")
            }
            return number
        }
    }

    /// The rows whose `column` is `value`.
    func only(_ column: String, _ value: String) throws(CSVError) -> CSVTable {
        var table = CSVTable(columns)
        table.rows = zip(rows, try texts(column)).filter { $0.1 == value }.map(\.0)
        return table
    }
}

struct CSVError: Error, Equatable, CustomStringConvertible {
    let description: String
}
