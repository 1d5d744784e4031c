import Admin
import Lab
import LinuxSystem
import Testing
import Wire

/// Which subflows rules are about, and when.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(5))) struct ThrottleSelectionTests {
    /// A single-path TCP connection and an MPTCP connection with one subflow are nobody's.
    @Test func othersAreLeftAlone() async throws {
        try await Lab.with(.twoLinks) { lab in
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + ThrottleTests.relieve)
            try await lab.serve()
            try await lab.mptcp(in: .client(0), ["limits", "set", "subflow", "0"])
            for (transport, operation) in [(PeerProtocol.tcp, PeerRequest.Operation.download), (.mptcp, .upload)] {
                #expect(try await lab.fetch(lab.plan(operation, 5_000_000, transport: transport)).failures == [:])
            }
            let report = try #require(try await sluice.throttles().first)
            #expect(report.matched == 0)
            #expect(report.classes.allSatisfy { $0.bytes == 0 })
        }
    }

    /// Connections that the router only forwards are throttled as well, if they are inspected.
    @Test func endToEndConnectionsAreHeld() async throws {
        try await Lab.with(.twoLinks) { lab in
            let configuration = lab.configuration(["intercept": "inspect = \"all\""]) + ThrottleTests.relieve
            let sluice = try await lab.startSluice(configuration: configuration)
            try await lab.serve(.mptcp)
            for operation in [PeerRequest.Operation.download, .upload] {
                #expect(try await lab.shareOfFast(lab.plan(operation, 15_000_000)) < 0.45)
            }
            let report = try #require(try await sluice.throttles().first)
            #expect(report.matched == 2 && report.refused == 0)
            #expect(try await sluice.status().connections.accepted == 0)
        }
    }

    /// A quota is a quota: with one of 20 MB the rule holds after 20 MB, and not before 19.8.
    @Test(arguments: ["connection", "client"])
    func quotasCount(_ owner: String) async throws {
        try await Lab.with(.twoLinks) { lab in
            let rule = """

                [[throttle]]
                name = "fair-use"
                min_subflows = 1
                after_bytes = "20MB"
                after_bytes_of = "\(owner)"
                download = "10mbit"
                """
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + rule)
            try await lab.serve()
            let parts: UInt64 = owner == "client" ? 2 : 1
            for _ in 1...parts {
                #expect(try await lab.fetch(lab.plan(.download, 19_800_000 / parts)).failures == [:])
            }
            #expect(try await sluice.throttles().first?.matched == 0)
            // The last connection of a client, or one that is longer.
            let length: UInt64 = owner == "client" ? 400_000 : 20_200_000
            #expect(try await lab.fetch(lab.plan(.download, length)).failures == [:])
            #expect(try await sluice.throttles().first?.matched ?? 0 > 0)
        }
    }

    /// What a rule asks about reaches it: address ID, backup flag, the other end, the hour.
    @Test func rulesSelect() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let second = lab.links(of: .client(0))[1]
            try await lab.mptcp(in: .client(0), ["endpoint", "flush"])
            try await lab.mptcp(
                in: .client(0),
                ["endpoint", "add", "\(second.address())", "dev", second.nodeInterface, "id", "7", "subflow", "backup"])
            var plan = lab.quietPlan()
            plan.pause = 8
            async let report = lab.fetch(plan)
            try await lab.waitForSubflows(2, sluice)
            let hour = WallClock.minuteOfDay / 60
            let clock = { (hours: Int) in "\(String(100 + (hour + hours) % 24).dropFirst()):00" }
            let cases: [(options: [String], held: Set<String>)] = [
                (["--address-id", "7"], ["lan1"]), (["--address-id", "8"], []), (["--backup"], ["lan1"]),
                (["--no-backup"], ["lan0"]), (["--client", "10.2.0.0/24"], ["lan1"]),
                (["--server", "10.9.0.0/24"], ["lan0", "lan1"]), (["--server", "10.8.0.0/24"], []),
                (["--port", "4000-5000"], ["lan0", "lan1"]), (["--port", "80"], []), (["--min-subflows", "3"], []),
                // The hour before and after may begin meanwhile, the ones farther off don't.
                (["--hours", "\(clock(23))-\(clock(2))"], ["lan0", "lan1"]),
                (["--hours", "\(clock(3))-\(clock(4))"], []),
            ]
            for (options, held) in cases {
                try await sluice.changeThrottles(["add", "a", "--download", "10mbit"] + options)
                #expect(try await Set(sluice.held().keys) == held, "\(options)")
                try await sluice.changeThrottles("clear", "a")
            }
            #expect(try await report.failures == [:])
        }
    }
}
