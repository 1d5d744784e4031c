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
// It never decides about a packet, opens no device and no socket, and keeps no state: the kernel's tables are the
// state. The Middlebox applies at start and on reload and removes at the end; `sluice rules` does the same by hand.

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
    public func apply() async throws(FirewallError) -> Outcome {
        let backend = try await Backend.resolving(setting.backend, tool)
        do {
            var ipv4 = rendered(.ipv4)
            for sysctl in BorrowedSysctl.all {
                if borrows(sysctl) {
                    ipv4 = try await sysctl.note(in: ipv4, tool)
                } else {
                    try await sysctl.restore(tool)
                }
            }
            try await backend.restore(RuleSet(ipv4), .ipv4, tool)
            try await backend.restore(RuleSet(rendered(.ipv6)), .ipv6, tool)
            try await backend.other.removeRules(tool)
            return try await routing.apply()
        } catch {
            try? await remove()
            throw error
        }
    }

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
        for backend in Backend.allCases { try await backend.removeRules(tool) }
        try await Routing.remove(tool)
    }

    /// Do rules of ours stand that have taken the router's MPTCP connections from the kernel's own path manager?
    public static func holdsPathManager() async -> Bool { await BorrowedSysctl.pathManager.isNoted(Tool(prefix: [])) }

    private func borrows(_ sysctl: BorrowedSysctl) -> Bool {
        sysctl.key != BorrowedSysctl.pathManager.key || setting.steersSubflows
    }

    private var routing: Routing {
        Routing(tool: tool, routes: renderedRoutes(), sysctl: renderedSysctl(), tun: setting.tun)
    }
}
