import ArgumentParser
import Lab
import LinuxSystem
import Synchronization

/// For how long connections are silent while daemons are exchanged, and whether any of them is lost.
struct BenchUpgrade: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upgrade",
        abstract: "The longest silence of each connection while sluice upgrade runs; and whether one is lost.")

    @Option(help: "Connections that send and get answers, each of which is compared with what was sent.")
    var connections = 1000
    @Option(
        help:
            "Between an answer and the next message of a connection; 0s has none of them ever idle, and the machine is full."
    )
    var pause = Duration.milliseconds(200)
    @Option(help: "Idle ones besides. Each connection takes two descriptors of the daemon, and two of this program.")
    var idle = 0
    @Option(
        help: """
            Clients that open new connections meanwhile, one after the other, each of two subflows and with content that is compared \
            both ways.
            """)
    var newcomers = 2
    @Option(help: "Upgrades, one after the other; before each, as long a time without one.")
    var rounds = 20
    @Flag(help: "IPv6 instead of IPv4.")
    var ipv6 = false
    @Flag(help: "Prints the daemon's log at the end, which says how long what took.")
    var verbose = false

    func validate() throws {
        #if DEBUG
            throw ValidationError("measure a release build: swift build -c release")
        #endif
    }

    private var family: IPFamily { ipv6 ? .v6 : .v4 }
    private static let newcomersPort: UInt16 = 5010

    func run() async throws {
        try await Lab.with(LabConfiguration(clients: [.init(links: [.init(), .init()])])) { lab in
            let level = verbose ? "\n[log]\nlevel = \"debug\"\n" : ""
            let daemon = try await lab.startSluice(configuration: lab.sluiceDefaults + level)
            let server = try await lab.serve(port: Self.newcomersPort)
            try await lab.withLoadServer { try await measure(lab, daemon) }
            server.stop()
            try await daemon.stopSuccessor()
            if verbose { print(daemon.process.errors) }
        }
    }

    private func measure(_ lab: Lab, _ daemon: SluiceDaemon) async throws {
        let server = lab.endpoint(.server(0), port: LoadServer.echoPort, family)
        let (count, idleCount, pause) = (connections, idle, pause)
        let parked = try await lab.inside(.client(0)) { try ParkedConnections(idleCount, to: server, .mptcp) }
        defer { parked.close() }
        let watch = try await lab.inside(.client(0)) { try SilenceWatch(count, to: server, .mptcp, from: []) }
        let done = Ending()
        async let others = open(lab, until: done)
        print("| round | upgrade | stood still ms | p50 ms | p99 ms | longest ms | answers | failures |")
        print("|---|---|---|---|---|---|---|---|")
        var longest: [Bool: [UInt64]] = [:]
        for round in 1...rounds {
            for upgrades in [false, true] {
                async let report = lab.inside(.client(0)) { watch.run(for: .seconds(3), pause: pause) }
                try await Task.sleep(for: .seconds(1))
                let standstill = upgrades ? try await upgrade(daemon) : "-"
                let seen = try await report
                longest[upgrades, default: []] += seen.longest
                print(
                    "| \(round) | \(upgrades ? "yes" : "no") | \(standstill) | \(Self.cells(seen.longest)) | \(seen.answers) | \(seen.failures) |"
                )
                flushOutput()
            }
        }
        done.raise()
        for upgrades in [false, true] {
            print("| all | \(upgrades ? "yes" : "no") | | \(Self.cells((longest[upgrades] ?? []).sorted())) | | |")
        }
        let (opened, failures) = try await others
        let lost = try await lab.inside(.client(0)) { parked.lost() }
        print(
            "\(opened) connections were opened meanwhile, \(failures) of them failed; of \(idle) idle ones \(lost) were lost"
        )
    }

    /// Milliseconds that all stood still, as the daemon says.
    private func upgrade(_ daemon: SluiceDaemon) async throws -> String {
        let result = try await daemon.upgrade()
        guard result.status.isSuccess else { throw ValidationError(result.errors) }
        return result.output.firstMatch(of: /stood still for (\d+)ms/).map { String($0.1) } ?? result.output
    }

    /// p50, p99 and the longest.
    private static func cells(_ longest: [UInt64]) -> String {
        guard let last = longest.last else { return "- | - | -" }
        let times = [longest[longest.count / 2], longest[longest.count * 99 / 100], last]
        return times.map { "\(Double($0 / 10_000) / 100)" }.joined(separator: " | ")
    }

    private func open(_ lab: Lab, until done: Ending) async throws -> (opened: Int, failures: Int) {
        guard newcomers > 0 else { return (0, 0) }
        var (opened, failures) = (0, 0)
        var plan = FetchPlan(to: lab.endpoint(.server(0), port: Self.newcomersPort, family), .mptcp)
        plan.operation = .echo
        plan.length = 10_000...200_000
        (plan.count, plan.parallel) = (5 * newcomers, newcomers)
        while !done.isUp {
            failures += try await lab.fetch(plan).failures.values.reduce(0, +)
            opened += plan.count
            plan.seed += UInt32(plan.count)
        }
        return (opened, failures)
    }

    private final class Ending: Sendable {
        private let state = Atomic(false)
        var isUp: Bool { state.load(ordering: .relaxed) }
        func raise() { state.store(true, ordering: .relaxed) }
    }
}
