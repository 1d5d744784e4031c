import Glibc
import Lab
import LinuxSystem
import Testing
import Wire

/// How connections end, in order and otherwise: as they would without the box.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct EndingTests {
    @Test(arguments: [PeerRequest.Operation.serverEndsFirst, .clientEndsFirst, .echo])
    func eitherSideMayEndFirst(_ operation: PeerRequest.Operation) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let server = try await lab.serve()
            for family in IPFamily.allCases {
                var plan = lab.plan(operation, 3_000_000, family)
                plan.hold = .milliseconds(200)
                #expect(try await lab.fetch(plan).failures == [:])
            }
            try await lab.wait(for: "the server to finish") { server.statistics.completed == 2 }
            try await lab.waitUntilIdle(sluice)
            #expect(try await sluice.status().connections.resets == 0)
        }
    }

    /// One direction ended, the other goes on: the box shows it, and keeps it.
    @Test func aHalfClosedConnectionStaysHalfClosed() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            var plan = lab.plan(.serverEndsFirst, 1000)
            plan.hold = .seconds(2)
            let held = plan
            async let report = lab.fetch(held)
            try await lab.wait(for: "the half-closed connection") {
                try await sluice.connections().first?.state == "half-closed"
            }
            #expect(try await report.failures == [:])
        }
    }

    /// Also when the client had ended its own direction before, or had sent or taken nothing yet.
    @Test(arguments: [PeerRequest.Operation.download, .upload, .clientEndsFirst], IPFamily.allCases)
    func aClientsResetReachesTheServer(_ operation: PeerRequest.Operation, _ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await expectResets(lab, sluice, operation, family)
        }
    }

    /// MP_FASTCLOSE goes out once. Lost, or ahead of the last data, it does nothing, and all that the client says from then
    /// on are resets that concern a subflow only.
    @Test(arguments: [PeerRequest.Operation.download, .clientEndsFirst], IPFamily.allCases)
    func aClientsResetReachesTheServerWithoutItsFastclose(
        _ operation: PeerRequest.Operation, _ family: IPFamily
    ) async throws {
        try await Lab.with { lab in
            let iptables = family == .v4 ? "iptables" : "ip6tables"
            let rule = "-A OUTPUT -p tcp --tcp-flags RST RST --tcp-option 30 -j DROP"
            let dropping = try await lab.run(in: .client(0), [iptables] + rule.split(separator: " ").map(String.init))
            try #require(dropping.status.isSuccess)
            let sluice = try await lab.startSluice()
            try await expectResets(lab, sluice, operation, family, after: [1_000_000])
        }
    }

    /// The box's kernel hears no reset until the queue has shown one for long; the next comes when the server speaks.
    @Test(arguments: IPFamily.allCases)
    func aClientsResetReachesTheServerWhenItIsHeardLate(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            func dropResets(_ command: String) async throws {
                let rule = "\(command) INPUT -p tcp --tcp-flags RST RST -j DROP".split(separator: " ").map(String.init)
                let result = try await lab.run(in: .box, [family == .v4 ? "iptables" : "ip6tables"] + rule)
                try #require(result.status.isSuccess)
            }
            try await dropResets("-I")
            let server = try await lab.serve()
            var plan = lab.quietPlan(family)
            plan.length = 50_000_000...50_000_000
            plan.abortAfter = 0
            #expect(try await lab.fetch(plan).failures == [:])
            try await Task.sleep(for: .seconds(1))
            try await dropResets("-D")
            // The kernel alone would wait for a minute.
            try await lab.wait(for: "the server to notice", within: .seconds(20)) {
                server.statistics.accepted == 1 && server.statistics.active == 0
            }
            try await lab.waitUntilIdle(sluice)
            #expect(try await sluice.status().connections.resets == 1)
        }
    }

    /// The client's port is free for a new connection as soon as the server has reset the old one.
    @Test(arguments: IPFamily.allCases)
    func aPortIsUsedAgainBehindAReset(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let server = try await HandSocket.listen(lab, port: 5000, family)
            let source = lab.endpoint(.client(0), port: 40_000, family)
            for _ in 1...3 {
                let client = try await HandSocket.connect(
                    lab, from: source, to: lab.endpoint(.server(0), port: 5000, family))
                do {
                    let (connection, _) = try #require(try server.accept())
                    try connection.resetOnRelease()
                }
                #expect(client.isEnded())
            }
            #expect(try await sluice.decisions() == ["intercept: server answered": 3])
        }
    }

    /// Has conversations that the client resets after so many bytes: with servers that are met for the first time and
    /// dialled with MPTCP, and with the same again, then dialled with TCP.
    private func expectResets(
        _ lab: Lab, _ sluice: SluiceDaemon, _ operation: PeerRequest.Operation, _ family: IPFamily,
        after lengths: [UInt64] = [0, 1_000_000]
    ) async throws {
        var servers: [PeerServer] = []
        for bytes in lengths {
            for _ in 0..<5 {
                let port = UInt16(5000 + servers.count)
                servers.append(try await lab.serve(port: port))
                var plan = lab.plan(operation, 50_000_000, family)
                plan.to = Endpoint(address: plan.to.address, port: port)
                plan.abortAfter = bytes
                plan.count = 4
                #expect(try await lab.fetch(plan).failures == [:])
            }
        }
        for server in servers {
            try await lab.wait(for: "the server to notice") {
                server.statistics.accepted == 4 && server.statistics.active == 0
            }
            #expect(server.statistics.completed == 0)
            // EPIPE is the kernel's word for a reset after the end of the stream: elsewhere there must not be one.
            let failures = server.statistics.failures
            #expect(
                failures.keys.allSatisfy {
                    $0.contains("reset") || operation == .clientEndsFirst && $0.contains("pipe")
                }, "\(failures)")
        }
        try await lab.waitUntilIdle(sluice)
        #expect(try await sluice.status().connections.resets == UInt64(servers.count * 4))
    }

    @Test func aKilledClientEndsAtTheServer() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let server = try await lab.serve()
            let client = try lab.spawn(
                in: .client(0),
                [
                    Lab.programBeside("sluice-lab"), "fetch", "--to",
                    lab.endpoint(.server(0), port: 5000).description, "--protocol", "mptcp", "--length",
                    "2000000000-2000000000",
                ])
            try await lab.wait(for: "the transfer to run") {
                try await sluice.status().connections.bytesToClient > 1_000_000
            }
            // Killed with bytes unread it resets the connection. One that has just read all ends it in order, and its kernel
            // may keep MPTCP alive for net.mptcp.close_timeout.
            client.signal(SIGSTOP)
            try await Task.sleep(for: .milliseconds(300))
            client.signal(SIGKILL)
            try await lab.wait(for: "the server to notice") { server.statistics.active == 0 }
            #expect(server.statistics.completed == 0)
            try await lab.waitUntilIdle(sluice)
        }
    }

    @Test(arguments: IPFamily.allCases)
    func aServersResetReachesTheClient(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            var plan = lab.plan(.serverAborts, 2_000_000, family)
            plan.count = 5
            #expect(try await lab.fetch(plan).failures == [:])
            try await lab.waitUntilIdle(sluice)
            #expect(try await sluice.status().connections.resets == 5)
        }
    }

    /// Both sides have ended, and the client takes its time to read: the kernel would drop an MPTCP connection that the
    /// box has closed after its close_timeout, with all that is still on its way.
    @Test(arguments: IPFamily.allCases)
    func aSlowReaderGetsAllThatWasSentBeforeTheEnd(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            // So that the box's socket takes all at once, while the client's takes little.
            try await lab.run(
                in: .box, ["sysctl", "-qw", "net.mptcp.close_timeout=1", "net.ipv4.tcp_wmem=4096 8000000 8000000"])
            let sluice = try await lab.startSluice()
            try await lab.serve()
            var plan = lab.plan(.clientEndsFirst, 3_500_000, family)
            plan.hold = .seconds(4)
            let slow = plan
            async let report = lab.fetch(slow)
            try await lab.wait(for: "both ends") { try await sluice.connections().first?.state == "closing" }
            #expect(try await report.failures == [:])
            try await lab.waitUntilIdle(sluice)
        }
    }

    /// Half a minute without a byte: keep-alive or not, the connection is still there.
    @Test func silenceIsNoEnd() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            var plan = lab.plan(.silence, 1_000_000)
            plan.pause = 30
            #expect(try await lab.fetch(plan).failures == [:])
            try await lab.waitUntilIdle(sluice)
        }
    }

    @Test func anIdleTimeoutIsKeptWhenItIsSet() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(
                configuration: lab.configuration(["relay": "idle_timeout = \"1s\""]))
            let server = try await lab.serve()
            var plan = lab.plan(.silence, 1000)
            plan.pause = 30
            let report = try await lab.fetch(plan)
            #expect(report.failures.keys.allSatisfy { "\($0)".contains("reset") }, "\(report.failures)")
            #expect(report.failures.count == 1)
            #expect(try await sluice.status().connections.idleTimeouts == 1)
            server.stop()
        }
    }

    /// A link that dies in the middle: the other one carries the rest.
    @Test(arguments: [PeerRequest.Operation.download, .upload])
    func aDeadLinkEndsNothing(_ operation: PeerRequest.Operation) async throws {
        let links = [LabConfiguration.Link(rate: .mbit(90)), .init(rate: .mbit(30))]
        try await Lab.with(LabConfiguration(clients: [.init(links: links)])) { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            var plan = lab.plan(operation, 25_000_000)
            plan.limit = .seconds(60)
            let long = plan
            async let report = lab.fetch(long)
            try await lab.wait(for: "both links to carry", within: .seconds(20)) {
                try lab.carried().allSatisfy { $0 > 1_000_000 }
            }
            let before = try lab.carried()[0]
            try await lab.run(in: .box, ["ip", "link", "set", lab.links(of: .client(0))[1].name, "down"])
            #expect(try await report.failures == [:])
            #expect(try lab.carried()[0] - before > 5_000_000)
            try await lab.waitUntilIdle(sluice)
        }
    }

    /// A client that doesn't read: what the box takes from the server is bounded.
    @Test func aSlowReaderHoldsTheServerBack() async throws {
        let links = [LabConfiguration.Link(rate: .mbit(5)), .init(rate: .mbit(5))]
        try await Lab.with(LabConfiguration(clients: [.init(links: links)])) { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            var plan = lab.plan(.download, 200_000_000)
            plan.abortAfter = 4_000_000
            let slow = plan
            async let report = lab.fetch(slow)
            try await lab.wait(for: "the transfer to run") {
                try await sluice.status().connections.bytesToClient > 2_000_000
            }
            let ahead = try await sluice.status().connections.bytesToClient - lab.carried().reduce(0, +)
            // A send buffer of the kernel's (tcp_wmem) and one chunk of ours; not the server's 200 MB.
            #expect(ahead < 20_000_000)
            #expect(try await report.failures == [:])
            try await lab.waitUntilIdle(sluice)
        }
    }
}
