import Lab
import Testing
import Wire

/// Two uplinks, of which clients may use one. The server's address is on both machines behind them: who answers tells
/// which uplink was used.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct UplinkTests {
    struct Policy: CustomTestStringConvertible, Sendable {
        let testDescription: String
        /// Lines of a shell script; `ip` is for the family at hand, $lan its prefix of the clients.
        let rules: String
        var isFollowed = true
    }

    static let policies = [
        Policy(
            testDescription: "by a whole mark",
            rules: "iptables -t mangle -A PREROUTING -i lan+ -j MARK --set-mark 1; ip rule add fwmark 1 lookup 100"),
        Policy(
            testDescription: "by a mark among Sluice's bits",
            rules: """
                iptables -t mangle -A PREROUTING -i lan+ -j MARK --set-mark 0x00050000/0x00ff0000
                ip rule add fwmark 0x00050000/0x00ff0000 lookup 100
                """),
        Policy(testDescription: "by source prefix", rules: "ip rule add from $lan lookup 100"),
        Policy(
            testDescription: "by incoming interface",
            rules: "ip rule add iif lan0 lookup 100; ip rule add iif lan1 lookup 100", isFollowed: false),
        Policy(
            testDescription: "by the client's ports",
            rules: "ip rule add ipproto tcp sport 32768-65534 lookup 100", isFollowed: false),
    ]

    static let killSwitch = """
        iptables -A FORWARD -i lan+ -o wan0 -j REJECT
        iptables -A OUTPUT -o wan0 -d $server -j REJECT
        """

    @Test(arguments: policies, IPFamily.allCases)
    func clientsUseTheirOwnUplinkAlone(_ policy: Policy, _ family: IPFamily) async throws {
        for script in [policy.rules, policy.rules + "\n" + Self.killSwitch] {
            try await Lab.with(LabConfiguration(servers: [.init(), .init()])) { lab in
                let (wrong, right) = try await twoUplinks(lab, family)
                try await lab.shell(variables(family) + script)
                let sluice = try await lab.startSluice()
                var plan = FetchPlan(to: server(family), .mptcp)
                plan.length = 200_000...200_000
                plan.count = 8
                plan.limit = .seconds(5)
                let report = try await lab.fetch(plan)
                #expect(report.failures == [:])
                #expect(right.statistics.accepted >= 8)
                #expect(wrong.statistics.accepted == 0)
                #expect(try await leaked(lab, family) == 0)
                let decisions = try await sluice.status().decisions
                if policy.isFollowed {
                    #expect(decisions["intercept: server answered"] == 8)
                } else {
                    #expect(decisions["pass: other way out"] == 8)
                }
            }
        }
    }

    /// The right uplink goes down under a running upload, and the routes lead to the wrong one. Then it is back.
    @Test(arguments: IPFamily.allCases)
    func aRunningConnectionDoesNotMoveToAnotherUplink(_ family: IPFamily) async throws {
        try await Lab.with(LabConfiguration(servers: [.init(), .init()])) { lab in
            let (wrong, _) = try await twoUplinks(lab, family)
            try await lab.shell(
                variables(family) + "ip rule add from $lan lookup 100; iptables -A FORWARD -i lan+ -o wan0 -j DROP")
            let sluice = try await lab.startSluice()
            let conversation = try await lab.converse(in: .client(0), echo(family))
            try await conversation.bounce(5000)
            #expect(try await sluice.connections().count == 1)
            try await lab.shell(variables(family) + "ip link set wan1 down")
            // Meanwhile the box tries again and again.
            async let bounced: Void = conversation.bounce(5000)
            try await lab.wait(for: "segments that were refused") {
                let text = try await lab.shell(variables(family) + "iptables -vxnL SLUICE_TO_SERVER")
                return text.split(separator: "\n").contains { line in
                    let words = line.split(separator: " ")
                    return words.count > 2 && words[2] == "DROP" && words[0] != "0"
                }
            }
            #expect(try await leaked(lab, family) == 0)
            #expect(wrong.statistics.accepted == 0)
            try await lab.shell(variables(family) + "ip link set wan1 up")
            try await restoreUplink(lab, family)
            try await bounced
            try await conversation.end()
            #expect(try await leaked(lab, family) == 0)
        }
    }

    /// A rule in the administrator's chain ends what runs, outlives the daemon, and is the administrator's to remove.
    @Test(arguments: IPTables.allCases, IPFamily.allCases)
    func theAdministratorsChainForbidsRunningConnections(_ backend: IPTables, _ family: IPFamily) async throws {
        try await Lab.with { lab in
            let tool = "\(family == .v4 ? "iptables" : "ip6tables")-\(backend)"
            let settings = ["advanced": backend.setting["advanced"]! + "\ndrain_timeout = \"100ms\""]
            let sluice = try await lab.startSluice(configuration: lab.configuration(settings))
            try await lab.serve()
            let client = family == .v4 ? "10.1.0.0/16" : "fd00:1::/64"
            var plan = lab.plan(.echo, 0, family)
            plan.limit = .seconds(2)
            let conversation = try await lab.converse(in: .client(0), plan)
            try await conversation.bounce(5000)
            try await lab.shell("\(tool) -A SLUICE-USER -p tcp -s \(client) -j DROP")
            await #expect(throws: (any Error).self) { try await conversation.bounce(5000) }
            #expect(try await sluice.stop().isSuccess)
            #expect(try await lab.shell("\(tool)-save").contains("-A SLUICE-USER -"))
            let again = try await lab.startSluice(configuration: lab.configuration(settings))
            #expect(try await lab.shell("\(tool)-save").contains("-A SLUICE-USER -"))
            try await lab.shell("\(tool) -F SLUICE-USER")
            #expect(try await again.stop().isSuccess)
            #expect(try await !lab.shell("\(tool)-save").contains("SLUICE-USER"))
        }
    }

    private func server(_ family: IPFamily) -> Endpoint {
        Endpoint(family == .v4 ? "10.50.0.1:5000" : "[fd50::1]:5000")!
    }

    private func echo(_ family: IPFamily) -> FetchPlan {
        var plan = FetchPlan(to: server(family), .mptcp)
        plan.operation = .echo
        plan.limit = .seconds(30)
        return plan
    }

    /// In a script: tools for one family, and addresses.
    private func variables(_ family: IPFamily) -> String {
        family == .v4
            ? "lan=10.0.0.0/14; server=10.50.0.1\n"
            : """
            ip() { command ip -6 "$@"; }; iptables() { command ip6tables "$@"; }; lan=fd00::/14; server=fd50::1

            """
    }

    private func twoUplinks(_ lab: Lab, _ family: IPFamily) async throws -> (wrong: PeerServer, right: PeerServer) {
        let length = family == .v4 ? 32 : 128
        let address = server(family).address
        for index in 0...1 {
            try await lab.shell(in: .server(index), "ip addr add \(address)/\(length) dev lo")
        }
        try await restoreUplink(lab, family)
        // What leaves for the server by the wrong uplink.
        try await lab.shell(
            variables(family)
                + """
                ip route add default via \(family == .v4 ? "10.9.0.2" : "fd00:9::2")
                iptables -t mangle -A POSTROUTING -o wan0 -d $server
                """)
        return (try await lab.serve(in: .server(0)), try await lab.serve(in: .server(1)))
    }

    private func restoreUplink(_ lab: Lab, _ family: IPFamily) async throws {
        let gateway = family == .v4 ? "10.9.1.2" : "fd00:9:1::2"
        try await lab.shell(
            variables(family)
                + (family == .v6 ? "ip addr replace fd00:9:1::1/64 dev wan1 nodad\n" : "")
                + "ip route replace default via \(gateway) dev wan1 table 100")
    }

    private func leaked(_ lab: Lab, _ family: IPFamily) async throws -> Int {
        let text = try await lab.shell(variables(family) + "iptables -t mangle -vxnL POSTROUTING")
        let line = text.split(separator: "\n").first { $0.contains("wan0") && !$0.contains("SLUICE") }
        return line.flatMap { Int($0.split(separator: " ")[0]) } ?? -1
    }
}
