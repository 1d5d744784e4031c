import Lab
import LinuxSystem
import SystemPackage
import Testing
import Wire

/// An MPTCP client, a plain server, and the box between them.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct ConversionTests {
    /// Links of 90, 30 and perhaps 30 Mbit/s: every byte arrives, and each link carries at least a tenth.
    @Test(arguments: [2, 3], IPFamily.allCases)
    func everyLinkCarriesItsPart(links: Int, family: IPFamily) async throws {
        let rates = [90, 30, 30].prefix(links).map { LabConfiguration.Link(rate: .mbit($0)) }
        try await Lab.with(LabConfiguration(clients: [.init(links: rates)])) { lab in
            let sluice = try await lab.startSluice()
            let server = try await lab.serve()
            for operation in [PeerRequest.Operation.download, .upload] {
                let before = try lab.carried()
                let size: UInt64 = 20_000_000
                let report = try await lab.fetch(lab.plan(operation, size, family))
                #expect(report.failures == [:])
                #expect(report.bytes == size)
                for (link, bytes) in zip(0..., zip(try lab.carried(), before).map(-)) {
                    #expect(bytes > size / 10, "\(operation) over link \(link)")
                }
            }
            try await lab.wait(for: "the server to finish") { server.statistics.completed == 2 }
            #expect(try await sluice.count("intercept: server answered") == 2)
            #expect(try await sluice.count("intercept: join") == UInt64(2 * (links - 1)))
        }
    }

    @Test(
        "SYNs and data find their way with any number of queues and of threads",
        arguments: [(16, 2), (3, 5), (5, 1), (1, 3)], IPFamily.allCases)
    func anyNumberOfQueues(_ numbers: (queues: Int, workers: Int), _ family: IPFamily) async throws {
        try await Lab.with { lab in
            let counts = "[relay]\nworkers = \(numbers.workers)\n[advanced]\ndata_queues = \(numbers.queues)\n"
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + counts)
            try await lab.serve()
            var plan = lab.plan(.download, 100_000, family)
            plan.count = 40
            plan.parallel = 8
            let report = try await lab.fetch(plan)
            #expect(report.failures == [:])
            #expect(try await sluice.count("intercept: server answered") == 40)
            #expect(try await sluice.count("pass: unable") == 0)
            // So many SYNs of clients that choose their ports at random leave no queue out, unless there are very many.
            guard numbers.queues <= 5 else { return }
            let seen = try await packetsSeen(lab)
            let others = UInt16(numbers.queues) + 2..<UInt16(2 * numbers.queues) + 1
            for queue in [7700] + others.map({ 7700 + $0 }) { #expect(seen[queue, default: 0] > 0, "queue \(queue)") }
        }
    }

    /// How many packets each queue has had: the sequence number of its last (net/netfilter/nfnetlink_queue.c, seq_show).
    private func packetsSeen(_ lab: Lab) async throws -> [UInt16: Int] {
        let text = try await lab.run(in: .box, ["cat", "/proc/net/netfilter/nfnetlink_queue"]).output
        let rows = text.split(separator: "\n").map { $0.split(separator: " ") }
        return Dictionary(
            uniqueKeysWithValues: rows.compactMap { row in
                guard row.count >= 8, let queue = UInt16(row[0]), let last = Int(row[7]) else { return nil }
                return (queue, last)
            })
    }

    /// nginx, curl, mptcpize: nothing of our own on either side, and the server sees the client's address.
    @Test(arguments: IPFamily.allCases)
    func anOrdinaryServerSeesTheClientsAddress(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let nginx = try await lab.startNginx()
            let file = try nginx.addFile("file", bytes: 3_000_000)
            let copy = "\(lab.directory)/copy"
            let url = "http://\(lab.endpoint(.server(0), port: 80, family))/file"
            let curl = try await lab.run(in: .client(0), ["mptcpize", "run", "curl", "-gsSf", "-o", copy, url])
            #expect(curl.status.isSuccess, "\(curl.errors)")
            #expect(try await lab.run(in: .client(0), ["cmp", file, copy]).status.isSuccess)
            try await lab.wait(for: "the access log") { !nginx.accesses.isEmpty }
            #expect(nginx.accesses.map(\.client.address) == [lab.address(.client(0), family)])
            #expect(nginx.accesses.allSatisfy { (4096...32767).contains($0.client.port) })
            #expect(try await sluice.status().connections.accepted == 1)
        }
    }

    @Test(arguments: IPFamily.allCases)
    func theConnectionListSaysWhatTheKernelSays(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let plan = lab.quietPlan(family)
            async let report = lab.fetch(plan)
            try await lab.wait(for: "two subflows") { try await sluice.connections().first?.subflows.count == 2 }
            let connection = try #require(try await sluice.connections().first)
            let token = try #require(connection.token.flatMap { UInt32($0.dropFirst(2), radix: 16) })
            // ss leaves leading zeros out, and may be a moment late.
            try await lab.wait(for: "ss to list the token") {
                try await lab.tokens(in: .box).contains(String(token, radix: 16))
            }
            #expect(connection.server == lab.endpoint(.server(0), port: 5000, family).description)
            #expect(connection.state == "established")
            #expect(connection.bytesToClient == 0)
            #expect(connection.bytesToServer == 16)
            #expect(connection.subflows.map(\.interface) == ["lan0", "lan1"])
            #expect(connection.subflows.allSatisfy { $0.state == "established" && !$0.backup })
            let upstream = try #require(connection.upstream?.local.flatMap { Endpoint($0) })
            #expect(upstream.address == lab.address(.client(0), family))
            #expect(try await report.failures == [:])
        }
    }

    @Test func aBackupSubflowIsShownAsOne() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let second = lab.address(.client(0), link: 1).description
            try await lab.run(in: .client(0), ["ip", "mptcp", "endpoint", "flush"])
            try await lab.run(
                in: .client(0),
                ["ip", "mptcp", "endpoint", "add", second, "dev", lab.links(of: .client(0))[1].nodeInterface]
                    + ["subflow", "backup"])
            let plan = lab.quietPlan()
            async let report = lab.fetch(plan)
            try await lab.wait(for: "two subflows, the second one a backup") {
                try await sluice.connections().first?.subflows.map(\.backup) == [false, true]
            }
            #expect(try await report.failures == [:])
        }
    }

    /// A plain client makes no session and meets no queue.
    @Test(arguments: IPFamily.allCases)
    func aPlainClientIsNotTouched(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            #expect(try await lab.fetch(lab.plan(.download, 1_000_000, family, transport: .tcp)).failures == [:])
            let status = try await sluice.status()
            #expect(status.connections.accepted == 0)
            #expect(status.packets.data == 0)
            #expect(status.decisions == [:])
        }
    }

    /// From the first connection on: the client's peer is the server itself.
    @Test(arguments: IPFamily.allCases)
    func aServerThatSpeaksMultipathIsReachedEndToEnd(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve(.mptcp)
            for round in 1...2 {
                let plan = lab.quietPlan(family)
                async let report = lab.fetch(plan)
                try await lab.wait(for: "the server's connection") {
                    try await lab.tokens(in: .server(0)).count == 1
                }
                #expect(try await lab.tokens(in: .box).isEmpty)
                #expect(try await sluice.connections().isEmpty)
                #expect(try await report.failures == [:])
                #expect(try await sluice.count("pass: server speaks MPTCP") == UInt64(round))
            }
            let status = try await sluice.status()
            #expect(status.dials.started == 1, "the second time it is known")
            #expect(status.connections.accepted == 0)
            #expect(try lab.counters(in: .server(0))["MPTcpExtMPJoinAckRx"] == 2)
        }
    }

    /// The client hears the server's own refusal, as fast and as clearly as without the box.
    @Test(arguments: IPFamily.allCases)
    func aClosedPortIsRefused(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let report = try await lab.fetch(lab.plan(.download, 1, family))
            #expect(report.failures.count == 1)
            #expect(report.failures.keys.allSatisfy { "\($0)".contains("refused") }, "\(report.failures)")
            #expect(try await sluice.count("pass: server refused") == 1)
            #expect(try await sluice.status().connections.accepted == 0)
        }
    }

    /// A server that never answers: the client goes on asking until it gives up, and has not learnt that MPTCP is
    /// blocked.
    @Test(arguments: IPFamily.allCases)
    func aSilentServerIsSilent(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let tables = family == .v4 ? "iptables" : "ip6tables"
            let drop = ["INPUT", "-p", "tcp", "--dport", "6000", "-j", "DROP"]
            try await lab.run(in: .server(0), [tables, "-A"] + drop)
            var plan = lab.plan(.download, 1, family)
            plan.to = lab.endpoint(.server(0), port: 6000, family)
            plan.limit = .seconds(4)
            let report = try await lab.fetch(plan)
            #expect(report.failures.values.reduce(0, +) == 1)
            #expect(!report.failures.keys.contains { "\($0)".contains("refused") }, "\(report.failures)")
            #expect(try await sluice.count("pass: server silent") == 1)
            let counters = try lab.counters(in: .client(0))
            for name in ["MPTcpExtBlackhole", "MPTcpExtMPCapableFallbackSYNACK"] { #expect(counters[name] == 0) }
            // MPTCP still works for this client.
            #expect(try await lab.fetch(lab.plan(.download, 1000, family)).failures == [:])
            #expect(try await sluice.count("intercept: server answered") == 1)
        }
    }

    /// A join counts by its token, not by the interface that it comes in on.
    @Test func aJoinMayComeInAnywhere() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(configuration: "[intercept]\ninterfaces = [\"lan0\"]")
            try await lab.serve()
            let plan = lab.quietPlan()
            async let report = lab.fetch(plan)
            try await lab.wait(for: "two subflows") { try await sluice.connections().first?.subflows.count == 2 }
            #expect(try await report.failures == [:])
            // But a connection that begins there is not ours.
            var other = lab.plan(.download, 1000)
            other.from = lab.address(.client(0), link: 1)
            #expect(try await lab.fetch(other).failures == [:])
            #expect(try await sluice.count("pass: interface") == 1)
        }
    }
}

extension Lab {
    /// A connection that stays open and quiet for two seconds before a few bytes come.
    func quietPlan(_ family: IPFamily = .v4) -> FetchPlan {
        var plan = plan(.silence, 1000, family)
        plan.pause = 2
        return plan
    }

    /// The tokens of a node's MPTCP connections that are established.
    func tokens(in node: Node) async throws -> [String] {
        let lines = try await sockets(in: node, ["-M", "-i", "state", "established"])
        return lines.compactMap { line in
            line.split(separator: " ").first { $0.hasPrefix("token:") }.map { String($0.dropFirst(6)) }
        }
    }
}
