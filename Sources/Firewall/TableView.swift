/// A rule as it is looked at.
struct RuleView: Hashable, Sendable {
    /// Another when the rule is another.
    let id: UInt64
    /// The chain that it leads to; nil when it leads to none.
    let target: String?

    init(id: UInt64, target: String? = nil) {
        self.id = id
        self.target = target
    }

    var leadsToOurs: Bool { target?.hasPrefix(RuleSet.chainPrefix) == true }
}

/// Some chains of a table, as the kernel has them; those without a rule may be left out.
struct TableView: Hashable, Sendable {
    var chains: [String: [RuleView]] = [:]

    subscript(chain: String) -> [RuleView] { chains[chain] ?? [] }
}

/// What other hands have done to Sluice's part of a table.
struct TableChange: Hashable, Sendable {
    /// Rules of ours that are there no more.
    var gone = 0
    /// Rules in our chains, or that lead into them, that we haven't put there.
    var foreign = 0
    /// Built-in chains in which our jump no longer stands first, or last; or chains of ours in which the order is another.
    var misplaced: [String] = []

    var isEmpty: Bool { gone == 0 && foreign == 0 && misplaced.isEmpty }

    /// All is there, and in another order than wanted.
    var isOrderOnly: Bool { gone == 0 && foreign == 0 && !misplaced.isEmpty }

    /// `3 rules of Sluice's were gone`.
    var description: String {
        var parts: [String] = []
        if gone > 0 {
            parts.append("\(gone) rule\(gone == 1 ? "" : "s") of Sluice's \(gone == 1 ? "was" : "were") gone")
        }
        if foreign > 0 {
            parts.append("\(foreign) rule\(foreign == 1 ? " was" : "s were") added to Sluice's chains")
        }
        if !misplaced.isEmpty {
            parts.append("Sluice's rules in \(misplaced.joined(separator: ", ")) were no longer where they belong")
        }
        return parts.joined(separator: ", ")
    }
}

/// What ought to stand in a table: how many rules each of our chains has, and which jumps into them the built-in chains
/// begin and end with. Read from the text that iptables-restore was given.
struct TableExpectation: Hashable, Sendable {
    let table: String
    /// Of our chains that have rules.
    private(set) var counts: [String: Int] = [:]
    /// By built-in chain, the chains that its first rules lead to, and those that its last ones do.
    private(set) var heads: [String: [String]] = [:]
    private(set) var tails: [String: [String]] = [:]

    /// `lines`: as iptables-restore takes them: `-A CHAIN …`, `-I CHAIN …`.
    init(_ table: RuleSet.Table) {
        self.table = table.name
        for line in table.lines {
            let words = line.split(separator: " ")
            guard words.count >= 4, words[0] == "-A" || words[0] == "-I" else { continue }
            let chain = String(words[1])
            if chain.hasPrefix(RuleSet.chainPrefix) {
                counts[chain, default: 0] += 1
            } else if words[0] == "-I" {
                heads[chain, default: []].insert(String(words.last!), at: 0)
            } else {
                tails[chain, default: []].append(String(words.last!))
            }
        }
    }

    /// The chains that are to be looked at.
    var chains: [String] { (Set(counts.keys).union(heads.keys).union(tails.keys)).sorted() }

    /// Does this look right, as far as can be said without knowing the rules themselves?
    func isMet(by view: TableView) -> Bool {
        counts.allSatisfy { view[$0.key].count == $0.value }
            && Set(heads.keys).union(tails.keys).allSatisfy { chain in
                let (head, tail) = (heads[chain] ?? [], tails[chain] ?? [])
                let targets = view[chain].map(\.target)
                return targets.prefix(head.count) == head.map(Optional.some)[...]
                    && targets.suffix(tail.count) == tail.map(Optional.some)[...]
                    && view[chain].count(where: \.leadsToOurs) == head.count + tail.count
            }
    }

    /// How `found` differs from `baseline`, which was seen when the rules had just been put in place.
    func change(from baseline: TableView, to found: TableView) -> TableChange {
        var change = TableChange()
        for chain in counts.keys.sorted() {
            let (before, after) = (baseline[chain].map(\.id), found[chain].map(\.id))
            guard before != after else { continue }
            let (gone, foreign) = Self.difference(before, after)
            change.gone += gone
            change.foreign += foreign
            if gone == 0, foreign == 0 { change.misplaced.append(chain) }
        }
        for chain in Set(heads.keys).union(tails.keys).sorted() {
            compareJumps(in: chain, baseline[chain], found[chain], &change)
        }
        return change
    }

    private func compareJumps(
        in chain: String, _ baseline: [RuleView], _ found: [RuleView], _ change: inout TableChange
    ) {
        let (before, after) = (baseline.filter(\.leadsToOurs).map(\.id), found.filter(\.leadsToOurs).map(\.id))
        let (gone, foreign) = Self.difference(before, after)
        change.gone += gone
        change.foreign += foreign
        guard gone == 0, foreign == 0 else { return }
        let (head, tail) = (heads[chain]?.count ?? 0, tails[chain]?.count ?? 0)
        let stands =
            Array(found.prefix(head).map(\.id)) == Array(before.prefix(head))
            && Array(found.suffix(tail).map(\.id)) == Array(before.suffix(tail))
        if !stands { change.misplaced.append(chain) }
    }

    /// How many of `before` are missing from `after`, and how many are there that weren't.
    private static func difference(_ before: [UInt64], _ after: [UInt64]) -> (gone: Int, foreign: Int) {
        var counts: [UInt64: Int] = [:]
        for id in before { counts[id, default: 0] += 1 }
        for id in after { counts[id, default: 0] -= 1 }
        return (counts.values.reduce(0) { $0 + max(0, $1) }, counts.values.reduce(0) { $0 + max(0, -$1) })
    }
}
