import ArgumentParser

/// What takes how long; docs/performance.md says what is measured and why.
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Benchmarks, to be run in a release build on a quiet machine.",
        subcommands: [
            BenchAll.self, BenchBulk.self, BenchRate.self, BenchDelay.self, BenchLatency.self, BenchMemory.self,
            BenchVerdict.self, BenchParse.self, BenchTrack.self, BenchTrace.self, BenchCores.self, BenchUpgrade.self,
            BenchCrash.self,
        ],
        defaultSubcommand: BenchAll.self)
}
