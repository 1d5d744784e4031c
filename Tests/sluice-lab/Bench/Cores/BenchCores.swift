import ArgumentParser
import Lab

/// What threads share, what that costs on two processors, and what it would come to on many.
struct BenchCores: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cores", abstract: "What threads share: nanoseconds, and a simulation of many processors.",
        discussion: """
            The daemon's own tracker, memory of servers, table of listeners and counters, used by one thread and by two \
            on two processors. The table of listeners takes root (CAP_NET_ADMIN, CAP_SYS_ADMIN); all else doesn't. The simulation is the same for \
            the same figures and seed.
            """)

    @Option(help: "How often each is measured.")
    var rounds = 21
    @Option(help: "Connections of each thread that the tracker follows.")
    var connections = 4000
    @Option(help: "Of the simulation.")
    var seed: UInt64 = 1
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        #if DEBUG
            throw ValidationError("measure a release build: swift build -c release")
        #else
            guard rounds > 0, 1...60_000 ~= connections else {
                throw ValidationError("--rounds begins at 1, --connections is 1 to 60000")
            }
            guard Machine.cores > 1 else { throw ValidationError("it takes two processors") }
        #endif
    }

    func run() throws {
        var report = CoresReport()
        let traffic = MadeUpHandshakes(connections: connections)
        let pair = TwoProcessors(rounds: rounds)
        for segment in MadeUpHandshakes.Segment.allCases {
            try report.measure(.tracker(segment, traffic), pair)
        }
        let others: [SharedUse] = [
            .serverAdvice, .serverAnswer, .listener, .listenerOpened, .readerCounters, .relayCounter, .relayCounters,
            .histogram,
        ]
        for use in others { try report.measure(use, pair) }
        progress("simulation")
        report.simulate(seed: seed)
        progress(nil)
        if json { try printJSON(report) } else { print(report.text) }
    }
}
