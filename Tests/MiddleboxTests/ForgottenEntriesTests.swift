import Lab
import Testing
import Wire

/// Connection tracking that forgets, or that is told to look elsewhere.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct ForgottenEntriesTests {
    /// As scripts do when a link comes back. A firewall with states is in the way, of both the router and the client.
    static let stateful = """
        *filter
        :INPUT DROP [0:0]
        :FORWARD DROP [0:0]
        -A INPUT -i lo -j ACCEPT
        -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
        -6 -A INPUT -p ipv6-icmp -j ACCEPT
        -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
        -A FORWARD -i lan+ -j ACCEPT
        COMMIT
        """

    @Test(arguments: IPTables.allCases, IPFamily.allCases)
    func runningConnectionsOutliveAFlush(_ backend: IPTables, _ family: IPFamily) async throws {
        try await Lab.with { lab in
            try await lab.operate(backend, Self.stateful)
            let sluice = try await lab.startSluice(configuration: lab.configuration(backend.setting))
            try await lab.serve()
            let conversation = try await lab.converse(in: .client(0), lab.plan(.echo, 0, family))
            for _ in 0..<5 {
                try await conversation.bounce(300_000)
                try await lab.shell("conntrack -F 2>/dev/null")
            }
            #expect(try await sluice.connections().count == 1)
            try await conversation.bounce(5000)
            try await conversation.end()
            #expect(try await sluice.count("intercept: server answered") == 1)
        }
    }

    /// Under load, in both directions at once.
    @Test(arguments: IPFamily.allCases)
    func transfersOutliveFlushes(_ family: IPFamily) async throws {
        let link = LabConfiguration.Link(rate: .mbit(100))
        try await Lab.with(LabConfiguration(clients: [.init(links: [link, link])])) { lab in
            try await lab.operate(.nft, Self.stateful)
            try await lab.startSluice()
            try await lab.serve()
            var plan = lab.plan(.echo, 2_000_000, family)
            plan.count = 10
            plan.parallel = 10
            async let report = lab.fetch(plan)
            for _ in 0..<10 {
                try await lab.shell("conntrack -F 2>/dev/null")
                try await Task.sleep(for: .milliseconds(150))
            }
            #expect(try await report.failures == [:])
        }
    }

    /// The server speaks first, when both entries have gone.
    @Test(arguments: IPFamily.allCases)
    func silenceMayBeLongerThanAnEntryLives(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            try await lab.operate(.nft, Self.stateful)
            try await lab.shell("sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=1")
            try await lab.startSluice()
            try await lab.serve()
            var plan = lab.plan(.silence, 100_000, family)
            plan.pause = 4
            #expect(try await lab.fetch(plan).failures == [:])
        }
    }

    struct Tracking: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let raw: String
    }

    static let oddities = [
        Tracking(testDescription: "clients' interfaces in a zone", raw: "-A PREROUTING -i lan+ -j CT --zone 1"),
        Tracking(
            testDescription: "clients' interfaces in a zone, both ways",
            raw: "-A PREROUTING -i lan+ -j CT --zone 1\n-A OUTPUT -o lan+ -j CT --zone 1"),
        Tracking(testDescription: "the server's side in a zone", raw: "-A PREROUTING -i wan0 -j CT --zone 2"),
        Tracking(testDescription: "clients untracked", raw: "-A PREROUTING -i lan+ -j CT --notrack"),
        Tracking(testDescription: "to clients untracked", raw: "-A OUTPUT -o lan+ -j CT --notrack"),
        Tracking(testDescription: "from servers untracked", raw: "-A PREROUTING -i wan0 -j CT --notrack"),
        Tracking(testDescription: "to servers untracked", raw: "-A OUTPUT -o wan0 -j CT --notrack"),
    ]

    /// Converted or not, but never reset.
    @Test(arguments: IPTables.allCases, oddities)
    func noConnectionIsReset(_ backend: IPTables, _ tracking: Tracking) async throws {
        try await Lab.with { lab in
            try await lab.operate(backend, "*raw\n\(tracking.raw)\nCOMMIT")
            let sluice = try await lab.startSluice(configuration: lab.configuration(backend.setting))
            try await lab.serve()
            for family in IPFamily.allCases {
                var plan = lab.plan(.echo, 300_000, family)
                plan.count = 4
                plan.limit = .seconds(10)
                let report = try await lab.fetch(plan)
                let decisions = try await sluice.status().decisions
                #expect(report.failures == [:], "\(decisions)")
            }
        }
    }
}
