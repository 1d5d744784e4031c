import Glibc

/// Of the figures of several rounds, and of the shares of several clients.
enum Statistics {
    static func mean(_ values: [Double]) -> Double {
        values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count)
    }

    /// The sample's standard deviation (n - 1 in the denominator); not a number for fewer than two values.
    static func deviation(_ values: [Double]) -> Double {
        guard values.count > 1 else { return .nan }
        let mean = mean(values)
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
    }

    /// The least value that a share of all values doesn't exceed; 0.5 is the (lower) median.
    static func quantile(_ values: [Double], _ share: Double) -> Double {
        guard !values.isEmpty else { return .nan }
        let rank = Int((share * Double(values.count)).rounded(.up)) - 1
        return values.sorted()[min(max(rank, 0), values.count - 1)]
    }

    static func median(_ values: [Double]) -> Double { quantile(values, 0.5) }

    /// Of positive numbers; not a number when there are none.
    static func geometricMean(_ values: [Double]) -> Double {
        values.isEmpty ? .nan : exp(values.reduce(0) { $0 + log($1) } / Double(values.count))
    }

    /// Jain's index of fairness, (Σx)² / (n·Σx²): 1 when all have the same, 1/n when one has everything.
    ///
    /// R. Jain, D. Chiu, W. Hawe: "A Quantitative Measure of Fairness and Discrimination for Resource Allocation in
    /// Shared Computer Systems", DEC-TR-301, 1984.
    static func jain(_ shares: [Double]) -> Double {
        let sum = shares.reduce(0, +)
        let squares = shares.reduce(0) { $0 + $1 * $1 }
        return squares > 0 ? sum * sum / (Double(shares.count) * squares) : .nan
    }
}

extension CSVTable {
    /// The mean of a series' column over a time.
    func mean(_ column: String, from start: Double, to end: Double) throws(CSVError) -> Double {
        let rows = zip(try numbers("seconds"), try numbers(column)).filter { $0.0 > start && $0.0 <= end }
        return Statistics.mean(rows.map(\.1))
    }
}
