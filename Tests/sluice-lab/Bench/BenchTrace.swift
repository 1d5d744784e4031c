import ArgumentParser
import Foundation
import Lab
import LinuxSystem
import Wire

/// What a trace of every packet costs a bulk transfer.
struct BenchTrace: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Bulk transfers with and without a trace of every packet, in turns: rates and their ratio.",
        discussion: "One client with two links, every segment of its connection inspected, each record to a file.")

    enum Reader: String, CaseIterable, ExpressibleByArgument {
        case none, pcapng, json, text, filtered
    }

    @Argument(help: "What is compared.")
    var readers: [Reader] = Reader.allCases
    @Option(help: "Rounds of each.")
    var rounds = 7
    @Option(help: "The size of a transfer.")
    var size = ByteCount(4_000_000_000)
    @Option(help: "The client's links, RATE[:DELAY[:LOSS]] each; two without a limit unless said.")
    var links: LinkList?
    @Option(help: "The folder of the file; its disk counts.")
    var folder = FileManager.default.temporaryDirectory.path

    func validate() throws {
        #if DEBUG
            throw ValidationError("measure a release build: swift build -c release")
        #else
            guard rounds > 0, readers.contains(.none) else {
                throw ValidationError("--rounds begin at 1, and there is no ratio without `none`")
            }
        #endif
    }

    func run() async throws {
        print(Machine.description)
        print("\(rounds) rounds of transfers of \(size.bytes) bytes\n")
        var rows = [["direction", "trace", "median Gbit/s", "slowest", "fastest", "ratio", "records", "dropped"]]
        for operation in [PeerRequest.Operation.download, .upload] { rows += try await measure(operation) }
        print(textTable(rows))
    }

    /// In turns, so that what changes meanwhile changes for all.
    private func measure(_ operation: PeerRequest.Operation) async throws -> [[String]] {
        var runs: [Reader: [Outcome]] = [:]
        for _ in 0..<rounds {
            for reader in readers { runs[reader, default: []].append(try await transfer(operation, reader)) }
        }
        let plain = median(runs[.none] ?? [])
        return readers.map { reader in
            let outcomes = runs[reader] ?? []
            let rates = outcomes.map(\.rate).sorted()
            let sum = { (field: KeyPath<Outcome, UInt64>) in "\(outcomes.reduce(0) { $0 + $1[keyPath: field] })" }
            return ["\(operation)", reader.rawValue]
                + [median(outcomes), rates[0], rates[rates.count - 1]].map { decimal($0, places: 2) }
                + [decimal(median(outcomes) / plain, places: 2), sum(\.written), sum(\.dropped)]
        }
    }

    private func median(_ outcomes: [Outcome]) -> Double {
        let rates = outcomes.map(\.rate).sorted()
        return rates[rates.count / 2]
    }

    private struct Outcome {
        let rate: Double
        let written: UInt64
        let dropped: UInt64
    }

    private func transfer(_ operation: PeerRequest.Operation, _ reader: Reader) async throws -> Outcome {
        let name = "\(folder)/sluice-bench-\(getpid())"
        let file = "\(name).trace"
        defer { for file in [file] + (1...3).map({ "\(name).\($0).trace" }) { unlink(file) } }
        let client = links.map { LabConfiguration.Client(links: $0.links) } ?? LabConfiguration.Client()
        return try await Lab.with(LabConfiguration(clients: [client])) { lab in
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + settings(reader, file))
            try await lab.serve()
            var plan = FetchPlan(to: lab.endpoint(.server(0), port: 5000), .mptcp)
            plan.operation = operation
            plan.length = size.bytes...size.bytes
            let report = try await lab.fetch(plan)
            guard report.isSuccess else {
                throw LabError.configuration("\(operation) with \(reader): \(report.failures)")
            }
            let totals = try await traces(sluice)
            return Outcome(rate: report.bitsPerSecond / 1e9, written: totals.written, dropped: totals.dropped)
        }
    }

    private func settings(_ reader: Reader, _ file: String) -> String {
        guard reader != .none else { return "" }
        let format = reader == .filtered ? "pcapng" : reader.rawValue
        let filter = reader == .filtered ? "\nfilter = \"client 10.77.0.0/16 and port 443 and not dss\"" : ""
        return "\n[trace]\nfile = \"\(file)\"\nformat = \"\(format)\"\nrotate_count = 4\(filter)\n"
    }

    private struct Totals: Decodable {
        let written: UInt64
        let dropped: UInt64
    }

    private func traces(_ sluice: SluiceDaemon) async throws -> Totals {
        let answer = try await sluice.command("trace", "--list", "--json").output
        let all = try JSONDecoder().decode([Totals].self, from: Data(answer.utf8))
        return Totals(written: all.reduce(0) { $0 + $1.written }, dropped: all.reduce(0) { $0 + $1.dropped })
    }
}
