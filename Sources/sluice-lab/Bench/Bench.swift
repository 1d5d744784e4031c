import ArgumentParser

/// What takes how long; docs/performance.md says what is measured and why.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Benchmarks, to be run in a release build on a quiet machine.", subcommands: [BenchParse.self])
}
