import Lab
import LinuxSystem
import Testing
import Wire

/// What the router's own FORWARD rules refuse stays refused, in the very way that they refuse it.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct RouterFirewallTests {
    /// By port, by incoming interface, by address; dropped, rejected with ICMP, rejected with a reset. Every port of
    /// 5001-5008 has a server that would answer.
    static let refusals = """
        *filter
        -A FORWARD -p tcp --dport 5001 -j REJECT
        -A FORWARD -p tcp --dport 5002 -j REJECT --reject-with tcp-reset
        -A FORWARD -p tcp --dport 5003 -j DROP
        -A FORWARD -i lan0 -p tcp --dport 5004 -j REJECT --reject-with tcp-reset
        -4 -A FORWARD -s 10.1.0.2 -p tcp --dport 5005 -j REJECT
        -6 -A FORWARD -s fd00:1::2 -p tcp --dport 5005 -j REJECT
        -4 -A FORWARD -d 10.9.0.2 -p tcp --dport 5006 -j REJECT --reject-with icmp-admin-prohibited
        -6 -A FORWARD -d fd00:9::2 -p tcp --dport 5006 -j REJECT --reject-with icmp6-adm-prohibited
        -A FORWARD -i lan0 -o wan0 -p tcp --dport 5007 -j DROP
        -4 -A FORWARD -p tcp --dport 5008 -j REJECT --reject-with icmp-host-unreachable
        -6 -A FORWARD -p tcp --dport 5008 -j REJECT --reject-with icmp6-addr-unreachable
        COMMIT
        """

    @Test(arguments: IPTables.allCases)
    func whatForwardingRefusesStaysRefused(_ backend: IPTables) async throws {
        try await Lab.with { lab in
            try await lab.operate(backend, Self.refusals)
            // Else one ICMP error a second is all that a client gets.
            try await lab.shell("sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0")
            let sluice = try await lab.startSluice(configuration: lab.configuration(backend.setting))
            var servers: [PeerServer] = []
            for port in UInt16(5001)...5008 { servers.append(try await lab.serve(port: port)) }
            let plain = try await outcomes(lab, .tcp)
            let multipath = try await outcomes(lab, .mptcp)
            #expect(multipath == plain)
            #expect(plain.count == 16)
            #expect(plain.values.allSatisfy { $0.hasPrefix("connect: ") }, "\(plain)")
            #expect(Set(plain.values).count >= 3, "refused, prohibited and silent are different things: \(plain)")
            #expect(servers.allSatisfy { $0.statistics.accepted == 0 })
            let status = try await sluice.status()
            #expect(status.decisions == [:], "Sluice never hears of them")
            #expect(status.dials.started == 0)
        }
    }

    /// How an attempt at each port ends, all at a time.
    private func outcomes(_ lab: Lab, _ transport: PeerProtocol) async throws -> [Endpoint: String] {
        try await withThrowingTaskGroup(of: (Endpoint, String).self) { group in
            for family in IPFamily.allCases {
                for port in UInt16(5001)...5008 {
                    var plan = FetchPlan(to: lab.endpoint(.server(0), port: port, family), transport)
                    plan.limit = .milliseconds(1500)
                    group.addTask { [plan] in
                        let report = try await lab.fetch(plan)
                        return (plan.to, report.failures.keys.map(\.description).joined(separator: "; "))
                    }
                }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
    }

    /// A connection that may come in by one link only: it is converted, and its second subflow is refused.
    @Test(arguments: IPTables.allCases, IPFamily.allCases)
    func aJoinThatForwardingRefusesStaysRefused(_ backend: IPTables, _ family: IPFamily) async throws {
        try await Lab.with { lab in
            try await lab.operate(
                backend,
                "*filter\n-A FORWARD -i lan1 -p tcp --dport 5000 -j REJECT --reject-with tcp-reset\nCOMMIT")
            let sluice = try await lab.startSluice(configuration: lab.configuration(backend.setting))
            try await lab.serve()
            let plan = lab.quietPlan(family)
            async let report = lab.fetch(plan)
            try await lab.wait(for: "the client to hear of its join") {
                try lab.counters(in: .client(0))["TcpEstabResets", default: 0]
                    + lab.counters(in: .client(0))["TcpAttemptFails", default: 0] > 0
            }
            #expect(try await sluice.connections().map(\.subflows.count) == [1])
            #expect(try await report.failures == [:])
            #expect(try await sluice.status().decisions == ["intercept: server answered": 1])
        }
    }

    /// The rules in the server-facing direction count for what the client sent: ESTABLISHED traffic only comes back,
    /// and new connections go out by one interface only.
    @Test(arguments: IPTables.allCases)
    func aRouterThatForwardsOutwardsOnlyConverts(_ backend: IPTables) async throws {
        try await Lab.with { lab in
            try await lab.operate(
                backend,
                """
                *filter
                :FORWARD DROP [0:0]
                -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
                -A FORWARD -i lan+ -o wan0 -p tcp --dport 5000 -j ACCEPT
                COMMIT
                """)
            let sluice = try await lab.startSluice(configuration: lab.configuration(backend.setting))
            try await lab.serve()
            let refused = try await lab.serve(port: 5001)
            try await lab.expectConversion(sluice)
            var plan = lab.plan(.download, 1)
            plan.to = lab.endpoint(.server(0), port: 5001)
            plan.limit = .milliseconds(500)
            #expect(try await lab.fetch(plan).failures.count == 1)
            #expect(refused.statistics.accepted == 0)
        }
    }
}
