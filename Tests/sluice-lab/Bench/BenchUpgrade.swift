import ArgumentParser
import Lab
import LinuxSystem

/// For how long connections are silent while daemons are exchanged.
struct BenchUpgrade: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upgrade", abstract: "The longest silence of each connection while sluice upgrade runs.")

    @Option(help: "Connections that are never idle.")
    var connections = 1000
    @Option(help: "Idle ones besides. Each connection takes two descriptors of the daemon, and two of this program.")
    var idle = 0
    @Option(help: "Upgrades, one after the other; before each, as long a time without one.")
    var rounds = 10
    @Flag(help: "IPv6 instead of IPv4.")
    var ipv6 = false

    func validate() throws {
        #if DEBUG
            throw ValidationError("measure a release build: swift build -c release")
        #endif
    }

    func run() async throws {
        try await Lab.with(LabConfiguration()) { lab in
            let daemon = try await lab.startSluice()
            try await lab.withLoadServer { try await measure(lab, daemon) }
            try await daemon.stopSuccessor()
        }
    }

    private func measure(_ lab: Lab, _ daemon: SluiceDaemon) async throws {
        let family = ipv6 ? IPFamily.v6 : .v4
        let server = lab.endpoint(.server(0), port: LoadServer.echoPort, family)
        let (count, idleCount) = (connections, idle)
        let parked = try await lab.inside(.client(0)) { try ParkedConnections(idleCount, to: server, .mptcp) }
        defer { parked.close() }
        let watch = try await lab.inside(.client(0)) { try SilenceWatch(count, to: server, .mptcp, from: []) }
        print("| round | upgrade | p50 ms | p99 ms | longest ms | answers | failures |")
        print("|---|---|---|---|---|---|---|")
        for round in 1...rounds {
            for upgrades in [false, true] {
                async let report = lab.inside(.client(0)) { watch.run(for: .seconds(3)) }
                try await Task.sleep(for: .seconds(1))
                if upgrades {
                    let result = try await daemon.upgrade()
                    guard result.status.isSuccess else { throw ValidationError(result.errors) }
                }
                let seen = try await report
                let (p50, p99) = (seen.longest[seen.longest.count / 2], seen.longest[seen.longest.count * 99 / 100])
                let cells = [p50, p99, seen.longest.last ?? 0].map { "\(Double($0 / 10_000) / 100)" }
                print(
                    "| \(round) | \(upgrades ? "yes" : "no") | \(cells.joined(separator: " | ")) | \(seen.answers) | \(seen.failures) |"
                )
                flushOutput()
            }
        }
    }
}
