import ArgumentParser
import PacketForge

/// Nanoseconds to read all options of a block, and of a segment in its packet.
struct BenchParse: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parse", abstract: "Read option blocks and whole segments: nanoseconds for each.")

    @Option(help: "How often each is measured.")
    var rounds = 21
    @Option(help: "Reads in a round.")
    var reads = 500_000

    func validate() throws {
        #if DEBUG
            throw ValidationError("measure a release build: swift build -c release")
        #else
            guard rounds > 0, reads > 0 else { throw ValidationError("--rounds and --reads begin at 1") }
        #endif
    }

    func run() {
        print(Machine.description)
        print("\(rounds) rounds of \(reads) reads, nanoseconds a read\n")
        var checksum: UInt64 = 0
        var rows = [["option block", "bytes", "median", "fastest", "slowest"]]
        for block in ParseSample.blocks { rows.append(measure(block, readBlock, &checksum)) }
        print(textTable(rows))
        rows = [["segment", "bytes", "median", "fastest", "slowest"]]
        for segment in ParseSample.segments { rows.append(measure(segment, readSegment, &checksum)) }
        print("\n" + textTable(rows))
        // Nobody may skip work whose result is printed.
        print("\nchecksum of all that was read: \(checksum)")
    }

    private func measure(
        _ sample: ParseSample, _ read: (RawSpan) -> UInt64, _ checksum: inout UInt64
    ) -> [String] {
        // The first round warms caches and branch predictors.
        let times = (0...rounds).map { _ in
            sample.nanosecondsPerRead(reads, read, &checksum)
        }.dropFirst().sorted()
        let figures = [times[times.startIndex + rounds / 2], times.first!, times.last!]
        return [sample.name, "\(sample.stride)"] + figures.map { decimal($0, places: 1) }
    }
}
