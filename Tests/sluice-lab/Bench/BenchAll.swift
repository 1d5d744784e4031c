import ArgumentParser

/// All that is measured of the whole way, one behind the other.
struct BenchAll: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "all", abstract: "bulk, rate, delay, latency and memory, one behind the other.",
        discussion: """
            Options are those that these benchmarks share, e.g. --rounds; see bench bulk --help. With --json, one object \
            for each. Unless --rounds says otherwise, three of each and one of memory, whose figures hardly differ: that \
            takes some 35 minutes, five of all more than twice as long. bulk and latency have cubic and bbr on a stateful router, rate both \
            on either router, delay and memory cubic on a stateful one.
            """)

    @Argument(parsing: .captureForPassthrough)
    var options: [String] = []

    func run() async throws {
        try await BenchBulk.parse(["--rounds", "3"] + options).run()
        try await BenchRate.parse(["--rounds", "3"] + options).run()
        try await BenchDelay.parse(["--rounds", "3"] + options).run()
        try await BenchLatency.parse(["--rounds", "3"] + options).run()
        try await BenchMemory.parse(["--rounds", "1"] + options).run()
    }
}
