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
        try await restore(rules, replacing: RuleSet(try await saved(family, tool)), family, tool)
    }

    /// All rules as iptables-save prints them. Makes no table that isn't there.
    func saved(_ family: AddressFamily, _ tool: Tool) async throws(FirewallError) -> String {
        try await tool.run(command(family, "save"))
    }

    /// Removes what is ours. A backend that isn't installed, or that the kernel doesn't know, has nothing.
    func removeRules(_ tool: Tool) async throws(FirewallError) {
        for family in AddressFamily.allCases {
            let text: String
            do {
                text = try await saved(family, tool)
            } catch {
                if error.lacksPrivilege { throw error }
                continue
            }
            try await restore(RuleSet(""), replacing: RuleSet(text), family, tool)
        }
    }

    private func restore(
        _ rules: RuleSet, replacing saved: RuleSet, _ family: AddressFamily, _ tool: Tool
    ) async throws(FirewallError) {
        let input = rules.restoreInput(replacing: saved)
        // Ten seconds for the lock that iptables-legacy's users share.
        if !input.isEmpty { try await tool.run(command(family, "restore"), "--noflush", "-w", "10", input: input) }
    }

    private func command(_ family: AddressFamily, _ action: String) -> String {
        "\(family == .ipv4 ? "iptables" : "ip6tables")-\(rawValue)-\(action)"
    }
}
