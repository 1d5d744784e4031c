public import LinuxSystem
import SystemPackage

/// What the daemon has put into the kernel: it remembers what that looked like, tells what other hands have changed, and
/// puts back what is missing. One order at a time: whoever calls sees to that.
public actor InstalledRules {
    private var setting: RuleSetting
    private let tool: Tool
    private let readers: Readers
    private var installed: Firewall.Installed?
    private var hasEnlargedSegments = false
    private var expectations: [Damage.Part: TableExpectation] = [:]
    /// As the tables and rules looked when they had just been put in place.
    private var baselines: [Damage.Part: TableView] = [:]
    private var routingRules: [AddressFamily: [[UInt8]]] = [:]

    /// In the network namespace of the calling thread; nothing is in place yet.
    public init(_ setting: RuleSetting) throws(SystemError) { try self.init(setting, prefix: []) }

    /// With `prefix` before each command: `ip netns exec NAME`, in whose namespace is looked as well.
    package init(_ setting: RuleSetting, prefix: [String]) throws(SystemError) {
        self.setting = setting
        tool = Tool(prefix: prefix)
        readers = try tool.inNamespace { () throws(SystemError) in try Readers() }
    }

    private var firewall: Firewall { Firewall(setting, prefix: tool.prefix) }

    /// Do acknowledgements pass the data queues by? Not where the kernel can't tell them, as it turns out when the rules are
    /// applied.
    public var usesPrograms: Bool { setting.usesPrograms }

    /// Puts the rules in place, as `Firewall.apply` does.
    public func apply() async throws(FirewallError) {
        installed = nil
        let now = try await firewall.install(hasEnlarged: hasEnlargedSegments)
        installed = now
        setting = now.setting
        if now.outcome == .complete, setting.enlargesSegments { hasEnlargedSegments = true }
        expectations = [:]
        baselines = [:]
        for (family, rules) in now.rules {
            for table in rules.tables {
                let part = Damage.Part.table(family, table.name)
                expectations[part] = TableExpectation(table)
                baselines[part] = look(at: part)
            }
            routingRules[family] = readRules(family)
        }
    }

    /// Leaves connections to a path manager in user space from now on, which takes other settings; when that can't be, all
    /// is as it was.
    public func steerSubflows() async throws(FirewallError) {
        guard !setting.steersSubflows else { return }
        setting.steersSubflows = true
        do throws(FirewallError) {
            try await apply()
        } catch {
            setting.steersSubflows = false
            // What fails to be applied is removed whole: the rules as they were stand again.
            try? await apply()
            throw error
        }
    }

    /// Holds connections to interfaces that have appeared since, too: to the one that they begin with.
    public func followInterfaces() async throws(FirewallError) {
        guard installed != nil, setting.addExits(NetworkInterface.routed) else { return }
        try await apply()
    }

    /// Of what the rules speak: IPv4, and IPv6 where the kernel has it.
    public var families: [AddressFamily] {
        installed.map { AddressFamily.allCases.filter($0.rules.keys.contains) } ?? []
    }

    /// Starts a watch that says when to look, in the network namespace of the calling thread. After `apply`.
    public func watch(_ tell: @escaping @Sendable (Set<KernelNews>) -> Void) throws(SystemError) -> KernelWatch {
        try KernelWatch(setting, looksAtLegacy: installed?.backend == .legacy, families: families, tell: tell)
    }

    // MARK: looking

    /// What isn't as it was put in place. What can't be told, because it changes while it is looked at, isn't reported: the
    /// change brings another look.
    ///
    /// - Parameter withTables: are the tables of iptables looked at as well?
    public func damages(withTables: Bool = true) -> [Damage] {
        guard let installed else { return [] }
        var damages: [Damage] = []
        for family in families where withTables {
            for table in installed.rules[family]?.tables ?? [] {
                if let damage = damage(of: .table(family, table.name)) { damages.append(damage) }
            }
        }
        return damages + routingDamages() + sysctlDamages()
    }

    private func damage(of part: Damage.Part) -> Damage? {
        guard let expectation = expectations[part], let found = look(at: part) else { return nil }
        guard let baseline = baselines[part], expectation.isMet(by: baseline) else {
            // Somebody was quicker than the first look.
            return expectation.isMet(by: found) ? nil : Damage(part, "Sluice's rules are not whole")
        }
        let change = expectation.change(from: baseline, to: found)
        return change.isEmpty ? nil : Damage(part, change.description, isOrderOnly: change.isOrderOnly)
    }

    /// nil when it changes just now, or can't be looked at.
    private func look(at part: Damage.Part) -> TableView? {
        guard case .table(let family, let name) = part, let chains = expectations[part]?.chains, let installed else {
            return nil
        }
        switch installed.backend {
        case .nft: return try? readers.nftables?.view(family, name, chains: chains)
        case .legacy: return try? readers.legacy?.view(family, name, chains: chains)
        }
    }

    private func readRules(_ family: AddressFamily) -> [[UInt8]]? { try? readers.routing.rules(family) }

    private func routingDamages() -> [Damage] {
        var damages: [Damage] = []
        for family in families {
            guard let found = readRules(family) else { continue }
            let wanted = routingRules[family].flatMap { $0.count == ruleCount ? $0 : nil }
            guard found != wanted else { continue }
            if wanted == nil, found.count == ruleCount {
                routingRules[family] = found
                continue
            }
            let gone = (wanted ?? []).count { !found.contains($0) }
            damages.append(
                Damage(
                    .routingRules(family),
                    gone == 0
                        ? "Sluice's rules were changed"
                        : "\(gone) of Sluice's \(ruleCount) rules \(gone == 1 ? "was" : "were") gone"))
        }
        guard let device = try? readers.routing.device(setting.tun) else {
            return damages + [Damage(.device, "the device \(setting.tun) was gone")]
        }
        if !device.isUp { damages.append(Damage(.deviceDown, "the device \(setting.tun) was down")) }
        for family in families {
            let kinds: [(UInt32, RoutingReader.RouteKind)] = [
                (setting.routeTable, .local), (setting.routeTable + 1, .unicast),
            ]
            let gone = kinds.filter { table, kind in
                (try? readers.routing.hasRoute(family, table: table, kind: kind, device: device.index)) == false
            }
            guard !gone.isEmpty else { continue }
            let tables = gone.map { "\($0.0)" }.joined(separator: ", ")
            damages.append(Damage(.routes(family), "Sluice's route in table \(tables) was gone"))
        }
        return damages
    }

    private var ruleCount: Int { firewall.routing(families).ruleCount }

    private func sysctlDamages() -> [Damage] {
        let wanted = sysctls
        let found = try? tool.inNamespace { () throws(SystemError) in wanted.map { try? Sysctl.read($0.key) } }
        return zip(wanted, found ?? []).compactMap { wanted, found in
            // One that isn't there went with its device, or was never built.
            guard let found, found != wanted.value else { return nil }
            return Damage(.sysctl(wanted.key), "it was \(found) instead of \(wanted.value)")
        }
    }

    private var sysctls: [Setting] {
        let own = firewall.routing(families).settings.map { Setting(key: $0.key, value: $0.value) }
            .filter { setting in
                // Others may have what Sluice only prefers.
                !BorrowedSysctl.all.contains {
                    $0.preferred != nil && $0.key == setting.key.replacing("/", with: ".")
                }
            }
        // As the device was made (TunDevice).
        return own + [Setting(key: "net/ipv6/conf/\(setting.tun)/disable_ipv6", value: "0")]
    }

    private struct Setting: Sendable {
        let key: String
        let value: String
    }

    /// What the router's own rules ask of connection tracking; nil when nothing is in place.
    public func trackingRules() async -> TrackingRules? {
        guard installed != nil else { return nil }
        return await Firewall.trackingRules(tool)
    }

    // MARK: repair

    /// Puts back what is damaged, but for the device, which is its owner's to make again, before this. What can't be put
    /// back doesn't keep it from the rest; the first error is thrown behind all.
    public func repair(_ damages: [Damage]) async throws(FirewallError) {
        let parts = Set(damages.map(\.part))
        let isNewDevice = parts.contains(.device) || parts.contains(.deviceDown)
        var failure: FirewallError?
        do throws(FirewallError) {
            try repairSysctls(isNewDevice ? sysctls : sysctls.filter { parts.contains(.sysctl($0.key)) })
        } catch {
            failure = error
        }
        for family in families {
            do throws(FirewallError) {
                try await repairTables(
                    family,
                    (installed?.rules[family]?.tables ?? []).map(\.name).filter {
                        parts.contains(.table(family, $0))
                    })
            } catch {
                failure = failure ?? error
            }
            do throws(FirewallError) {
                if parts.contains(.routingRules(family)) { try await repairRules(family) }
                if isNewDevice || parts.contains(.routes(family)) {
                    try await firewall.routing([family]).applyRoutes(family)
                }
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    private func repairTables(_ family: AddressFamily, _ names: [String]) async throws(FirewallError) {
        guard !names.isEmpty, let installed, let rules = installed.rules[family]?.only(Set(names)) else { return }
        switch installed.backend {
        case .legacy:
            let saved = RuleSet(try await installed.backend.saved(family, tool)).only(Set(names))
            try await installed.backend.restore(rules, replacing: saved, family, tool)
        case .nft:
            // Not by iptables-nft-save, which takes a second where there are many rules. What is left of our jumps leads
            // into the same chains meanwhile.
            let old = names.map { ($0, jumps(family, $0)) }
            try await installed.backend.restore(rules, replacing: standing(family, names), family, tool)
            for (name, jumps) in old where !jumps.isEmpty {
                do throws(SystemError) {
                    try readers.nftables?.remove(family, name, rules: jumps)
                } catch {
                    throw FirewallError(
                        command: "netlink", message: "remove rules of table \(name): \(error)", line: nil)
                }
            }
        }
        for name in names {
            let part = Damage.Part.table(family, name)
            baselines[part] = look(at: part)
        }
    }

    /// The administrator's chain, if it is there: declared once more, it would be emptied.
    private func standing(_ family: AddressFamily, _ names: [String]) -> RuleSet {
        let chain = RuleSet.administratorsChain
        let tables = names.filter { (try? readers.nftables?.chains(family, $0))?.contains(chain) == true }
        return RuleSet(tables.map { "*\($0)\n:\(chain) - [0:0]\nCOMMIT\n" }.joined())
    }

    /// What leads into our chains now.
    private func jumps(_ family: AddressFamily, _ table: String) -> [(chain: String, handle: UInt64)] {
        guard let view = look(at: .table(family, table)) else { return [] }
        return view.chains.filter { !$0.key.hasPrefix(RuleSet.chainPrefix) }.flatMap { chain, rules in
            rules.filter(\.leadsToOurs).map { (chain, $0.id) }
        }
    }

    private func repairRules(_ family: AddressFamily) async throws(FirewallError) {
        try await firewall.routing([family]).replaceRules(family)
        routingRules[family] = readRules(family)
    }

    private func repairSysctls(_ settings: [Setting]) throws(FirewallError) {
        guard !settings.isEmpty else { return }
        do throws(SystemError) {
            try tool.inNamespace { () throws(SystemError) in
                for setting in settings {
                    do throws(SystemError) {
                        try Sysctl.write(setting.key, setting.value)
                    } catch  where error.errno == .noSuchFileOrDirectory {
                        continue
                    }
                }
            }
        } catch {
            throw FirewallError(command: "sysctl", message: "\(error)", line: nil)
        }
    }
}

/// What the kernel is asked by; the actor's alone.
private final class Readers: @unchecked Sendable {
    let routing: RoutingReader
    /// nil where the kernel, or this process's rights, allow none.
    let nftables: Nftables?
    let legacy: LegacyTables?

    init() throws(SystemError) {
        routing = try RoutingReader()
        nftables = try? Nftables()
        legacy = try? LegacyTables()
    }
}
