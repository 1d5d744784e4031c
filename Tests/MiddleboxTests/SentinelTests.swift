import Glibc
import Lab
import LinuxSystem
import Testing
import Wire

/// While the daemon can't answer, the sentinel does.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct SentinelTests {
    /// One connection of an MPTCP client: is it MPTCP as far as the server's side, and does it work?
    private func isConverted(_ lab: Lab, _ family: IPFamily) async throws -> Bool {
        let before = try lab.counters(in: .client(0))["MPTcpExtMPCapableSYNACKRX"] ?? 0
        var plan = lab.plan(.download, 100_000, family)
        plan.limit = .seconds(5)
        #expect(try await lab.fetch(plan).failures == [:])
        return try lab.counters(in: .client(0))["MPTcpExtMPCapableSYNACKRX"] ?? 0 > before
    }

    @Test func aStoppedDaemonLeavesPlainForwarding() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            for _ in 0..<2 {
                let retransmitted = try lab.counters(in: .client(0))["TcpExtTCPTimeouts"] ?? 0
                sluice.process.signal(SIGSTOP)
                #expect(try await !isConverted(lab, .v4))
                #expect(try await !isConverted(lab, .v6))
                #expect(try lab.counters(in: .client(0))["TcpExtTCPTimeouts"] ?? 0 == retransmitted, "no SYN was lost")
                sluice.process.signal(SIGCONT)
                try await lab.wait(for: "conversion to return") {
                    let v4 = try await isConverted(lab, .v4)
                    let v6 = try await isConverted(lab, .v6)
                    return v4 && v6
                }
                try await lab.waitUntilIdle(sluice)
            }
            #expect(sluice.log.contains("stood still"))
            #expect(try await sluice.stop() == .exited(0))
        }
    }

    @Test func aTransferOutlivesAPause() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            for operation in [PeerRequest.Operation.download, .upload] {
                var plan = lab.plan(operation, 1_000_000_000)
                plan.limit = .seconds(20)
                let transfer = plan
                let before = try lab.carried().reduce(0, +)
                async let report = lab.fetch(transfer)
                try await lab.wait(for: "bytes") { try lab.carried().reduce(0, +) > before + 10_000_000 }
                sluice.process.signal(SIGSTOP)
                try await Task.sleep(for: .seconds(1))
                sluice.process.signal(SIGCONT)
                #expect(try await report.failures == [:])
                try await lab.waitUntilIdle(sluice)
            }
            try await lab.wait(for: "conversion to return") { try await isConverted(lab, .v4) }
        }
    }

    /// A server that says nothing: the SYN is held for `dial_timeout`. When the daemon dies or stops meanwhile, the
    /// client's own SYN gets there without being sent a second time.
    @Test(arguments: [SIGKILL, SIGSTOP]) func aHeldSYNGoesOn(_ signal: Int32) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(
                configuration: lab.configuration(["advanced": "dial_timeout = \"900ms\""]))
            // The box's own dials come from ports below these.
            for rule in ["--sport 32768:65535 -j ACCEPT", "--dport 5000 -j DROP"] {
                let words = ["iptables", "-A", "INPUT", "-p", "tcp"] + rule.split(separator: " ").map(String.init)
                #expect(try await lab.run(in: .server(0), words).status.isSuccess)
            }
            try await lab.serve()
            let retransmitted = { try lab.counters(in: .client(0))["TcpExtTCPTimeouts"] ?? 0 }
            let before = try retransmitted()
            let plan = lab.plan(.download, 1000)
            async let report = lab.fetch(plan)
            try await lab.wait(for: "a held SYN") { try await sluice.status().packets.held == 1 }
            sluice.process.signal(signal)
            #expect(try await report.failures == [:])
            #expect(try retransmitted() == before)
            guard signal == SIGSTOP else { return }
            sluice.process.signal(SIGCONT)
            try await lab.wait(for: "nothing to be held") { try await sluice.status().packets.held == 0 }
            #expect(try await sluice.count("pass: unable") == 1)
        }
    }

    /// The server answers the box while the daemon stands still, and takes it for a client; then comes the client's own SYN,
    /// which the sentinel has let go. The first of the two is reset once the daemon moves again.
    @Test(arguments: IPFamily.allCases)
    func aServerThatAnsweredMeanwhileIsReset(_ family: IPFamily) async throws {
        let configuration = LabConfiguration(servers: [.init(delay: .milliseconds(200))])
        try await Lab.with(configuration) { lab in
            let sluice = try await lab.startSluice(
                configuration: lab.configuration(["advanced": "dial_timeout = \"900ms\"\nclient_timeout = \"30s\""]))
            let server = try await lab.serve()
            var plan = lab.plan(.download, 1000, family)
            plan.hold = .seconds(8)
            let held = plan
            async let report = lab.fetch(held)
            try await lab.wait(for: "a held SYN") { try await sluice.status().packets.held == 1 }
            sluice.process.signal(SIGSTOP)
            try await lab.wait(for: "two connections") { server.statistics.active == 2 }
            sluice.process.signal(SIGCONT)
            // Else it would be there until client_timeout.
            try await lab.wait(for: "the first one's reset", within: .seconds(7)) { server.statistics.active == 1 }
            #expect(try await report.failures == [:])
            #expect(try await sluice.count("pass: unable") == 1)
        }
    }

    @Test func theSentinelEndsWithTheDaemon() async throws {
        try await Lab.with { lab in
            let first = try await lab.startSluice()
            #expect(try await lab.sentinels().count == 1)
            // A second daemon doesn't get as far as its own.
            let program = try Lab.programBeside("sluice")
            for control in [first.controlPath, first.controlPath + "2"] {
                let failed = try await lab.run(
                    in: .box, [program, "run", "--config", first.configurationPath, "--control", control])
                #expect(failed.status == .exited(1))
            }
            #expect(try await lab.sentinels().count == 1)
            #expect(try await first.stop() == .exited(0))
            #expect(try await lab.sentinels() == [])

            let killed = try await lab.startSluice()
            try await killed.kill()
            try await lab.wait(for: "the sentinel to end", within: .seconds(3)) { try await lab.sentinels() == [] }

            let failing = try await lab.run(
                in: .box, [program, "run", "--config", first.configurationPath, "--control", first.controlPath],
                environment: ["PATH": "/nowhere"])
            #expect(failing.status == .exited(1))
            #expect(failing.errors.contains("iptables"), "\(failing.errors)")
            try await lab.wait(for: "the sentinel to end", within: .seconds(3)) { try await lab.sentinels() == [] }
        }
    }

    @Test func aKilledDaemonIsReplacedAtOnceAndAKilledSentinelMissed() async throws {
        try await Lab.with { lab in
            try await lab.serve()
            var sluice = try await lab.startSluice()
            for _ in 0..<5 {
                try await sluice.kill()
                sluice = try await lab.startSluice()
            }
            #expect(try await isConverted(lab, .v4))
            for pid in try await lab.sentinels() { #expect(kill(pid, SIGKILL) == 0) }
            let daemon = sluice
            try await lab.wait(for: "a warning") { daemon.log.contains("the sentinel has died") }
            #expect(try await isConverted(lab, .v6))
            #expect(try await sluice.stop() == .exited(0))
        }
    }

    /// It shares the daemon's table of descriptors, and adds a few to it, which go with it.
    @Test func theSentinelSharesDescriptors() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let pid = try #require(try await lab.sentinels().first)
            let list = { (pid: pid_t) in
                try await lab.run(in: .box, ["sh", "-c", "cd /proc/\(pid)/fd && ls | sort"]).output
            }
            #expect(try await list(pid) == list(sluice.pid))
        }
    }
}
