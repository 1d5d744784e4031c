// Sweeps: a setting on the x axis, the figures of several rounds on the other.

extension Plot.Series {
    /// Means of several rounds, with the least and the greatest.
    static func spans(_ file: String, _ x: String, _ y: String, _ title: String, onRight: Bool = false) -> Self {
        Self(file: file, x: x, y: [y, "\(y)_least", "\(y)_most"], title: title, style: .spans, onRight: onRight)
    }
}

extension CSVTable {
    /// Of the runs whose names begin with `prefix`: mean, least and greatest of each column over the rounds, by `x`.
    func spans(_ prefix: String, _ x: String, _ columns: [String]) throws -> CSVTable {
        var table = CSVTable([x] + columns.flatMap { [$0, "\($0)_least", "\($0)_most"] })
        for run in try distinct("run") where run.hasPrefix(prefix) {
            let rounds = try only("run", run)
            let cells = try columns.flatMap { column in
                let values = try rounds.numbers(column)
                return [Statistics.mean(values), values.min() ?? .nan, values.max() ?? .nan].map {
                    Recording.text($0, 2)
                }
            }
            table.append([try rounds.texts(x)[0]] + cells)
        }
        return table
    }
}
