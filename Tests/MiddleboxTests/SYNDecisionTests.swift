import Lab
import LinuxSystem
import Testing
import Wire

/// What becomes of a SYN that comes again, and of one that doesn't arrive.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct SYNDecisionTests {
    /// The first copy stands for the others; the server hears of one at most. When it has gone on, so do later copies.
    @Test(arguments: IPFamily.allCases)
    func aRetransmissionFollowsTheFirst(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(
                configuration: lab.configuration(["advanced": "dial_timeout = \"900ms\""]))
            try await lab.tables(in: .server(0), "-A INPUT -p tcp --dport 5000 -j DROP")
            let client = lab.endpoint(.client(0), port: 40_000, family)
            let watch = try await SYNWatch(lab, family, from: client.port)
            let sender = try await SYNSender(lab, family)
            for _ in 1...2 { try sender.send(from: client) }
            try await lab.wait(for: "the first to go on") { try await sluice.count("pass: server silent") == 1 }
            #expect(try await sluice.count("drop: retransmission of a held SYN") == 1)
            try sender.send(from: client)
            try await lab.wait(for: "the third to go on") { watch.count() >= 2 }
            #expect(watch.count() == 2, "the second has not been forwarded")
            #expect(
                try await sluice.decisions() == [
                    "pass: server silent": 1, "drop: retransmission of a held SYN": 1, "pass: decided before": 1,
                ])
            #expect(try await sluice.status().dials.started == 1)
        }
    }

    @Test(arguments: IPFamily.allCases)
    func version0Passes(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let client = lab.endpoint(.client(0), port: 40_000, family)
            let watch = try await SYNWatch(lab, family, from: client.port)
            try await SYNSender(lab, family).send(from: client, options: SYNSender.capableVersion0)
            try await lab.wait(for: "the SYN at the server") { watch.count() >= 1 }
            #expect(try await sluice.decisions() == ["pass: MPTCP version": 1])
            #expect(try await sluice.status().dials.started == 0)
        }
    }

    /// The client's own kernel judges its data, as far as the server.
    @Test(arguments: IPFamily.allCases)
    func dataChecksumsPass(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            try lab.setSysctl(in: .client(0), "net/mptcp/checksum_enabled", "1")
            #expect(try await lab.fetch(lab.plan(.download, 1000, family)).failures == [:])
            #expect(try await sluice.decisions() == ["pass: data checksums": 1])
        }
    }

    private static let notTaken = "pass: re-injected SYN was not taken"

    /// Something of the router's drops what comes in by the TUN device: a client waits for one retransmission, no more.
    @Test(arguments: ["faithful", "split"])
    func aSYNThatDoesNotArriveGoesOn(_ connect: String) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(
                configuration: lab.configuration(["intercept": "connect = \"\(connect)\""]))
            let server = try await lab.serve()
            // In the other kind of iptables: in its own, Sluice would come first again.
            try await lab.tables(of: "-legacy", "-t raw -I PREROUTING -i sluice0 -j DROP")
            for family in IPFamily.allCases {
                var plan = lab.plan(.download, 100_000, family)
                plan.limit = .seconds(20)
                #expect(try await lab.fetch(plan).failures == [:])
            }
            let intercepted = connect == "split" ? "intercept: split" : "intercept: server answered"
            #expect(try await sluice.decisions() == [intercepted: 2, Self.notTaken: 2])
            #expect(try await sluice.status().tracking.connections == 0, "they are no connections of the box's")
            #expect(try await sluice.status().dials.started == (connect == "split" ? 0 : 2), "not dialled again")
            #expect(sluice.log.split(separator: "\n").count { $0.contains("look for an rpfilter match") } == 1)
            try await lab.wait(for: "the server to finish") { server.statistics.completed == 2 }
            try await lab.waitUntilIdle(sluice)

            try await lab.tables(of: "-legacy", "-t raw -D PREROUTING -i sluice0 -j DROP")
            #expect(try await lab.fetch(lab.plan(.download, 1000)).failures == [:])
            #expect(try await sluice.count(intercepted) == 3)
            #expect(try await sluice.status().connections.accepted == 1)
        }
    }

    /// The same again and again: clients behind that interface wait no longer.
    @Test(arguments: ["faithful", "split"])
    func whereNoneArrivesAllGoOn(_ connect: String) async throws {
        try await Lab.with { lab in
            let settings = ["intercept": "connect = \"\(connect)\"", "advanced": "client_timeout = \"2s\""]
            let sluice = try await lab.startSluice(configuration: lab.configuration(settings))
            try await lab.serve()
            try await lab.tables(of: "-legacy", "-t raw -I PREROUTING -i sluice0 -j DROP")
            for _ in 0..<3 {
                var plan = lab.plan(.download, 1000)
                plan.limit = .seconds(20)
                #expect(try await lab.fetch(plan).failures == [:])
            }
            try await lab.wait(for: "the third one to be given up") {
                sluice.log.contains("no client behind lan0 completes its handshake")
            }
            #expect(try await lab.fetch(lab.plan(.download, 1000)).failures == [:])
            #expect(try await sluice.count("pass: no handshake completes") == 1)
            #expect(try await sluice.count(Self.notTaken) == 3)
        }
    }

    /// The same for a join: it fails cleanly, and the connection goes on.
    @Test func aJoinThatDoesNotArriveGoesOn() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let server = try await lab.serve()
            let other = lab.address(.client(0), link: 1)
            try await lab.shell("iptables -t raw -I PREROUTING -i sluice0 -s \(other) -j DROP")
            let plan = lab.endlessPlan()
            async let report = lab.fetch(plan)
            defer { server.stop() }
            try await lab.wait(for: "the join to go on") { try await sluice.count(Self.notTaken) == 1 }
            #expect(try await sluice.count("intercept: join") == 1)
            let connections = try await sluice.connections()
            #expect(connections.map(\.state) == ["established"])
            #expect(connections.map(\.subflows.count) == [1])
            server.stop()
            #expect(try await report.failures.count == 1)
        }
    }
}
