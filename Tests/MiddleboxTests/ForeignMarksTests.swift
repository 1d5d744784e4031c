import Lab
import Testing
import Wire

/// Routers whose own rules set marks, and compare whole ones.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct ForeignMarksTests {
    @Test(arguments: IPTables.allCases)
    func aFirewallThatComparesWholeMarksLetsConvertedConnectionsPass(_ backend: IPTables) async throws {
        try await Lab.with { lab in
            try await lab.operate(
                backend,
                """
                *mangle
                -A PREROUTING -i lan+ -j MARK --set-mark 2
                COMMIT
                *filter
                :FORWARD DROP [0:0]
                -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
                -A FORWARD -m mark --mark 2 -j ACCEPT
                COMMIT
                """)
            let sluice = try await lab.startSluice(configuration: lab.configuration(backend.setting))
            try await lab.serve()
            try await lab.expectConversion(sluice)
        }
    }

    /// What the rules of a daemon that is gone leave on a packet, nat POSTROUTING sees.
    @Test(arguments: IPTables.allCases, IPFamily.allCases)
    func whatPassesADeadDaemonsRulesHasNoMarkOfOurs(_ backend: IPTables, _ family: IPFamily) async throws {
        try await Lab.with { lab in
            try await lab.operate(
                backend,
                """
                *mangle
                -A PREROUTING -i lan+ -j MARK --set-mark 1
                COMMIT
                *nat
                -A POSTROUTING -m mark --mark 1 -j MASQUERADE
                COMMIT
                """)
            try await lab.operate(
                in: .server(0),
                "*filter\n-4 -A INPUT ! -s 10.9.0.1 -j DROP\n-6 -A INPUT -p tcp ! -s fd00:9::1 -j DROP\nCOMMIT")
            let sluice = try await lab.startSluice(configuration: lab.configuration(backend.setting))
            try await lab.serve()
            try await sluice.kill()
            var plan = lab.plan(.download, 100_000, family)
            plan.limit = .seconds(5)
            let report = try await lab.fetch(plan)
            #expect(report.failures == [:])
            let rules = try await lab.shell("iptables-\(backend)-save -t mangle")
            #expect(rules.contains("SLUICE_SYN"), "the rules are still there")
        }
    }

    /// The bits that are a class's are somebody else's on a connection that isn't ours.
    @Test(arguments: IPTables.allCases)
    func aPlainConnectionWithAForeignConnmarkJoinsNoClass(_ backend: IPTables) async throws {
        try await Lab.with { lab in
            try await lab.operate(
                backend, "*mangle\n-A PREROUTING -i lan0 -j CONNMARK --set-mark 0x00010000/0x00ff0000\nCOMMIT")
            let throttle = "\n[[throttle]]\nname = \"slow\"\ninterface = \"lan0\"\ndownload = \"1mbit\"\n"
            let sluice = try await lab.startSluice(configuration: lab.configuration(backend.setting) + throttle)
            try await lab.serve()
            // A throttled subflow, so that class 1 exists.
            async let multipath = lab.fetch(lab.quietPlan(.v4))
            try await lab.wait(for: "a class") {
                try await sluice.connections().contains { $0.subflows.count == 2 }
            }
            let before = try await classBytes(lab)
            let report = try await lab.fetch(lab.plan(.download, 2_000_000, transport: .tcp))
            #expect(report.failures == [:])
            #expect(try await classBytes(lab) - before < 1_000_000)
            #expect(try await multipath.failures == [:])
        }
    }

    /// Bytes that the first class of lan0 has carried.
    private func classBytes(_ lab: Lab) async throws -> Int {
        let text = try await lab.shell("tc -s class show dev lan0 classid 7700:1")
        let words = text.split { $0 == " " || $0 == "\n" }
        guard let sent = words.firstIndex(of: "Sent") else { return 0 }
        return Int(words[sent + 1]) ?? 0
    }
}
