import ArgumentParser
import Lab

/// Throughput, and what it costs.
struct BenchBulk: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bulk", abstract: "Throughput of 1 to 64 connections, down, up and both ways, and its cost.")

    enum Way: String, CaseIterable, ExpressibleByArgument {
        case download, upload, both
    }

    @OptionGroup var options: BenchOptions
    @Option(parsing: .upToNextOption, help: "Connections at a time.")
    var connections = [1, 2, 8, 64]
    @Option(name: .customLong("way"), parsing: .upToNextOption, help: "Which way; both: as many each way.")
    var ways = Way.allCases

    func run() async throws {
        try await measure().write(asJSON: options.json)
    }

    func measure() async throws -> BenchReport {
        var report = BenchReport()
        try await options.eachRound { contender, lab, process in
            for way in ways {
                for count in connections {
                    var plan = BulkPlan(
                        to: lab.endpoint(.server(0), port: LoadServer.bulkPort, options.family), contender.transport)
                    plan.duration = options.duration
                    plan.downloads = way == .upload ? 0 : count
                    plan.uploads = way == .download ? 0 : count
                    try await measure("\(way.rawValue), \(count)", plan, contender, lab, process, &report)
                }
            }
        }
        return report
    }

    private func measure(
        _ name: String, _ plan: BulkPlan, _ contender: Contender, _ lab: Lab, _ process: ChildProcess?,
        _ report: inout BenchReport
    ) async throws {
        let usage = process.flatMap { ProcessUsage(of: $0.pid) }
        let machine = ProcessUsage.machineSeconds
        let before = try carried(lab)
        let outcome = try await lab.inside(.client(0)) { try plan.run() }
        let gigabytes = Double(max(outcome.bytes, 1)) / 1e9
        report.add(name, contender.rawValue, outcome.bitsPerSecond / 1e9, "Gbit/s")
        report.add(name, contender.rawValue, Double(outcome.longestPause) / 1e6, "ms longest pause")
        report.add(
            name, contender.rawValue, (ProcessUsage.machineSeconds - machine) / gigabytes, "CPU s/GB, machine")
        if let usage, let after = process.flatMap({ ProcessUsage(of: $0.pid) }) {
            report.add(name, contender.rawValue, (after.seconds - usage.seconds) / gigabytes, "CPU s/GB, process")
        }
        let shares = zip(before, try carried(lab)).map { $1 - $0 }
        if contender != .forwarding, shares.count > 1 {
            report.add(
                name, contender.rawValue,
                100 * Double(shares.dropFirst().reduce(0, +)) / Double(max(1, shares.reduce(0, +))), "% not on link 1")
        }
        report.add(name, contender.rawValue, failures: outcome.failures)
    }

    /// Bytes on each of the client's links.
    private func carried(_ lab: Lab) throws -> [UInt64] {
        let interfaces = try lab.interfaces(in: .box)
        return lab.links(of: .client(0)).map { link in
            interfaces[link.name].map { $0.receivedBytes + $0.sentBytes } ?? 0
        }
    }
}
