// What rules can have against each other.

extension [Settings.Throttle] {
    var conflicts: [Conflict] {
        let most = Settings.Throttle.mostRules
        guard count <= most else { return [.tooMany(most)] }
        return indices.compactMap(conflict)
    }

    private func conflict(at index: Int) -> Conflict? {
        let rule = self[index]
        let earlier = self[..<index]
        if earlier.contains(where: { $0.name == rule.name }) { return .sameName(index) }
        if let words = rule.contradiction {
            return Conflict(index: index, problem: words.problem, mend: words.mend)
        }
        return earlier.first { $0.takesAll(of: rule) }.map { .shadowed(index, by: $0.name, "subflows") }
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
            && clients.holds(other.clients) && servers.holds(other.servers) && ports.holds(other.ports)
            && (backup == nil || backup == other.backup)
            && (addressID == nil || addressID == other.addressID)
            && minSubflows <= other.minSubflows
            && (hours.isEmpty || Set(hours) == Set(other.hours))
            && (condition == nil || condition == other.condition)
            && takesQuota(of: other)
    }

    private func takesQuota(of other: Self) -> Bool {
        guard let afterBytes else { return true }
        guard let others = other.afterBytes else { return false }
        return afterBytesOf == other.afterBytesOf && afterBytes <= others
    }
}
