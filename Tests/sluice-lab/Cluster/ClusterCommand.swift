import ArgumentParser
import Lab

/// Boxes of a cluster under load: how many joins reach the box that has their connection, and how long that takes.
struct ClusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract:
            "Joins to boxes behind ECMP that find each other's connections in Redis; exit code 1 if any figure is bad.",
        discussion: """
            The client has two links, and each connection a subflow by each. docs/cluster.md has results.

              sluice-lab cluster --boxes 3
              sluice-lab cluster --boxes 3 --failures
            """)

    @Option(help: "Boxes, 1-16.")
    var boxes = 3
    @Option(help: "Connections of each family, half of them downloads, half uploads.")
    var connections = 1000
    @Option(help: "Connections at a time.")
    var parallel = 8
    @Option(help: "Bytes that each carries.")
    var length = ByteCount(2_000_000)
    @Option(
        help:
            "The rate of each link; none: as fast as the machine. With it, transfers last until their joins have come.")
    var rate: BitRate = .mbit(160)
    @Option(help: "How long a join waits for the directory.")
    var lookupTimeout = Duration.milliseconds(20)
    @Flag(help: "The same boxes without [cluster], to compare with: joins are lost.")
    var withoutCluster = false
    @Flag(help: "What happens while Redis or a box fails, instead.")
    var failures = false
    @Option(help: "With --failures: how long each of them lasts.")
    var duration = Duration.seconds(5)

    func validate() throws {
        guard (1...16).contains(boxes), connections > 0, parallel > 0, length.bytes > 0 else {
            throw ValidationError("a cluster has 1-16 boxes, and there has to be something to carry")
        }
    }

    func run() async throws {
        let isGood = try await withStand { stand in
            failures ? try await ClusterFailures(self).run(&stand) : try await measure(stand)
        }
        if !isGood { throw ExitCode.failure }
    }

    private func withStand(_ body: (inout ClusterStand) async throws -> Bool) async throws -> Bool {
        var isGood = false
        try await ClusterStand.with(
            boxes: boxes, isCluster: !withoutCluster, rate: rate, lookupTimeout: lookupTimeout
        ) { isGood = try await body(&$0) }
        return isGood
    }

    func plan(_ stand: ClusterStand, _ operation: PeerRequest.Operation, _ family: IPFamily) -> FetchPlan {
        var plan = FetchPlan(to: stand.lab.endpoint(.server(0), port: ClusterStand.port, family), .mptcp)
        plan.operation = operation
        plan.length = length.bytes...length.bytes
        plan.parallel = parallel
        plan.countsSubflows = true
        return plan
    }

    // MARK: the measurement

    private func measure(_ stand: ClusterStand) async throws -> Bool {
        var isGood = true
        var rows = [
            [
                "", "connections", "failed", "on both links", "joins", "at their owner", "answered", "led",
                "connect p50 us", "p99 us",
                "Mbit/s",
            ]
        ]
        for family in IPFamily.allCases {
            for operation in [PeerRequest.Operation.download, .upload] {
                var plan = plan(stand, operation, family)
                plan.count = (connections + 1) / 2
                let before = try await stand.counts()
                let report = try await stand.lab.fetch(plan)
                let counts = try await stand.counts() - before
                rows.append([
                    "\(family) \(operation)", "\(report.completed)", "\(report.failures.values.reduce(0, +))",
                    "\(report.usedSubflows[2] ?? 0)", "\(counts.sent)", "\(counts.joined)", "\(counts.answered)",
                    "\(counts.led)",
                    Self.quantile(report.connectTimes, 0.5), Self.quantile(report.connectTimes, 0.99),
                    decimal(report.bitsPerSecond / 1e6, places: 0),
                ])
                if !report.isSuccess { print(report.failures) }
                isGood =
                    isGood && report.isSuccess && Double(counts.joined) >= 0.999 * Double(counts.sent)
                    && report.usedSubflows[2] ?? 0 >= report.completed * 999 / 1000
            }
        }
        print(textTable(rows))
        let all = try await stand.counts()
        let share = all.sent == 0 ? 0 : 100 * Double(all.joined) / Double(all.sent)
        print(
            "\n\(all.joined) of \(all.sent) joins reached their owner (\(decimal(share, places: 2)) %), \(all.led) of them by "
                + "another box; \(all.unknown) unknown, \(all.silent) not answered in time; lookups: \(all.outcomes)")
        try await printLookups(stand)
        return isGood || withoutCluster
    }

    private func printLookups(_ stand: ClusterStand) async throws {
        guard !withoutCluster else { return }
        let text = { (value: Double?) in value.map { decimal($0, places: 0) } ?? "-" }
        var rows = [["lookups of", "count", "p50 us", "p99 us", "longest us"]]
        for (number, box) in stand.boxes.enumerated() {
            guard let lookup = try await BoxStatus.of(box).cluster?.lookup else { continue }
            rows.append(
                ["box-\(number)", "\(lookup.count)", text(lookup.p50Us), text(lookup.p99Us), text(lookup.maxUs)])
        }
        print("\n" + textTable(rows))
    }

    static func quantile(_ times: [Duration], _ share: Double) -> String {
        guard !times.isEmpty else { return "-" }
        let sorted = times.sorted()
        return "\(sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))].microseconds)"
    }
}
