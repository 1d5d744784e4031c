/// A sentence of the report that figures can refute. Claims are about shape: what is larger, and by how much at least.
struct Claim: Equatable {
    enum Comparison {
        /// The first figure is at least so many times the second.
        case atLeast(Double)
        /// The first figure is at most so many times the second.
        case atMost(Double)
        /// The first differs from the second by at most this share of it.
        case within(Double)
    }

    let statement: String
    /// The figures, in words.
    let evidence: String
    let holds: Bool
    /// A busy machine can refute it.
    var dependsOnSpeed = false

    /// Compares two figures of the same unit. One that is not a number refutes the claim.
    init(_ statement: String, _ figure: Double, _ comparison: Comparison, _ other: Double, _ unit: String) {
        self.statement = statement
        let (left, right) = (Self.text(figure), Self.text(other))
        switch comparison {
        case .atLeast(let factor):
            holds = figure >= factor * other
            evidence = "\(left) \(unit) against \(right), at least \(Self.text(factor)) times as much is claimed"
        case .atMost(let factor):
            holds = figure <= factor * other
            evidence = "\(left) \(unit) against \(right), at most \(Self.text(factor)) times as much is claimed"
        case .within(let share):
            holds = abs(figure - other) <= share * abs(other)
            evidence = "\(left) \(unit), \(right) ± \(Self.text(share * 100)) % is claimed"
        }
    }

    static func text(_ value: Double) -> String {
        guard value.isFinite else { return "no figure" }
        return decimal(value, places: abs(value) >= 100 ? 0 : abs(value) >= 10 ? 1 : 2)
    }
}
