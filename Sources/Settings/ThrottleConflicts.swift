// What rules can have against each other.

import Wire

/// Something wrong with the rule at `index`, given the others.
struct ThrottleConflict {
    let index: Int
    /// nil: the rule as a whole.
    var key: String?
    let problem: String
    let mend: String
}

extension [Settings.Throttle] {
    var conflicts: [ThrottleConflict] {
        guard count <= Settings.Throttle.mostRules else {
            return [
                ThrottleConflict(
                    index: Settings.Throttle.mostRules,
                    problem: "more than \(Settings.Throttle.mostRules) rules",
                    mend: "remove some, or make one of several")
            ]
        }
        return indices.compactMap(conflict)
    }

    private func conflict(at index: Int) -> ThrottleConflict? {
        let rule = self[index]
        let earlier = self[..<index]
        if earlier.contains(where: { $0.name == rule.name }) {
            return ThrottleConflict(
                index: index, key: "name", problem: "an earlier rule has this name as well",
                mend: "give each rule a name of its own")
        }
        if let words = rule.contradiction {
            return ThrottleConflict(index: index, problem: words.problem, mend: words.mend)
        }
        guard let other = earlier.first(where: { $0.takesAll(of: rule) })?.name else { return nil }
        return ThrottleConflict(
            index: index, problem: "can never apply, since \"\(other)\" before it takes all its subflows",
            mend: "put it before \"\(other)\", or narrow \"\(other)\"")
    }
}

/// Words for a rule that can't be meant so.
let noRate = (
    problem: "neither download nor upload is given",
    mend: "give at least one of them, such as download = \"10mbit\", or set action = \"backup\""
)
let shapesOnly = (
    problem: "has no meaning with action = \"backup\"", mend: "remove it, or set action = \"shape\""
)

extension Settings.Throttle {
    /// For rules that were changed field by field.
    fileprivate var contradiction: (problem: String, mend: String)? {
        switch action {
        case .shape: download == nil && upload == nil ? noRate : nil
        case .backup: download == nil && upload == nil ? nil : ("a rate \(shapesOnly.problem)", shapesOnly.mend)
        }
    }

    /// Does it apply to each subflow that the other might apply to, whenever that might?
    fileprivate func takesAll(of other: Self) -> Bool {
        Set(other.interfaces).isSubset(of: interfaces)
            && other.clients.allSatisfy { inner in clients.contains { $0.contains(inner) } }
            && other.servers.allSatisfy { inner in servers.contains { $0.contains(inner) } }
            && other.ports.allSatisfy { inner in
                ports.contains { $0.contains(inner.lowerBound) && $0.contains(inner.upperBound) }
            }
            && (backup == nil || backup == other.backup)
            && (addressID == nil || addressID == other.addressID)
            && minSubflows <= other.minSubflows
            && (hours.isEmpty || Set(hours) == Set(other.hours))
            && takesQuota(of: other)
    }

    private func takesQuota(of other: Self) -> Bool {
        guard let afterBytes else { return true }
        guard let others = other.afterBytes else { return false }
        return afterBytesOf == other.afterBytesOf && afterBytes <= others
    }
}

extension IPPrefix {
    fileprivate func contains(_ inner: IPPrefix) -> Bool { length <= inner.length && contains(inner.address) }
}
