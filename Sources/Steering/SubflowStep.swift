public import Wire

/// One thing to do with a subflow, so that it is as it is wanted.
public enum SubflowStep: Hashable, Sendable {
    /// Take back that it is a backup.
    case activate
    case leaveClass
    case joinClass(Treatment.Shaping)
    /// Ask for it to be a backup, for this rule.
    case standBy(rule: String)
    /// Reset it, for this rule.
    case reset(rule: String)

    /// What leads from one treatment of some subflows to another. Subflows that may carry data again come first, those
    /// that may not come last, so that a connection is never without one in between.
    public static func steps(
        from actual: [FourTuple: Treatment], to wanted: [FourTuple: Treatment]
    ) -> [(subflow: FourTuple, step: SubflowStep)] {
        var phases: [[(subflow: FourTuple, step: SubflowStep)]] = [[], [], [], []]
        for tuple in Set(actual.keys).union(wanted.keys) {
            let (old, new) = (actual[tuple] ?? .none, wanted[tuple] ?? .none)
            if old.standby != nil, new.standby == nil, new.refused == nil { phases[0].append((tuple, .activate)) }
            if old.shaping?.place != new.shaping?.place {
                if old.shaping != nil { phases[1].append((tuple, .leaveClass)) }
                if let shaping = new.shaping { phases[1].append((tuple, .joinClass(shaping))) }
            }
            if let rule = new.standby, old.standby != rule { phases[2].append((tuple, .standBy(rule: rule))) }
            if let rule = new.refused, old.refused == nil { phases[3].append((tuple, .reset(rule: rule))) }
        }
        return phases.flatMap(\.self)
    }
}

extension Treatment.Shaping {
    /// Rates belong to the class, not to who is in it.
    fileprivate var place: [String] { [rule, interface, sharing.rawValue] }
}
