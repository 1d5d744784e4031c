import Lab
import LinuxSystem
import Testing
import Wire

/// Whether an end is still there, as the other one hears it through the box; and what lies on the way.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(4))) struct LivenessTests {
    /// The server's side forgets connections that have been silent for six seconds, as a NAT would.
    private static let forgetful = """
        sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0 net.netfilter.nf_conntrack_tcp_timeout_established=6
        for tool in iptables ip6tables; do
            $tool -A INPUT -p tcp --syn -j ACCEPT
            $tool -A INPUT -p tcp -m conntrack --ctstate ESTABLISHED -j ACCEPT
            $tool -A INPUT -p tcp -j DROP
            $tool -A OUTPUT -p tcp -m conntrack ! --ctstate ESTABLISHED -j DROP
        done
        """

    private func plan(_ lab: Lab, _ family: IPFamily, probes idle: Int32?) -> FetchPlan {
        var plan = FetchPlan(to: lab.endpoint(.server(0), port: 5000, family), .mptcp)
        plan.keepalive = idle.map { .init(idle: $0, interval: 1, count: 3) }
        plan.limit = .seconds(10)
        return plan
    }

    @Test("a client's keepalive keeps what lies behind the box, too", arguments: IPFamily.allCases)
    func probesAreHandedOn(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            try await lab.shell(in: .server(0), "modprobe nf_conntrack 2>/dev/null || true\n" + Self.forgetful)
            let sluice = try await lab.startSluice()
            try await lab.serve()
            // As a control, one that doesn't probe is forgotten.
            let probing = try await lab.converse(plan(lab, family, probes: 3))
            let silent = try await lab.converse(plan(lab, family, probes: nil))
            for conversation in [probing, silent] { try await conversation.bounce(1000) }
            #expect(try await sluice.connections().count == 2)
            try await Task.sleep(for: .seconds(20))
            try await probing.bounce(100_000)
            await #expect(throws: (any Error).self) { try await silent.bounce(1) }
            try await probing.end()
        }
    }

    /// The server's host is gone: nothing answers any more.
    @Test(
        "a client that probes learns of a dead server by its own clock", arguments: IPFamily.allCases)
    func deadServer(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            try await lab.run(in: .client(0), ["sysctl", "-qw", "net.mptcp.close_timeout=1"])
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let conversation = try await lab.converse(plan(lab, family, probes: 3))
            try await conversation.bounce(1000)
            let tool = family == .v4 ? "iptables" : "ip6tables"
            try await lab.shell(in: .server(0), "\(tool) -A INPUT -p tcp -j DROP; \(tool) -A OUTPUT -p tcp -j DROP")
            // 3 s until the first probe, 3 s until it has failed; and once more, since the first is answered by the box.
            try await lab.wait(for: "the client to give up", within: .seconds(60)) {
                try await sluice.status().connections.open == 0
            }
            await #expect(throws: (any Error).self) { try await conversation.bounce(1) }
        }
    }

    /// ICMP says that the other end can't be reached, for a while: to an established connection that is no end (RFC 1122
    /// section 4.2.3.9).
    @Test(
        "unreachability in mid-connection ends nothing", arguments: [Lab.Node.server(0), .client(0)],
        IPFamily.allCases)
    func softErrors(_ node: Lab.Node, _ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let conversation = try await lab.converse(plan(lab, family, probes: nil))
            try await conversation.bounce(100_000)
            let (tool, answer) =
                family == .v4 ? ("iptables", "icmp-host-unreachable") : ("ip6tables", "icmp6-addr-unreachable")
            try await lab.shell(in: node, "\(tool) -A INPUT -p tcp -j REJECT --reject-with \(answer)")
            async let bounced: Void = conversation.bounce(200_000)
            try await lab.wait(for: "some to be refused") {
                try await lab.shell(in: node, "\(tool) -nvxL INPUT").split(separator: "\n").contains { line in
                    line.contains("REJECT") && (line.split(separator: " ").first.flatMap { Int($0) } ?? 0) >= 2
                }
            }
            try await lab.shell(in: node, "\(tool) -F INPUT")
            try await bounced
            try await conversation.end()
            try await lab.waitUntilIdle(sluice)
            #expect(try await sluice.status().connections.resets == 0)
        }
    }
}
