/// Rules as iptables-save writes and iptables-restore reads them, table by table.
struct RuleSet {
    struct Table {
        let name: String
        /// Chains, rules and commands, without comments and without COMMIT.
        var lines: [String] = []
    }

    /// The beginning of the names of all our chains, and of no other's.
    static let chainPrefix = "SLUICE_"
    /// The administrator's chain, which our rules call: made when it isn't there, and otherwise left as it is.
    static let administratorsChain = "SLUICE-USER"

    private(set) var tables: [Table] = []

    init(_ text: String) {
        var current: Int?
        for line in text.split(separator: "\n") where !line.hasPrefix("#") && line != "COMMIT" {
            if line.hasPrefix("*") {
                current = open(table: String(line.dropFirst()))
            } else if let current {
                tables[current].lines.append(String(line))
            }
        }
    }

    /// The table's index; a table may come in several parts.
    private mutating func open(table name: String) -> Int {
        if let index = tables.firstIndex(where: { $0.name == name }) { return index }
        tables.append(Table(name: name))
        return tables.count - 1
    }

    /// What iptables-restore has to be told so that these rules take the place of whatever is ours in `saved`, each
    /// table in one transaction; empty when there is nothing to do.
    func restoreInput(replacing saved: RuleSet) -> String {
        let leftovers = saved.tables.filter { $0.hasOurs && table($0.name) == nil }.map { Table(name: $0.name) }
        return (tables + leftovers).map { $0.restoreInput(replacing: saved.table($0.name)) }.joined()
    }

    /// Is there a chain of ours, or the administrator's, of this name?
    func declares(_ chain: String) -> Bool {
        tables.contains { table in
            table.chains.contains(chain)
                || chain == Self.administratorsChain
                    && table.lines.contains(where: Table.declaresAdministratorsChain)
        }
    }

    /// `table` in place of that of its name.
    mutating func add(_ table: Table) {
        tables.removeAll { $0.name == table.name }
        tables.append(table)
    }

    /// Of these names alone.
    func only(_ names: Set<String>) -> RuleSet {
        var some = RuleSet("")
        some.tables = tables.filter { names.contains($0.name) }
        return some
    }

    private func table(_ name: String) -> Table? { tables.first { $0.name == name } }
}

extension RuleSet.Table {
    fileprivate var hasOurs: Bool { !chains.isEmpty || !jumps.isEmpty }

    /// The chains of ours that are declared here.
    fileprivate var chains: [String] {
        lines.filter { $0.hasPrefix(":" + RuleSet.chainPrefix) }.map { String($0.dropFirst().prefix { $0 != " " }) }
    }

    /// The rules outside our chains that lead into them. A jump into a chain is the end of its line; a
    /// comment that looks like one ends with a quotation mark.
    private var jumps: [String] {
        lines.filter { line in
            let words = line.split(separator: " ")
            guard words.count >= 4, words[0] == "-A", !words[1].hasPrefix(RuleSet.chainPrefix) else { return false }
            return words.last!.hasPrefix(RuleSet.chainPrefix) && words.last!.last != "\""
                && ["-j", "-g"].contains(words[words.count - 2])
        }
    }

    /// Declaring a chain empties it, so nothing refers to a stale chain any more when it's deleted.
    fileprivate func restoreInput(replacing saved: Self?) -> String {
        let stale = (saved?.chains ?? []).filter { !chains.contains($0) }
        // Declaring the administrator's chain would empty it, too.
        let hasAdministrators = saved?.lines.contains(where: Self.declaresAdministratorsChain) ?? false
        let lines = hasAdministrators ? lines.filter { !Self.declaresAdministratorsChain($0) } : lines
        let input =
            ["*\(name)"] + stale.map { ":\($0) - [0:0]" } + (saved?.jumps ?? []).map { "-D" + $0.dropFirst(2) } + lines
            + stale.map { "-X \($0)" } + (lines.isEmpty ? saved?.emptyAdministratorsChain ?? [] : []) + ["COMMIT", ""]
        return input.joined(separator: "\n")
    }

    fileprivate static func declaresAdministratorsChain(_ line: String) -> Bool {
        line.hasPrefix(":\(RuleSet.administratorsChain) ")
    }

    /// What removes the administrator's chain, if it is there with nothing in it.
    private var emptyAdministratorsChain: [String] {
        let name = RuleSet.administratorsChain
        guard lines.contains(where: Self.declaresAdministratorsChain),
            !lines.contains(where: { $0.hasPrefix("-A \(name) ") })
        else { return [] }
        // A rule of somebody else's that leads there keeps it.
        let isCalled = lines.contains { line in
            !line.hasPrefix("-A \(RuleSet.chainPrefix)") && line.split(separator: " ").last == name[...]
        }
        return isCalled ? [] : ["-X \(name)"]
    }
}
