import ArgumentParser
import Glibc
import Lab
import LinuxSystem
import Wire

/// How many transfers outlive a daemon that is killed in the middle of them.
struct BenchCrash: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crash",
        abstract:
            "Kills the daemon (SIGKILL) while verified transfers run, starts another, and counts what becomes of them.",
        discussion: """
            A third of them are downloads, a third uploads, and a third go both ways at once, over two subflows each; half \
            are IPv6. In every other round the server's link is the narrow one, in the others the client's are.
            """)

    @Option(help: "Transfers at a time, six at least.")
    var transfers = 200
    @Option(help: "Of each transfer, in kilobytes.")
    var kilobytes = 1000
    @Option(help: "Rounds, each in a network of its own.")
    var rounds = 10
    @Option(help: "Between the daemon's death and the start of the next, as RestartSec=.")
    var pause = Duration.seconds(1)
    @Flag(help: "Prints what was logged.")
    var verbose = false

    private static let operations = [PeerRequest.Operation.download, .upload, .echo]

    func run() async throws {
        print(
            "| round | narrow | transfers | open | went on | bytes under way | reset | complete | heard of a reset | wrong or hung | server: resets | wrong | away ms |"
        )
        print("|" + String(repeating: "---|", count: 13))
        var isGood = true
        for round in 1...rounds { isGood = try await measure(round) && isGood }
        guard isGood else { throw ExitCode(1) }
    }

    /// Whether it went as it should.
    private func measure(_ round: Int) async throws -> Bool {
        let isServerNarrow = round % 2 == 0
        let configuration = LabConfiguration(
            clients: [.init(links: [.init(rate: .mbit(120)), .init(rate: .mbit(120))])],
            servers: [.init(rate: .mbit(isServerNarrow ? 150 : 500))])
        return try await Lab.with(configuration) { lab in
            let first = try await lab.startSluice()
            let server = try await lab.serve()
            let each = max(1, transfers / 6)
            async let reports = fetch(lab, each)
            try await waitForClients(first, lab, server, each * 6)
            // Not always at the same place.
            try await Task.sleep(for: .milliseconds(100 + round * 137 % 700))
            let open = try await count("open", of: first)
            // A connection that was dialled a second time and not needed is reset, now or with the daemon.
            let resetsBefore = Self.failures(server).resets
            let death = ContinuousClock.now
            try await first.kill()
            try await Task.sleep(for: pause)
            let second = try await lab.startSluice()
            let away = ContinuousClock.now - death
            let all = try await reports
            try await lab.wait(for: "the server's ends", within: .seconds(30)) { server.statistics.active == 0 }
            let complete = all.map(\.completed).reduce(0, +)
            var failures: [String: Int] = [:]
            for report in all {
                for (error, count) in report.failures { failures["\(error)", default: 0] += count }
            }
            let resets = failures.filter { $0.key.contains("reset") }.values.reduce(0, +)
            let wrong = failures.values.reduce(0, +) - resets
            let log = second.process.errors
            let counts = log.firstMatch(
                of: /died: (\d+) of its connections go on \((\d+) had bytes under way\), (\d+) are reset/)
            let kept = counts.flatMap { Int($0.1) } ?? 0
            let underWay = counts.flatMap { Int($0.2) } ?? 0
            let lost = counts.flatMap { Int($0.3) } ?? 0
            let atServer = Self.failures(server)
            print(
                "| \(round) | \(isServerNarrow ? "server" : "client") | \(each * 6) | \(open) | \(kept) | \(underWay) | \(lost) | \(complete) | \(resets) | \(wrong) | \(atServer.resets - resetsBefore) | \(atServer.others) | \(away.components.seconds * 1000 + away.components.attoseconds / 1_000_000_000_000_000) |"
            )
            if verbose || wrong > 0 { print(failures, server.statistics.failures, first.process.errors, log) }
            flushOutput()
            try await second.stop()
            return wrong == 0 && atServer.others == 0 && complete * 100 >= each * 6 * 95
        }
    }

    private func fetch(_ lab: Lab, _ each: Int) async throws -> [FetchReport] {
        try await withThrowingTaskGroup(of: FetchReport.self) { group in
            for family in IPFamily.allCases {
                for (index, operation) in Self.operations.enumerated() {
                    var plan = FetchPlan(to: lab.endpoint(.server(0), port: 5000, family), .mptcp)
                    plan.operation = operation
                    plan.length = UInt64(kilobytes * 1000)...UInt64(kilobytes * 1000)
                    (plan.count, plan.parallel) = (each, each)
                    plan.seed = UInt32(1 + index * 10_000 + (family == .v4 ? 0 : 5000))
                    let wanted = plan
                    group.addTask { try await lab.fetch(wanted) }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    private static func failures(_ server: PeerServer) -> (resets: Int, others: Int) {
        let failures = server.statistics.failures
        let resets = failures.filter { $0.key.contains("reset") }.values.reduce(0, +)
        return (resets, failures.values.reduce(0, +) - resets)
    }

    /// Those that are converted: a server that is slow to answer is let alone.
    private func waitForClients(
        _ daemon: SluiceDaemon, _ lab: Lab, _ server: PeerServer, _ wanted: Int
    ) async throws {
        try await lab.wait(for: "all clients", within: .seconds(60)) {
            let pending = try await count("pending", of: daemon)
            return server.statistics.accepted >= wanted && pending == 0
        }
    }

    /// Connections, as `sluice status` counts them.
    private func count(_ field: String, of daemon: SluiceDaemon) async throws -> Int {
        let output = try await daemon.command("status", "--json").output.filter { !$0.isWhitespace }
        guard let start = output.firstRange(of: "\"\(field)\":")?.upperBound,
            let count = Int(output[start...].prefix { $0.isNumber })
        else { throw ValidationError("no \(field) in \(output)") }
        return count
    }
}
