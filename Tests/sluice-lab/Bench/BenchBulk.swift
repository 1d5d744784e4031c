import ArgumentParser
import Lab

/// Throughput, and what it costs.
struct BenchBulk: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bulk", abstract: "Throughput of 1 to 256 connections, down, up and both ways, and its cost.")

    enum Way: String, CaseIterable, ExpressibleByArgument {
        case download, upload, both
    }

    @OptionGroup var options: BenchOptions
    @Option(parsing: .upToNextOption, help: "Connections at a time.")
    var connections = [1, 8, 64, 256]
    @Option(name: .customLong("way"), parsing: .upToNextOption, help: "Which way; both: as many each way.")
    var ways = Way.allCases

    func run() async throws {
        try await measure().write(as: options.format)
    }

    func measure() async throws -> BenchReport {
        var report = BenchReport()
        try await options.eachRound { stand in
            report.add(socketMemoryBefore: stand)
            for way in ways {
                for count in connections {
                    var plan = BulkPlan(
                        to: stand.lab.endpoint(.server(0), port: LoadServer.bulkPort, options.family),
                        stand.contender.transport)
                    plan.from = stand.addresses
                    plan.duration = options.duration
                    plan.downloads = way == .upload ? 0 : count
                    plan.uploads = way == .download ? 0 : count
                    try await measure(stand.circumstances.name("\(way.rawValue), \(count)"), plan, stand, &report)
                }
            }
        }
        return report
    }

    private func measure(
        _ name: String, _ plan: BulkPlan, _ stand: BenchStand, _ report: inout BenchReport
    ) async throws {
        let contender = stand.contender
        let use = try await stand.relay?.use()
        let machine = ProcessUsage.machineSeconds
        let before = try carried(stand.lab)
        let outcome = try await stand.lab.inside(.client(0)) { try plan.run() }
        let gigabytes = Double(max(outcome.bytes, 1)) / 1e9
        report.add(name, contender, outcome.bitsPerSecond / 1e9, .gigabits)
        report.add(name, contender, Double(outcome.longestPause) / 1e6, .longestPause)
        report.add(name, contender, (ProcessUsage.machineSeconds - machine) / gigabytes, .machineTimePerGigabyte)
        if let use, let now = try await stand.relay?.use() {
            report.add(name, contender, (now - use).seconds / gigabytes, .timePerGigabyte)
            report.add(name, contender, (now - use).contextSwitches / gigabytes, .switchesPerGigabyte)
            if let packets = (now - use).packetsPerWakeup { report.add(name, contender, packets, .packetsPerWakeup) }
        }
        let shares = zip(before, try carried(stand.lab)).map { $1 - $0 }
        if contender != .forwarding, shares.count > 1 {
            report.add(
                name, contender,
                100 * Double(shares.dropFirst().reduce(0, +)) / Double(max(1, shares.reduce(0, +))), .besidesFirstLink)
        }
        report.add(name, contender, failures: outcome.failures)
    }

    /// Bytes on each of the client's links.
    private func carried(_ lab: Lab) throws -> [UInt64] {
        let interfaces = try lab.interfaces(in: .box)
        return lab.links(of: .client(0)).map { link in
            interfaces[link.name].map { $0.receivedBytes + $0.sentBytes } ?? 0
        }
    }
}

extension BenchReport {
    /// What the machine's TCP sockets hold before a round. What an earlier one has left there narrows the windows of those
    /// that follow.
    mutating func add(socketMemoryBefore stand: BenchStand) {
        add(
            stand.circumstances.name("before a round"), stand.contender, Double(ProcessUsage.tcpMemoryPages),
            .socketMemory)
    }
}
