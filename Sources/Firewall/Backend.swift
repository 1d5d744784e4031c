/// One of the two kinds of iptables, each with rules of its own in the kernel.
enum Backend: String, CaseIterable {
    case nft
    case legacy

    /// The backend that the setting means: `auto` is what `iptables --version` calls itself.
    static func resolving(_ setting: RuleSetting.Backend, _ tool: Tool) async throws(FirewallError) -> Backend {
        switch setting {
        case .nft: return .nft
        case .legacy: return .legacy
        case .auto: return try await tool.run("iptables", "--version").contains("nf_tables") ? .nft : .legacy
        }
    }

    var other: Backend { self == .nft ? .legacy : .nft }

    /// Puts `rules` in place of what is ours.
    func restore(_ rules: RuleSet, _ family: AddressFamily, _ tool: Tool) async throws(FirewallError) {
        try await restore(rules, replacing: try await saved(family, tool), family, tool)
    }

    /// All rules as iptables-save prints them. Makes no table that isn't there.
    func saved(_ family: AddressFamily, _ tool: Tool) async throws(FirewallError) -> String {
        try await tool.run(command(family, "save"))
    }

    /// Removes what is ours. A backend that isn't installed, or that the kernel doesn't know, has nothing.
    func removeRules(_ families: [AddressFamily], _ tool: Tool) async throws(FirewallError) {
        for family in families {
            let text: String
            do {
                text = try await saved(family, tool)
            } catch {
                if error.lacksPrivilege { throw error }
                continue
            }
            try await restore(RuleSet(""), replacing: text, family, tool)
        }
    }

    private func restore(
        _ rules: RuleSet, replacing text: String, _ family: AddressFamily, _ tool: Tool
    ) async throws(FirewallError) {
        var saved = RuleSet(text)
        // What is ours in them, as the kernel itself tells.
        var unlisted: [UnlistedTable] = []
        for name in Self.unlistedTables(in: text) { unlisted.append(try UnlistedTable(name, family, tool)) }
        for table in unlisted {
            // Without jumps, which iptables-restore can't remove there: our chains are emptied and filled, and what led
            // into them before is removed by its handle afterwards.
            let kept = table.chains.filter(rules.declares)
            saved.add(RuleSet.Table(name: table.name, lines: kept.map { ":\($0) - [0:0]" }))
        }
        try await restore(rules, replacing: saved, family, tool)
        for table in unlisted { try table.removeJumps(and: { !rules.declares($0) }, tool) }
    }

    /// Puts these rules in place, and removes what `saved` has of ours besides.
    func restore(
        _ rules: RuleSet, replacing saved: RuleSet, _ family: AddressFamily, _ tool: Tool
    ) async throws(FirewallError) {
        let input = rules.restoreInput(replacing: saved)
        // Ten seconds for the lock that iptables-legacy's users share.
        if !input.isEmpty { try await tool.run(command(family, "restore"), "--noflush", "-w", "10", input: input) }
    }

    /// The tables in which iptables-nft-save has found rules of nft's own, and which it therefore leaves out:
    /// `# Table `filter' is incompatible, use 'nft' tool.`
    static func unlistedTables(in saved: String) -> [String] {
        saved.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count >= 5, words[0] == "#", words[1] == "Table", words[3] == "is", words[4] == "incompatible,"
            else { return nil }
            return String(words[2].dropFirst().dropLast())
        }
    }

    private func command(_ family: AddressFamily, _ action: String) -> String {
        "\(family == .ipv4 ? "iptables" : "ip6tables")-\(rawValue)-\(action)"
    }
}
