import LinuxSystem

/// A table of iptables-nft that also has rules of nft's own, so that iptables-nft-save doesn't list it and
/// iptables-nft-restore removes no rule from the chains that have them (though it adds some).
struct UnlistedTable {
    let name: String
    /// Those of ours, and the administrator's.
    let chains: [String]
    private let hasAdministratorsRules: Bool
    private let family: AddressFamily
    private let jumps: [(chain: String, handle: UInt64)]

    init(_ name: String, _ family: AddressFamily, _ tool: Tool) throws(FirewallError) {
        self.name = name
        self.family = family
        let found: (ours: [String], jumps: [Jump], hasAdministratorsRules: Bool)
        do throws(SystemError) {
            found = try tool.inNamespace { () throws(SystemError) in
                let tables = try Nftables()
                let chains = try tables.chains(family, name)
                let view = try tables.view(family, name, chains: chains) ?? TableView()
                let jumps = view.chains.flatMap { chain, rules in
                    rules.filter { $0.leadsToOurs && !chain.hasPrefix(RuleSet.chainPrefix) }
                        .map { Jump(chain: chain, handle: $0.id) }
                }
                let administrators = RuleSet.administratorsChain
                let ours = chains.filter { $0.hasPrefix(RuleSet.chainPrefix) || $0 == administrators }
                return (ours, jumps, !view[administrators].isEmpty)
            }
        } catch {
            throw .unlisted(name, family, error)
        }
        chains = found.ours
        hasAdministratorsRules = found.hasAdministratorsRules
        jumps = found.jumps.map { ($0.chain, $0.handle) }
    }

    private struct Jump: Sendable {
        let chain: String
        let handle: UInt64
    }

    /// Removes the rules that led into our chains, and the chains that are not wanted any more.
    func removeJumps(and isUnwanted: (String) -> Bool, _ tool: Tool) throws(FirewallError) {
        let (family, name) = (family, name)
        let stale = chains.filter {
            isUnwanted($0) && !($0 == RuleSet.administratorsChain && hasAdministratorsRules)
        }
        let jumps = jumps.map { Jump(chain: $0.chain, handle: $0.handle) }
        guard !jumps.isEmpty || !stale.isEmpty else { return }
        do throws(SystemError) {
            try tool.inNamespace { () throws(SystemError) in
                try Nftables().remove(family, name, rules: jumps.map { ($0.chain, $0.handle) }, chains: stale)
            }
        } catch {
            throw .unlisted(name, family, error)
        }
    }
}

extension FirewallError {
    fileprivate static func unlisted(_ table: String, _ family: AddressFamily, _ error: SystemError) -> FirewallError {
        FirewallError(
            command: "netlink",
            message: """
                table \(family == .ipv4 ? "ip" : "ip6") \(table) has rules of nft's own, and could not be looked at: \(error)
                """, line: nil)
    }
}
