import ArgumentParser
import Foundation
import Lab

/// For hours: every byte right, and nothing left behind.
struct Soak: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Verified transfers for hours, while links fail, the daemon reloads and traces come and go.",
        discussion: """
            Ends after --hours or --bytes, whichever comes first, or at Ctrl-C, with a summary; exit code 1 when anything \
            is wrong. docs/soak.md says what is checked.

              sluice-lab soak --bytes 2TB --json soak.json
              sluice-lab soak --bytes 2TB --without-box
            """)

    @Option(help: "After so many hours no transfer begins any more; 1, unless --bytes is given.")
    var hours: Double?
    @Option(help: "After so much payload, both directions together, no transfer begins any more.")
    var bytes: ByteCount?
    @Flag(help: "The same traffic without Sluice: the box forwards, the server speaks MPTCP itself.")
    var withoutBox = false
    @Option(help: "What everything is drawn from.")
    var seed: UInt64 = 1
    @Option(help: "unshaped: as fast as the machine; shaped: random rates, delays and losses; random: in turns.")
    var links = SoakPlan.Links.random
    @Option(help: "The longest stream, over unshaped links.")
    var longest = ByteCount(4_000_000_000)
    @Option(help: "Transfers at a time, at most.")
    var parallel: UInt64 = 200
    @Option(help: "Threads that take processor time now and then.")
    var busy = 0
    @Flag(help: "Let the box and the links alone.")
    var calm = false
    @Option(help: "How long to wait before what is left is looked at; connection tracking keeps what is over for 120s.")
    var rest = Duration.seconds(130)
    @Option(help: "Lines to append to Sluice's configuration.")
    var configuration = ""
    @Option(help: "Write the summary to this file, too.")
    var json: String?
    @Flag(help: "Tell of each phase and disturbance.")
    var verbose = false

    func validate() throws {
        guard parallel > 0, longest.bytes > 0, bytes?.bytes ?? 1 > 0, hours ?? 1 > 0 else {
            throw ValidationError("nothing to transfer")
        }
    }

    func run() async throws {
        let stop = try SoakStop.atInterrupt()
        let isVerbose = verbose
        let report = try await plan.run(stop: stop) { note in
            switch note {
            case .phase(let text): if isVerbose { print("phase: \(text)") }
            case .disturbance(let text): if isVerbose { print("disturbance: \(text)") }
            case .minute(let text): print(text)
            case .fault(let fault): print("FAULT \(fault)")
            }
            flushOutput()
        }
        print(SoakSummary(report).text)
        if let json { try write(report, to: json) }
        if !report.isClean { throw ExitCode.failure }
    }

    private var plan: SoakPlan {
        var plan = SoakPlan()
        plan.hasBox = !withoutBox
        plan.links = links
        plan.seed = seed
        plan.bytes = bytes?.bytes
        plan.duration = hours.map { .seconds($0 * 3600) } ?? (bytes == nil ? .seconds(3600) : nil)
        plan.longest = longest.bytes
        plan.parallel = 1...parallel
        plan.busyLoops = busy
        if calm { plan.calm = nil }
        plan.rest = rest
        plan.configuration = configuration
        return plan
    }

    private func write(_ report: SoakReport, to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(report).write(to: URL(fileURLWithPath: path))
    }
}

extension SoakPlan.Links: ExpressibleByArgument {}
