/// How one contender's figures stand to another's.
struct BenchRatio: Equatable {
    /// Of the medians.
    let value: Double
    /// Of the figures of one round.
    let least: Double
    let most: Double

    /// nil when there is nothing to divide by.
    init?(_ row: BenchReport.Row, to other: BenchReport.Row) {
        let ratios = zip(row.values, other.values).map { $0 / $1 }
        guard other.values.allSatisfy({ $0 > 0 }), let least = ratios.min(), let most = ratios.max() else { return nil }
        value = row.median / other.median
        self.least = least
        self.most = most
    }
}
