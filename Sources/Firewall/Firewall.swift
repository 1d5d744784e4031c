// The rules that lead packets to Sluice and to its sockets: mangle and filter rules, routing rules, a route.
//
// What is to be done stands in the templates in `iptables/` at the repository's top (Templates here is a link to it;
// SwiftPM embeds them in the binary). This module fills them in and puts them in place with the system's own tools. It
// knows how to recognise what is ours - chains by the prefix SLUICE_, routing rules and routes by their protocol number
// - so that a killed run's leftovers with whatever settings are replaced or removed, and it touches nothing else.
//
//   apply    iptables, every table in one transaction of iptables-restore, old rules out and new rules in; then the
//            routing rules; then, if the TUN device is there, the sysctls and the route.
//   remove   all of that, and the sysctls back to what they were.
//
// It never decides about a packet and opens no device. `Firewall` keeps no state: the kernel's tables are the state.
// `sluice rules` uses it by hand; the daemon, by `InstalledRules`, which remembers what it has put in place, sees over
// netlink what others do to it (`KernelWatch` says when to look), and puts back what is missing.

/// Sluice's rules on this machine.
public struct Firewall: Sendable {
    public enum Outcome: Sendable, Hashable {
        case complete
        /// All but the route and the settings of the TUN device, since the device isn't there. Harmless: nothing takes
        /// a SYN out of the queue either. The daemon makes the device and applies again.
        case withoutDevice
    }

    let setting: RuleSetting
    let tool: Tool

    public init(_ setting: RuleSetting) { self.init(setting, prefix: []) }

    /// With `prefix` before each command, such as `ip netns exec NAME`.
    package init(_ setting: RuleSetting, prefix: [String]) {
        self.setting = setting
        tool = Tool(prefix: prefix)
    }

    /// Puts the rules in place of whatever an earlier run left; when they are in place already, changes nothing. When
    /// something fails, all is removed again.
    @discardableResult
    public func apply() async throws(FirewallError) -> Outcome { try await install().outcome }

    /// What has been put in place.
    struct Installed {
        let outcome: Outcome
        let backend: Backend
        /// By family that the kernel has.
        let rules: [AddressFamily: RuleSet]
        /// What has become of the setting on this machine.
        let setting: RuleSetting
    }

    /// Where the kernel takes no programs (xt_bpf), acknowledgements go to the data queues and all SYNs to one queue. `hasEnlarged`: this process has
    /// enlarged segments before.
    func install(hasEnlarged: Bool = false) async throws(FirewallError) -> Installed {
        var setting = setting
        setting.enlargesSegments = await BorrowedSysctl.segmentsByRoundTrip.isFree(tool, isSet: hasEnlarged)
        do throws(FirewallError) {
            return try await Firewall(setting, prefix: tool.prefix).put()
        } catch {
            guard setting.usesPrograms else { throw error }
            setting.usesPrograms = false
            return try await Firewall(setting, prefix: tool.prefix).put()
        }
    }

    private func put() async throws(FirewallError) -> Installed {
        let backend = try await Backend.resolving(setting.backend, tool)
        let families = await Self.families(tool)
        do {
            var rules: [AddressFamily: RuleSet] = [:]
            for family in families {
                let text = family == .ipv4 ? try await borrowing(rendered(family)) : rendered(family)
                rules[family] = RuleSet(text)
                try await backend.restore(RuleSet(text), family, tool)
            }
            try await backend.other.removeRules(families, tool)
            return Installed(
                outcome: try await routing(families).apply(), backend: backend, rules: rules, setting: setting)
        } catch {
            try? await remove()
            throw error
        }
    }

    /// The IPv4 rules with a note of each former value that they borrow.
    private func borrowing(_ rules: String) async throws(FirewallError) -> String {
        var rules = rules
        for sysctl in BorrowedSysctl.all {
            if borrows(sysctl) {
                rules = try await sysctl.note(in: rules, tool)
            } else {
                try await sysctl.restore(tool)
            }
        }
        return rules
    }

    /// Both, unless the kernel's IPv6 is off (ipv6.disable=1) or was never built: then `ip -6` says that it is not
    /// supported.
    static func families(_ tool: Tool) async -> [AddressFamily] {
        do throws(FirewallError) {
            try await tool.run("ip", AddressFamily.ipv6.option, "rule", "show")
            return AddressFamily.allCases
        } catch {
            return error.saysUnsupported ? [.ipv4] : AddressFamily.allCases
        }
    }

    /// Has the kernel IPv6? Without it the rules are those of IPv4 alone.
    public static func hasIPv6() async -> Bool { await families(Tool(prefix: [])).contains(.ipv6) }

    /// Applies the rules for real, yet nowhere: each tool in a network namespace of its own that is gone with it. That
    /// finds whatever is missing. `iptables-restore --test` wouldn't: it is content where the kernel lacks an extension
    /// or refuses the rule. Takes CAP_SYS_ADMIN.
    public static func tryOut(_ setting: RuleSetting) async throws(FirewallError) {
        try await Firewall(setting, prefix: ["unshare", "--net"]).apply()
    }

    /// Removes all that is ours, whoever applied it and with what settings.
    public func remove() async throws(FirewallError) { try await Self.remove(tool) }

    /// Removes all that is ours, for which no setting is needed.
    public static func remove() async throws(FirewallError) { try await remove(Tool(prefix: [])) }

    private static func remove(_ tool: Tool) async throws(FirewallError) {
        for sysctl in BorrowedSysctl.all { try await sysctl.restore(tool) }
        let families = await families(tool)
        for backend in Backend.allCases { try await backend.removeRules(families, tool) }
        try await Routing.remove(families, tool)
    }

    /// Do rules of ours stand that have taken the router's MPTCP connections from the kernel's own path manager?
    public static func holdsPathManager() async -> Bool { await BorrowedSysctl.pathManager.isNoted(Tool(prefix: [])) }

    private func borrows(_ sysctl: BorrowedSysctl) -> Bool {
        switch sysctl.key {
        case BorrowedSysctl.pathManager.key: setting.steersSubflows
        case BorrowedSysctl.segmentsByRoundTrip.key: setting.enlargesSegments
        default: true
        }
    }

    func routing(_ families: [AddressFamily]) -> Routing {
        Routing(
            tool: tool, families: families, routes: renderedRoutes(), sysctl: renderedSysctl(), tun: setting.tun)
    }

    /// The tables of iptables that have rules of ours.
    static let tables = RuleSet(String(decoding: PackageResources.rules_template, as: UTF8.self)).tables.map(\.name)

    /// `routeProtocol` as a number.
    static let routeProtocolNumber = UInt8(routeProtocol)!
}
