/// The routing rules, the route and the TUN device's settings.
struct Routing {
    let tool: Tool
    let families: [AddressFamily]
    let routes: String
    let sysctl: String
    let tun: String

    func apply() async throws(FirewallError) -> Firewall.Outcome {
        for family in families { try await applyRules(family) }
        guard await tool.succeeds("ip", "link", "show", "dev", tun) else { return .withoutDevice }
        try await tool.run("sysctl", "-q", "-p", "-", input: sysctl)
        for family in families { try await applyRoutes(family) }
        return .complete
    }

    func applyRoutes(_ family: AddressFamily) async throws(FirewallError) {
        try await tool.run("ip", family.option, "-batch", "-", input: lines("route "))
    }

    /// The routing rules in place of what there is of them.
    func replaceRules(_ family: AddressFamily) async throws(FirewallError) {
        let flush = "rule flush protocol \(Firewall.routeProtocol)\n"
        try await tool.run("ip", family.option, "-batch", "-", input: flush + lines("rule "))
    }

    /// How many routing rules a family has.
    var ruleCount: Int { lines("rule ").split(separator: "\n").count }

    /// The sysctls by name, with their values.
    var settings: [(key: String, value: String)] {
        sysctl.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
            let parts = line.split(separator: "=", maxSplits: 1).map { $0.split(separator: " ").joined(separator: " ") }
            return parts.count == 2 ? (parts[0], parts[1]) : nil
        }
    }

    static func remove(_ families: [AddressFamily], _ tool: Tool) async throws(FirewallError) {
        for family in families {
            try await tool.run("ip", family.option, "-batch", "-", input: flush)
        }
    }

    /// Rules that stand already are left standing: a connection's packets would go astray between removing and adding.
    private func applyRules(_ family: AddressFamily) async throws(FirewallError) {
        let wanted = lines("rule ")
        let standing = try await tool.run("ip", "-N", family.option, "rule", "show")
            .split(separator: "\n").filter { Self.words($0).suffix(2) == ["proto", Firewall.routeProtocol[...]] }
        // `100: from all …` says the kernel, `rule add priority 100 from all …` we.
        let same =
            standing.map { ["rule", "add", "priority"] + Self.words($0) }
            == wanted.split(separator: "\n").map(Self.words)
        if !same { try await tool.run("ip", family.option, "-batch", "-", input: Self.flush + wanted) }
    }

    private static let flush = """
        rule flush protocol \(Firewall.routeProtocol)
        route flush table all proto \(Firewall.routeProtocol)

        """

    private static func words(_ line: Substring) -> [Substring] { line.split { ": \t".contains($0) } }

    /// The template's lines that begin so.
    private func lines(_ beginning: String) -> String {
        routes.split(separator: "\n").filter { $0.hasPrefix(beginning) }.map { $0 + "\n" }.joined()
    }
}
