import ArgumentParser
import Lab

/// Connections per second.
struct BenchRate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rate", abstract: "Short connections per second, 1 to 256 at a time, and how long each takes.",
        discussion: "Connect, one byte each way, close.")

    @OptionGroup var options: BenchOptions
    @Option(parsing: .upToNextOption, help: "Connections at a time.")
    var parallel = [1, 8, 64, 256]

    func run() async throws {
        try await measure().write(as: options.format)
    }

    func measure() async throws -> BenchReport {
        var report = BenchReport()
        try await options.eachRound(routers: Router.allCases) { stand in
            report.add(socketMemoryBefore: stand)
            for count in parallel { try await measure(count, stand, &report) }
        }
        return report
    }

    private func measure(_ count: Int, _ stand: BenchStand, _ report: inout BenchReport) async throws {
        let contender = stand.contender
        var plan = ExchangePlan(
            to: stand.lab.endpoint(.server(0), port: LoadServer.echoPort, options.family), contender.transport)
        plan.from = stand.addresses
        plan.duration = options.duration
        plan.parallel = count
        let use = try await stand.relay?.use()
        let outcome = try await stand.lab.inside(.client(0)) { [plan] in try plan.run() }
        let name = stand.circumstances.name("exchange, \(count)")
        report.add(name, contender, outcome.perSecond, .perSecond)
        if let use, let now = try await stand.relay?.use() {
            let connections = Double(max(1, outcome.times.count))
            report.add(name, contender, (now - use).seconds * 1e6 / connections, .timePerConnection)
            report.add(name, contender, (now - use).contextSwitches / connections, .switchesPerConnection)
            report.add(name, contender, (now - use).joins / connections, .joinsPerConnection)
            if let packets = (now - use).packetsPerWakeup { report.add(name, contender, packets, .packetsPerWakeup) }
        }
        for (share, unit) in [(0.5, BenchUnit.median), (0.99, .p99), (0.999, .p999)] {
            guard let time = outcome.quantile(share) else { continue }
            report.add(name, contender, Double(time) / 1000, unit)
        }
        report.add(name, contender, failures: outcome.failures)
        if try stand.lab.isTrackingFull() {
            report.add("\(name), \(contender.rawValue): connection tracking is full", times: 1)
        }
    }
}
