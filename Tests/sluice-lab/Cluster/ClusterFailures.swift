import Glibc
import Lab
import LinuxSystem
import Synchronization

/// What a cluster's clients see while its directory or one of its boxes fails.
struct ClusterFailures {
    private let command: ClusterCommand

    init(_ command: ClusterCommand) { self.command = command }

    /// Whether all was as docs/cluster.md has it.
    func run(_ stand: inout ClusterStand) async throws -> Bool {
        let lab = stand.lab
        return try await lab.withLoadServer { try await runWithIdle(&stand) }
    }

    private func runWithIdle(_ stand: inout ClusterStand) async throws -> Bool {
        let lab = stand.lab
        let echo = lab.endpoint(.server(0), port: LoadServer.echoPort)
        let idle = try await lab.inside(.client(0)) { try ParkedConnections(Self.idle, to: echo, .mptcp) }
        defer { idle.close() }
        print(
            "\(Self.idle) idle connections, and \(command.parallel) at a time that carry \(command.length.bytes) bytes each:\n"
        )
        print(
            "| meanwhile | connections | failed | joins | to their owner | led | passed: unknown | silent | lookups |")
        print("|---|---|---|---|---|---|---|---|---|")
        var failed = try await observe(stand, "all is well")
        stand.redis.signal(SIGSTOP)
        failed += try await observe(stand, "Redis hangs")
        stand.redis.signal(SIGCONT)
        try await returned(stand, "Redis goes on")
        let slowed = stand
        failed += try await observe(stand, "Redis is slow: busy for 5 ms, again and again") {
            try await slow(slowed, until: $0)
        }
        stand.redis.signal(SIGKILL)
        try await stand.redis.wait(within: .seconds(10))
        failed += try await observe(stand, "Redis is gone")
        stand.redis = try await ClusterStand.startRedis(lab)
        try await returned(stand, "Redis is there again, and empty")
        failed += try await observe(stand, "after that")
        try await stand.ask("config", "set", "maxmemory", "1")
        failed += try await observe(stand, "Redis is full: it answers errors")
        try await stand.ask("config", "set", "maxmemory", "0")
        try await returned(stand, "Redis has room again")
        let spoilt = stand
        failed += try await observe(stand, "garbage: all tokens get other values, again and again") {
            try await spoil(spoilt, until: $0)
        }
        try await stand.ask("flushall")
        try await awaitPeers(stand)
        return try await killBox(&stand, idle) && failed == 0
    }

    private static let idle = 300

    // MARK: a box

    private func killBox(_ stand: inout ClusterStand, _ idle: ParkedConnections) async throws -> Bool {
        let (lab, last) = (stand.lab, stand.boxes.count - 1)
        guard last > 0 else { return true }
        let killed = stand.boxes.remove(at: last)
        let tokens = try await BoxStatus.of(killed).cluster?.tokens ?? 0
        // As a machine that loses its power: nothing of it says goodbye.
        try await lab.cutOff(last)
        let start = ContinuousClock.now
        let (boxes, id) = (stand.boxes, "box-\(last)")
        try await lab.wait(for: "the others to see that it is gone") {
            for box in boxes {
                let peers = try await BoxStatus.of(box).cluster?.peers ?? []
                guard peers.contains(where: { $0.id == id && !$0.alive }) else { return false }
            }
            return true
        }
        print(
            "\n\(id), with \(tokens) connections, was cut off; the others knew after \(Self.seconds(since: start)) s\n")
        let failed = try await observe(stand, "a box is gone")
        let fates = try await lab.inside(.client(0)) { idle.fates(within: .seconds(20)) }
        print(
            "\nof \(Self.idle) idle connections \(fates.alive) live, \(fates.ended) were reset, and \(fates.silent) are silent "
                + "20 s after their clients sent something")
        return failed == 0
    }

    // MARK: the directory

    /// Until all boxes can use it, and it has all their tokens.
    private func returned(_ stand: ClusterStand, _ what: String) async throws {
        let start = ContinuousClock.now
        var live = 0
        try await stand.lab.wait(for: "the tokens") {
            live = 0
            for box in stand.boxes {
                guard let cluster = try await BoxStatus.of(box).cluster, cluster.error == nil else { return false }
                live += cluster.tokens
            }
            return try await stand.tokens() >= live && live >= Self.idle
        }
        print("| \(what): all \(live) tokens are there after \(Self.seconds(since: start)) s | | | | | | | | |")
        flushOutput()
        try await awaitPeers(stand)
    }

    private func awaitPeers(_ stand: ClusterStand) async throws { try await stand.awaitAll() }

    private func slow(_ stand: ClusterStand, until end: Ending) async throws {
        let script = """
            local start = redis.call('time') local now = start \
            repeat now = redis.call('time') until (now[1] - start[1]) * 1000000 + now[2] - start[2] > 5000 return 1
            """
        while !end.isUp { try await stand.ask("-r", "20", "-i", "0.005", "eval", script, "0") }
    }

    private func spoil(_ stand: ClusterStand, until end: Ending) async throws {
        let script = """
            for number, key in ipairs(redis.call('keys', 'sluice:token:*')) do \
            redis.call('set', key, number % 2 == 0 and string.rep('\\255', number) or 'box-99', 'keepttl') end return 1
            """
        while !end.isUp {
            try await stand.ask("eval", script, "0")
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    // MARK: what is seen

    final class Ending: Sendable {
        private let state = Atomic(false)
        var isUp: Bool { state.load(ordering: .relaxed) }
        func raise() { state.store(true, ordering: .relaxed) }
    }

    /// Connections that failed. `meanwhile`: what goes on until it is told to end.
    private func observe(
        _ stand: ClusterStand, _ what: String, _ meanwhile: @escaping @Sendable (Ending) async throws -> Void = { _ in }
    ) async throws -> Int {
        let before = try await stand.counts()
        let end = Ending()
        async let other: Void = meanwhile(end)
        let deadline = ContinuousClock.now + command.duration
        var (completed, failures, reasons) = (0, 0, Set<String>())
        var plan = command.plan(stand, .download, .v4)
        plan.count = 2 * command.parallel
        while ContinuousClock.now < deadline {
            plan.to = stand.lab.endpoint(.server(0), port: ClusterStand.port, plan.seed % 2 == 0 ? .v4 : .v6)
            plan.seed += UInt32(plan.count) + 1
            let report = try await stand.lab.fetch(plan)
            completed += report.completed
            failures += report.failures.values.reduce(0, +)
            reasons.formUnion(report.failures.keys.map { "\($0)" })
        }
        end.raise()
        try await other
        let counts = try await stand.counts() - before
        print(
            "| \(what) | \(completed) | \(failures) | \(counts.sent) | \(counts.joined) | \(counts.led) | \(counts.unknown) | "
                + "\(counts.silent) | \(counts.outcomes) |")
        if !reasons.isEmpty { print("  " + reasons.sorted().joined(separator: "; ")) }
        flushOutput()
        return failures
    }

    private static func seconds(since start: ContinuousClock.Instant) -> String {
        decimal((ContinuousClock.now - start).inSeconds, places: 2)
    }
}
