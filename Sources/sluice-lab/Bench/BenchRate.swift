import ArgumentParser
import Lab

/// Connections per second.
struct BenchRate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rate", abstract: "Short connections per second, 1 to 128 at a time, and how long each takes.",
        discussion: "Connect, one byte each way, close.")

    @OptionGroup var options: BenchOptions
    @Option(parsing: .upToNextOption, help: "Connections at a time.")
    var parallel = [1, 16, 128]

    func run() async throws {
        try await measure().write(asJSON: options.json)
    }

    func measure() async throws -> BenchReport {
        var report = BenchReport()
        try await options.eachRound { contender, lab, process in
            let addresses = try lab.addAddresses(16, to: .client(0), options.family)
            for count in parallel {
                var plan = ExchangePlan(
                    to: lab.endpoint(.server(0), port: LoadServer.echoPort, options.family), contender.transport)
                plan.from = addresses
                plan.duration = options.duration
                plan.parallel = count
                let usage = process.flatMap { ProcessUsage(of: $0.pid) }
                let outcome = try await lab.inside(.client(0)) { [plan] in try plan.run() }
                let name = "exchange, \(count)"
                report.add(name, contender.rawValue, outcome.perSecond, "connections/s")
                if let usage, let after = process.flatMap({ ProcessUsage(of: $0.pid) }) {
                    report.add(
                        name, contender.rawValue,
                        (after.seconds - usage.seconds) * 1e6 / Double(max(1, outcome.times.count)), "CPU us, process")
                }
                for (share, unit) in [(0.5, "us p50"), (0.99, "us p99"), (0.999, "us p99.9")] {
                    guard let time = outcome.quantile(share) else { continue }
                    report.add(name, contender.rawValue, Double(time) / 1000, unit)
                }
                report.add(name, contender.rawValue, failures: outcome.failures)
            }
        }
        return report
    }
}
