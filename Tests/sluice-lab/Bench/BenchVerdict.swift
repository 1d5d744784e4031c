import ArgumentParser
import Foundation
import Lab
import LinuxSystem
import Wire

/// What a verdict costs, against a reader that does nothing else.
struct BenchVerdict: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verdict",
        abstract: "CPU time for each packet of the queues for data: Sluice's threads, and a minimal reader in C.",
        discussion: """
            An MPTCP connection goes end to end through the box, every segment of it queued by Sluice's own rules. They \
            outlive a daemon that is killed: then the C reader takes the same queues. What the kernel does in a reader's \
            calls counts for both. `burst` and `single` are made-up segments that nobody receives, many at a time or one; \
            `bulk` and `small` are transfers, and what their hosts do with a packet often happens in the reader's call.
            """)

    /// As many as a reader receives at a time.
    private static let burst = 32

    enum Reader: String, CaseIterable, Codable {
        case sluice, baseline = "c"
    }

    @Argument(help: "What is sent.")
    var kinds: [VerdictLoad.Kind] = VerdictLoad.Kind.allCases
    @Option(help: "Rounds of each reader; who is first changes from one to the next.")
    var rounds = 9
    @Option(help: "Burst and single: segments.")
    var segments = 50_000
    @Option(help: "Bulk: bytes down, then as many up.")
    var size = ByteCount(1_000_000_000)
    @Option(help: "Small: times that 64 bytes go there and back.")
    var exchanges: UInt64 = 20_000
    @Option(help: "The client's links, RATE[:DELAY[:LOSS]] each; one without a limit unless said.")
    var links: LinkList?
    @Flag(help: "Print one JSON object instead of a table.")
    var json = false

    func validate() throws {
        #if DEBUG
            throw ValidationError("measure a release build: swift build -c release")
        #else
            guard rounds > 0, exchanges > 0, segments > 0 else {
                throw ValidationError("--rounds, --segments and --exchanges begin at 1")
            }
        #endif
    }

    func run() async throws {
        let client = LabConfiguration.Client(links: links?.links ?? [LabConfiguration.Link()])
        let runs = try await Lab.with(LabConfiguration(clients: [client])) { lab in
            try await lab.serve(.mptcp)
            return try await VerdictRounds(lab, loads: loads(lab)).run(rounds)
        }
        let comparisons = kinds.map { VerdictComparison($0, runs) }
        if json {
            try printJSON(comparisons)
        } else {
            print(Machine.description)
            print("\(rounds) rounds; burst and single: \(segments) segments, \(Self.burst) or one at a time")
            print("bulk: \(size.bytes) bytes each way; small: \(exchanges) times 64 bytes there and back")
            print("nanoseconds of CPU time a packet; the ratio is the median of the rounds' ratios\n")
            print(textTable([VerdictComparison.head] + comparisons.flatMap(\.rows)))
        }
    }

    private func loads(_ lab: Lab) -> [VerdictLoad] {
        let plan = { (operation: PeerRequest.Operation, length: UInt64) -> FetchPlan in
            var plan = FetchPlan(to: lab.endpoint(.server(0), port: 5000), .mptcp)
            plan.operation = operation
            plan.length = length...length
            plan.step = 64
            return plan
        }
        return kinds.map { kind in
            switch kind {
            case .burst: VerdictLoad(kind: kind, content: .segments(segments, atATime: Self.burst))
            case .single: VerdictLoad(kind: kind, content: .segments(segments, atATime: 1))
            case .bulk:
                VerdictLoad(
                    kind: kind, content: .transfers([plan(.download, size.bytes), plan(.upload, size.bytes)]))
            case .small: VerdictLoad(kind: kind, content: .transfers([plan(.echo, exchanges * 64)]))
            }
        }
    }

    private func printJSON(_ comparisons: [VerdictComparison]) throws {
        struct Report: Encodable {
            let machine: String
            let rounds: Int
            let loads: [VerdictComparison]
        }
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys]
        let report = Report(machine: Machine.description, rounds: rounds, loads: comparisons)
        print(String(decoding: try encoder.encode(report), as: UTF8.self))
    }
}
