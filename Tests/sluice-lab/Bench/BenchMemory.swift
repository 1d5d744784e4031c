import ArgumentParser
import Lab
import LinuxSystem

/// What a connection costs while it is open, and whether that comes back.
struct BenchMemory: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memory", abstract: "Resident memory of the process for each idle connection.")

    @OptionGroup var options: BenchOptions
    @Option(help: "Connections. Each takes two descriptors of whoever relays, and two of this program.")
    var connections = 9000

    @Option(help: "How long after their end what is left is looked at, and the same number opened once more.")
    var rest = Duration.seconds(90)

    func run() async throws {
        try await measure().write(as: options.format)
    }

    func measure() async throws -> BenchReport {
        var report = BenchReport()
        try await options.eachRound(congestionControls: ["cubic"]) { stand in
            let (contender, lab) = (stand.contender, stand.lab)
            guard let process = stand.relay?.process else { return }
            let resident = { Double(ProcessUsage(of: process.pid)?.residentBytes ?? 0) }
            // What the first connections ever bring with them is not the price of one more.
            try await park(100, contender, lab) {}
            try await Task.sleep(for: .seconds(5))
            let before = resident()
            var open = 0.0
            try await park(connections, contender, lab) { open = resident() }
            try await Task.sleep(for: rest)
            let name = stand.circumstances.name("\(connections) idle")
            report.add(name, contender, (open - before) / 1024 / Double(connections), .memoryPerConnection)
            report.add(name, contender, (resident() - before) / 1024, .memoryKept)
            try await park(connections, contender, lab) { open = resident() - open }
            report.add(name, contender, open / 1024, .memoryMore)
            report.add(name, contender, before / 1024, .memoryBefore)
        }
        return report
    }

    /// Opens so many, calls `body` when all have come to rest, and closes them.
    private func park(_ count: Int, _ contender: Contender, _ lab: Lab, _ body: () -> Void) async throws {
        let server = lab.endpoint(.server(0), port: LoadServer.echoPort, options.family)
        let parked = try await lab.inside(.client(0)) { try ParkedConnections(count, to: server, contender.transport) }
        try await Task.sleep(for: .seconds(2))
        body()
        parked.close()
    }
}
