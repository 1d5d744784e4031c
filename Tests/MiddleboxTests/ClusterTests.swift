import Foundation
import Lab
import LinuxSystem
import Testing
import Wire

/// Boxes behind a router that knows nothing of MPTCP, with a real Redis server.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(5))) struct ClusterTests {
    /// A cluster that is up.
    struct Rig {
        let lab: Lab
        let boxes: [SluiceDaemon]
        let redis: ChildProcess

        static func with(
            _ members: Int, iptables: String = "auto", cluster: Bool = true, rate: BitRate? = nil,
            lookup: Duration? = .milliseconds(500), _ body: (Rig) async throws -> Void
        ) async throws {
            var configuration = LabConfiguration()
            configuration.members = members
            configuration.clients = [.init(links: [.init(rate: rate), .init(rate: rate)])]
            try await Lab.with(configuration) { lab in
                let redis = try lab.spawn(in: .box, RedisServer.command(port: 6379, address: Lab.directoryAddress))
                try await lab.wait(for: "the Redis server") { redis.output.contains("Ready to accept connections") }
                var boxes: [SluiceDaemon] = []
                for member in 0..<members {
                    let text = cluster ? lab.memberSettings(member, lookupTimeout: lookup) : ""
                    boxes.append(
                        try await lab.startSluice(
                            in: .member(member),
                            configuration: lab.sluiceDefaults + "[advanced]\niptables = \"\(iptables)\"\n" + text))
                }
                let rig = Rig(lab: lab, boxes: boxes, redis: redis)
                if cluster { try await rig.waitForAll() }
                try await lab.serve()
                try await body(rig)
            }
        }

        func waitForAll() async throws {
            try await lab.wait(for: "the boxes to see each other") {
                for box in boxes {
                    guard let cluster = try await box.status().cluster, cluster.error == nil,
                        cluster.peers.allSatisfy(\.alive)
                    else { return false }
                }
                return true
            }
        }

        /// Questions that had this outcome.
        func lookups(_ outcome: String) async throws -> UInt64 {
            var sum: UInt64 = 0
            for box in boxes { sum += try await box.status().cluster?.lookups[outcome] ?? 0 }
            return sum
        }

        func sum(_ decision: String) async throws -> UInt64 {
            var sum: UInt64 = 0
            for box in boxes { sum += try await box.count(decision) }
            return sum
        }
    }

    static let led = "pass: another box's connection"

    /// Whichever box a join meets, its owner gets it: under strict rp_filter and a FORWARD chain that knows only what it has seen
    /// begin, with iptables of both kinds.
    @Test(arguments: [(2, "nft"), (3, "legacy"), (3, "nft")]) func joinsReachTheirOwners(
        _ boxes: Int, _ iptables: String
    ) async throws {
        // Slowly enough that no connection is over before its join has come: then anybody would refuse that.
        try await Rig.with(boxes, iptables: iptables, rate: BitRate("80mbit")!) { rig in
            let lab = rig.lab
            for member in 0..<boxes { try await lab.harden(.member(member), iptables) }
            for family in IPFamily.allCases {
                for operation in [PeerRequest.Operation.download, .upload] {
                    var plan = lab.plan(operation, 2_000_000, family)
                    (plan.count, plan.parallel) = (30, 8)
                    let report = try await lab.fetch(plan)
                    #expect(report.failures == [:] && report.completed == 30)
                }
            }
            let (joins, led) = (try await rig.sum("intercept: join"), try await rig.sum(Self.led))
            // A connection may be over before its client gets round to another subflow.
            let (sent, answered) = try await (lab.multipath("MPJoinSynTx"), lab.multipath("MPJoinSynAckRx"))
            // All come to their owner; it answers none whose connection ends meanwhile.
            #expect(sent > 100 && answered >= sent - 3, "\(answered) of \(sent)")
            #expect(joins == sent)
            // Each box's share of the connections is another one's share of the joins: it would be a wonder if none were led.
            #expect(led > 20 && led < joins)
            let (unknown, silent) = (
                try await rig.sum("pass: unknown token"), try await rig.sum("pass: directory silent")
            )
            var lookups: [[String: UInt64]] = []
            for box in rig.boxes { lookups.append(try await box.status().cluster?.lookups ?? [:]) }
            #expect(unknown == 0 && silent == 0, "\(lookups)")
            #expect(lookups.reduce(0) { $0 + ($1["found"] ?? 0) } == led)
            for box in rig.boxes { #expect(!box.log.contains("error")) }
        }
    }

    /// The control: without a cluster they are lost.
    @Test func withoutAClusterJoinsAreLost() async throws {
        try await Rig.with(3, cluster: false) { rig in
            var plan = rig.lab.plan(.download, 1_000_000)
            (plan.count, plan.parallel) = (60, 4)
            #expect(try await rig.lab.fetch(plan).failures == [:])
            let lost = try await rig.sum("pass: unknown token")
            #expect(lost > 20)
        }
    }

    /// Subflows that are led carry data, and the owner sees by which interface they came in.
    @Test(arguments: IPFamily.allCases) func ledSubflowsCarryData(_ family: IPFamily) async throws {
        try await Rig.with(2, rate: BitRate("80mbit")!) { rig in
            var seen = 0
            for _ in 0..<20 where seen < 2 {
                let before = try await rig.sum(Self.led)
                var plan = rig.lab.plan(.download, 8_000_000, family)
                plan.hold = .seconds(4)
                let fetch = Task { [plan] in try await rig.lab.fetch(plan) }
                var interfaces: Set<String> = []
                var carried: [UInt64] = []
                try await rig.lab.wait(for: "two subflows with data") {
                    for box in rig.boxes {
                        for connection in try await box.connections() where connection.subflows.count == 2 {
                            interfaces = Set(connection.subflows.compactMap(\.interface))
                            carried = connection.subflows.compactMap(\.bytesToClient)
                        }
                    }
                    return carried.count == 2 && carried.allSatisfy { $0 > 0 }
                }
                #expect(try await fetch.value.failures == [:])
                #expect(interfaces == ["lan0", "lan1"])
                if try await rig.sum(Self.led) > before { seen += 1 }
            }
            #expect(seen == 2)
        }
    }

    /// With the time that a join waits by default: its token is known before its client can send it.
    @Test(arguments: IPFamily.allCases) func joinsAreQuicklyKnown(_ family: IPFamily) async throws {
        try await Rig.with(3, rate: BitRate("80mbit")!, lookup: nil) { rig in
            // One after the other, so that no join waits for another connection's work.
            var plan = rig.lab.plan(.download, 1_000_000, family)
            plan.count = 40
            #expect(try await rig.lab.fetch(plan).failures == [:])
            let (found, led) = (try await rig.lookups("found"), try await rig.sum(Self.led))
            let (unknown, silent) = (
                try await rig.sum("pass: unknown token"), try await rig.sum("pass: directory silent")
            )
            #expect(led > 5 && found == led && unknown == 0, "\(found) found, \(unknown) unknown, \(silent) silent")
        }
    }

    /// A token is in the directory when its client has been answered, though it never says another word.
    @Test(arguments: IPFamily.allCases) func aTokenIsKnownBeforeItsClientIsAccepted(_ family: IPFamily) async throws {
        try await Rig.with(2) { rig in
            let lab = rig.lab
            let tool = family == .v4 ? "iptables" : "ip6tables"
            // The third ACK, and all that comes after it.
            let rule = "OUTPUT -p tcp --tcp-flags SYN,ACK ACK -j DROP"
            let order = { (kind: String) in
                try await lab.run(in: .client(0), [tool, kind] + rule.split(separator: " ").map(String.init))
            }
            #expect(try await order("-A").status.isSuccess)
            let fetch = Task { try await lab.fetch(lab.plan(.download, 1000, family)) }
            try await lab.wait(for: "the token") {
                try await lab.run(in: .box, ["redis-cli", "-h", Lab.directoryAddress, "keys", "sluice:token:*"]).output
                    .contains("sluice:token:0x")
            }
            for box in rig.boxes { #expect(try await box.status().cluster?.tokens == 0) }
            #expect(try await order("-D").status.isSuccess)
            #expect(try await fetch.value.failures == [:])
        }
    }

    /// Traces and explanations say whose connection it is.
    @Test func theOwnerIsNamed() async throws {
        try await Rig.with(2) { rig in
            var traces: [LiveTrace] = []
            for box in rig.boxes { traces.append(try await rig.lab.trace(box, "--filter", "syn")) }
            for family in IPFamily.allCases {
                var plan = rig.lab.plan(.download, 1_000_000, family)
                (plan.count, plan.parallel) = (20, 2)
                #expect(try await rig.lab.fetch(plan).failures == [:])
            }
            for (member, box) in rig.boxes.enumerated() {
                let (led, words) = (try await box.count(Self.led), "join: owned by box-\(1 - member)")
                #expect(led > 0)
                let decisions = try await box.decisions("all").filter { $0.reason == words }
                #expect(decisions.count == Int(led) && decisions.allSatisfy { $0.verdict == "pass" && $0.token != nil })
                #expect(try await box.command("trace", "--explain", "all").output.contains("pass: \(words)"))
                let trace = traces[member]
                try await rig.lab.wait(for: "the trace of all") {
                    trace.process.output.ranges(of: "pass: \(words)").count == Int(led)
                }
            }
        }
    }

    /// A flush of the tables of connections at all boxes, while led subflows run.
    @Test func ledSubflowsOutliveAFlushOfConnections() async throws {
        try await Rig.with(2) { rig in
            var plan = rig.lab.plan(.download, 30_000_000)
            (plan.count, plan.parallel) = (8, 8)
            let fetch = Task { [plan] in try await rig.lab.fetch(plan) }
            try await rig.lab.wait(for: "joins") { try await rig.sum(Self.led) >= 2 }
            for _ in 0..<3 {
                for member in 0..<2 { try await rig.lab.run(in: .member(member), ["conntrack", "-F"]) }
                try await Task.sleep(for: .milliseconds(50))
            }
            let report = try await fetch.value
            #expect(report.failures == [:] && report.completed == 8)
        }
    }

    /// What was led here is not led on, and a peer that doesn't have what is said to be its loses the join alone.
    @Test func nothingGoesRoundInCircles() async throws {
        try await Rig.with(2) { rig in
            let lab = rig.lab
            // Each box is told that the other one has it.
            let liar = Task {
                while !Task.isCancelled {
                    let script = """
                        for _, key in ipairs(redis.call('keys', 'sluice:token:*')) do
                          local now = redis.call('get', key)
                          redis.call('set', key, now == 'box-0' and 'box-1' or 'box-0', 'px', 500)
                        end
                        """
                    _ = try? await lab.run(in: .box, ["redis-cli", "-h", Lab.directoryAddress, "eval", script, "0"])
                    try? await Task.sleep(for: .milliseconds(5))
                }
            }
            var plan = lab.plan(.download, 1_000_000)
            (plan.count, plan.parallel) = (40, 4)
            #expect(try await lab.fetch(plan).failures == [:])
            liar.cancel()
            await liar.value
            // Each was led once at most.
            let (led, joins) = (try await rig.sum(Self.led), try await rig.sum("intercept: join"))
            let unknown = try await rig.sum("pass: unknown token")
            #expect(led <= 40, "\(led) led, \(joins) joined, \(unknown) unknown")
        }
    }
}

extension Lab {
    /// A counter of the client's kernel (nstat(8)), without `MPTcpExt`.
    func multipath(_ name: String) async throws -> UInt64 {
        let output = try await run(in: .client(0), ["nstat", "-asz", "MPTcpExt\(name)"]).output
        let line = try #require(output.split(separator: "\n").first { $0.hasPrefix("MPTcpExt") })
        return try #require(line.split(separator: " ").dropFirst().first.flatMap { UInt64($0) })
    }

    /// A router's own rules: what it forwards has to be new from clients, or known, and valid; the same for what it receives.
    func harden(_ node: Node, _ iptables: String) async throws {
        for command in ["iptables-\(iptables)", "ip6tables-\(iptables)"] {
            for rule in [
                "-P FORWARD DROP", "-P INPUT DROP", "-A INPUT -i cl0 -p ipv6-icmp -j ACCEPT",
                "-A INPUT -p ipv6-icmp -j ACCEPT",
                "-A FORWARD -m conntrack --ctstate INVALID -j DROP",
                "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
                "-A FORWARD -i lan+ -o wan -m conntrack --ctstate NEW -p tcp --syn -j ACCEPT",
                "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
            ] {
                if command.hasPrefix("iptables"), rule.contains("ipv6-icmp") { continue }
                let result = try await run(in: node, [command] + rule.split(separator: " ").map(String.init))
                guard result.status.isSuccess else { throw Unexpected("\(command) \(rule): \(result.errors)") }
            }
        }
    }
}
