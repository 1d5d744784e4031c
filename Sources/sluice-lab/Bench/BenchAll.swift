import ArgumentParser

/// All that is measured of the whole way, one behind the other.
struct BenchAll: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "all", abstract: "bulk, rate, delay, latency and memory, one behind the other.",
        discussion: """
            Options are those that these benchmarks share, e.g. --rounds; see bench bulk --help. With --json, one object \
            for each.
            """)

    @Argument(parsing: .captureForPassthrough)
    var options: [String] = []

    func run() async throws {
        try await BenchBulk.parse(options).run()
        try await BenchRate.parse(options).run()
        try await BenchDelay.parse(options).run()
        try await BenchLatency.parse(options).run()
        try await BenchMemory.parse(options).run()
    }
}
