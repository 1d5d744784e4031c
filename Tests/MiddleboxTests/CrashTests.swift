import Glibc
import Lab
import LinuxSystem
import Synchronization
import Testing
import Wire

/// Sessions outlive a daemon that is killed: its sentinel keeps their sockets until the next one asks for them.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct CrashTests {
    /// Slow enough that transfers last; the one towards the server is the slower one, so that bytes wait in the box.
    private static let links = LabConfiguration(
        clients: [.init(links: [.init(rate: .mbit(60)), .init(rate: .mbit(60))])],
        servers: [.init(rate: .mbit(100))])

    /// What has become of transfers both ways and of both families.
    private struct Outcome {
        var completed = 0
        var failures: [String: Int] = [:]

        static func + (one: Outcome, other: Outcome) -> Outcome {
            Outcome(
                completed: one.completed + other.completed,
                failures: one.failures.merging(other.failures, uniquingKeysWith: +))
        }

        /// Those that have heard of a reset; anything else is wrong.
        var resets: Int { failures.filter { $0.key.contains("reset") }.values.reduce(0, +) }
        var isRight: Bool { resets == failures.values.reduce(0, +) }
    }

    private static let operations = [PeerRequest.Operation.download, .upload, .echo]

    private func transfers(_ lab: Lab, of each: Int, bytes: UInt64) async throws -> Outcome {
        try await withThrowingTaskGroup(of: Outcome.self) { group in
            for family in IPFamily.allCases {
                for (index, operation) in Self.operations.enumerated() {
                    var plan = lab.plan(operation, bytes, family)
                    (plan.count, plan.parallel) = (each, each)
                    plan.seed = UInt32(1 + index * 1000)
                    plan.limit = .seconds(40)
                    let wanted = plan
                    group.addTask {
                        let report = try await lab.fetch(wanted)
                        let failures = report.failures.map { ("\(family) \(operation): \($0.key)", $0.value) }
                        return Outcome(completed: report.completed, failures: Dictionary(failures, uniquingKeysWith: +))
                    }
                }
            }
            return try await group.reduce(Outcome(), +)
        }
    }

    private func waitForBytes(_ lab: Lab, _ bytes: UInt64) async throws {
        let before = try lab.carried().reduce(0, +)
        try await lab.wait(for: "bytes", within: .seconds(20)) { try lab.carried().reduce(0, +) > before + bytes }
    }

    @Test func transfersGoOn() async throws {
        try await Lab.with(Self.links) { lab in
            let before = try await lab.footprint()
            var sluice = try await lab.startSluice()
            let server = try await lab.serve()
            let each = 4
            let all = each * Self.operations.count * 2
            async let outcome = transfers(lab, of: each, bytes: 3_000_000)
            try await lab.wait(for: "all clients") { try await sluice.status().connections.accepted == all }
            // Twice: the second daemon has a sentinel of its own.
            var reset = 0
            for _ in 0..<2 {
                try await waitForBytes(lab, 2_000_000)
                try await sluice.kill()
                sluice = try await lab.startSluice()
                let status = try await sluice.status()
                #expect(status.connections.salvaged > 0, "\(sluice.log)")
                reset += Int(status.connections.lost)
                #expect(sluice.log.contains("the daemon before has died"), "\(sluice.log)")
            }
            let result = try await outcome
            #expect(result.isRight && result.failures.values.reduce(0, +) == reset, "\(result) \(sluice.log)")
            #expect(result.completed >= all - 2, "\(result) \(sluice.log)")
            try await lab.waitUntilIdle(sluice)
            try await lab.wait(for: "the server's ends") { server.statistics.active == 0 }
            #expect(server.statistics.failures.values.reduce(0, +) <= reset)
            // A new one is converted, and all is as it was when it ends.
            for family in IPFamily.allCases { #expect(try await isConverted(lab, family)) }
            #expect(try await sluice.stop() == .exited(0))
            expectSame(try await lab.footprint(), before)
        }
    }

    /// Idle ones, and such of which one end has said all that it has to say.
    @Test func whatIsIdleOrHalfClosedGoesOn() async throws {
        try await Lab.with { lab in
            var sluice = try await lab.startSluice()
            try await lab.serve()
            var conversations: [Conversation] = []
            for family in IPFamily.allCases {
                for number in 0..<3 {
                    var plan = lab.plan(.echo, 1, family)
                    plan.seed = UInt32(100 + number)
                    let conversation = try await lab.converse(plan)
                    try await conversation.bounce(1000)
                    conversations.append(conversation)
                }
            }
            // The client has ended its stream, the server's is still to come.
            var plan = lab.plan(.clientEndsFirst, 30_000_000)
            (plan.count, plan.parallel, plan.hold) = (3, 3, .seconds(2))
            let halfClosed = plan
            async let report = lab.fetch(halfClosed)
            try await lab.wait(for: "half-closed ones") {
                try await sluice.connections().filter { $0.state == "half-closed" }.count == 3
            }
            try await sluice.kill()
            sluice = try await lab.startSluice()
            #expect(try await sluice.status().connections.lost == 0, "\(sluice.log)")
            for conversation in conversations { try await conversation.bounce(100_000) }
            #expect(try await report.failures == [:], "\(sluice.log)")
            for conversation in conversations { try await conversation.end() }
            try await lab.waitUntilIdle(sluice)
            #expect(try await sluice.status().tracking.disagreements == 0, "\(sluice.log)")
        }
    }

    /// New connections pass end to end while nobody is there, and when nobody comes, both ends hear that it is over.
    @Test func nobodyComes() async throws {
        try await Lab.with(Self.links) { lab in
            let sluice = try await lab.startSluice(
                configuration: lab.configuration(["advanced": "crash_grace = \"3s\""]))
            let server = try await lab.serve()
            var plan = lab.plan(.download, 1_000_000_000)
            (plan.count, plan.parallel) = (6, 6)
            let lasting = plan
            async let report = lab.fetch(lasting)
            try await lab.wait(for: "6 transfers") { try await sluice.status().connections.accepted == 6 }
            try await sluice.kill()
            for family in IPFamily.allCases { #expect(try await !isConverted(lab, family)) }
            let failures = try await report.failures
            #expect(failures.values.reduce(0, +) == 6)
            #expect(failures.keys.allSatisfy { "\($0)".contains("reset") }, "\(failures)")
            try await lab.wait(for: "the server to notice") { server.statistics.active == 0 }
            try await lab.wait(for: "the sentinel to end") { try await lab.sentinels().isEmpty }
            #expect(try await lab.run(in: .box, ["ip", "link", "show", "sluice0"]).status != .exited(0))
        }
    }

    /// Settings that name what is kept have to be the same; others, and none, reset what there is.
    @Test(arguments: ["crash_grace = 0", "data_queues = 1", "queue_base = 7800"])
    func otherSettingsLetGo(_ line: String) async throws {
        try await Lab.with { lab in
            let first = try await lab.startSluice(configuration: lab.configuration(["advanced": "data_queues = 2"]))
            try await lab.serve()
            let conversation = try await lab.converse(lab.plan(.echo, 1))
            try await conversation.bounce(1000)
            try await first.kill()
            let others = line.contains("data_queues") ? "" : "\ndata_queues = 2"
            let second = try await lab.startSluice(configuration: lab.configuration(["advanced": line + others]))
            await #expect(throws: PeerError.self) { try await conversation.bounce(1000) }
            for family in IPFamily.allCases { #expect(try await isConverted(lab, family)) }
            #expect(try await second.stop() == .exited(0))
            #expect(try await lab.sentinels() == [])
        }
    }

    /// `sluice rules remove` ends what is kept; with `--unless-kept`, as systemd calls it, it leaves it.
    @Test func rulesAreLeftToWhatIsKept() async throws {
        try await Lab.with { lab in
            let before = try await lab.footprint()
            var sluice = try await lab.startSluice()
            try await lab.serve()
            let conversation = try await lab.converse(lab.plan(.echo, 1))
            try await conversation.bounce(1000)
            try await sluice.kill()
            try await lab.wait(for: "the sentinel to keep it") { try await isKept(lab) }
            let program = sluice.program
            let remove = [program, "rules", "remove", "--config", sluice.configurationPath]
            let rules = try await lab.footprint()
            #expect(try await lab.run(in: .box, remove + ["--unless-kept"]).status == .exited(0))
            expectSame(try await lab.footprint(), rules)
            sluice = try await lab.startSluice()
            try await conversation.bounce(1000)
            try await sluice.kill()
            try await lab.wait(for: "the sentinel to keep it") { try await isKept(lab) }
            #expect(try await lab.run(in: .box, remove).status == .exited(0))
            try await lab.wait(for: "the sentinel to end") { try await lab.sentinels().isEmpty }
            expectSame(try await lab.footprint(), before)
            await #expect(throws: PeerError.self) { try await conversation.bounce(1000) }
        }
    }

    private func isKept(_ lab: Lab) async throws -> Bool {
        try await lab.run(in: .box, ["cat", "/proc/net/unix"]).output.contains("@sluice-sentinel/sluice0")
    }

    private func isConverted(_ lab: Lab, _ family: IPFamily) async throws -> Bool {
        let converted = { try lab.counters(in: .client(0))["MPTcpExtMPCapableSYNACKRX"] ?? 0 }
        let before = try converted()
        #expect(try await lab.fetch(lab.plan(.download, 100_000, family)).failures == [:])
        return try converted() > before
    }
}

extension Lab {
    /// The sentinels in the box.
    func sentinels() async throws -> [pid_t] {
        let script = """
            for p in /proc/[0-9]*; do
                [ "$(cat $p/comm 2>/dev/null)" = sluice-sentinel ] || continue
                [ "$(readlink $p/ns/net)" = "$(readlink /proc/self/ns/net)" ] && echo ${p#/proc/}
            done
            true
            """
        return try await run(in: .box, ["sh", "-c", script]).output.split(separator: "\n").compactMap { pid_t($0) }
    }
}
