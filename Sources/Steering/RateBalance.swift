/// Limits that keep the paths' traffic in the proportion of their weights.
///
/// What all carry together, and a little more, is divided by the weights. A path that wants more than its share then
/// meets its limit, and MPTCP's scheduler gives the rest to the others; one that can't carry its share lowers the sum, and
/// so the others' limits. When all meet their limits there is more to be carried, and these grow faster.
struct RateBalance {
    /// How much more than what is carried, and when all are at their limits.
    private static let headroom = 1.03
    private static let growth = 1.6
    /// A path is at its limit from this share of it on: headers and averages take the rest.
    private static let fullness = 0.93
    /// Bits per second of all together below which nothing is weighed: what begins begins freely.
    private static let least = 2e6
    /// Averages have to follow before limits change again.
    private static let interval: UInt64 = 200_000_000

    private var sums = PathRates<Double?>(download: nil, upload: nil)
    private var current: [String: PathRates<UInt64?>] = [:]
    private var changed: UInt64?

    /// - Parameters:
    ///   - weights: of the paths in use, each above 0.
    ///   - rates: bits per second that they carry.
    /// - Returns: in bits per second; none for a single path.
    mutating func limits(
        _ weights: [String: Int], _ rates: [String: PathRates<Double>], at now: UInt64
    ) -> [String: PathRates<UInt64?>] {
        guard weights.count > 1 else {
            (sums, current) = (PathRates(download: nil, upload: nil), [:])
            return [:]
        }
        if let changed, now - changed < Self.interval, Set(current.keys) == Set(weights.keys) { return current }
        changed = now
        var new: [String: PathRates<UInt64?>] = [:]
        for direction in PathDirection.allCases {
            let limits = limits(weights, rates.mapValues { $0[direction] }, &sums[direction])
            for name in weights.keys {
                new[name, default: PathRates(download: nil, upload: nil)][direction] = limits[name]
            }
        }
        current = new
        return new
    }

    /// In one direction. `goal` is what was divided last; nil: nothing.
    private func limits(
        _ weights: [String: Int], _ rates: [String: Double], _ goal: inout Double?
    ) -> [String: UInt64] {
        let sum = weights.keys.reduce(0.0) { $0 + (rates[$1] ?? 0) }
        guard sum >= Self.least else {
            goal = nil
            return [:]
        }
        let whole = Double(weights.values.reduce(0, +))
        let before = goal
        let areFull = weights.allSatisfy { name, weight in
            before.map { (rates[name] ?? 0) >= Self.fullness * $0 * Double(weight) / whole } ?? false
        }
        let new = sum * (areFull ? Self.growth : Self.headroom)
        goal = new
        return weights.mapValues { UInt64(min(new * Double($0) / whole, Double(PathRole.unlimited))) }
    }
}
