import ArgumentParser
import CBaseline
import Glibc
import Lab
import LinuxSystem

/// What is sent through the queues.
struct VerdictLoad {
    enum Kind: String, CaseIterable, Codable, ExpressibleByArgument {
        /// Made-up segments, so many at a time that they are received together.
        case burst
        /// Made-up segments, each of which finds the reader asleep.
        case single
        /// Transfers between real hosts.
        case bulk
        /// Real hosts that send each other few bytes in turns.
        case small
    }

    enum Content {
        case segments(Int, atATime: Int)
        case transfers([FetchPlan])
    }

    let kind: Kind
    let content: Content

    /// Where the readers run. Made-up segments are sent from the processor where they are read, by a thread that goes
    /// first: so it is known how many wait when the reader comes, and no wake-up of another processor is counted.
    var processor: Int32 { if case .segments = content { MadeUpFlow.processor } else { -1 } }
}

/// One load, read by one of the readers.
struct VerdictRun {
    let load: VerdictLoad.Kind
    let reader: BenchVerdict.Reader
    let use: ReaderUse
}

/// Puts the same loads before both readers, in turns.
struct VerdictRounds {
    private let lab: Lab
    private let loads: [VerdictLoad]

    /// As Middlebox opens its queues for data; `queues` is said in the configuration.
    private static let copyRange: UInt16 = 192
    private static let maximumLength: UInt32 = 8192
    private static let queues: ClosedRange<UInt16> = 7701...7702

    init(_ lab: Lab, loads: [VerdictLoad]) {
        self.lab = lab
        self.loads = loads
    }

    private var settings: String {
        """
        \(lab.sluiceDefaults)ports = [5000]
        inspect = "all"
        [advanced]
        queue_base = \(Self.queues.lowerBound - 1)
        data_queues = \(Self.queues.count)
        """
    }

    /// Sluice comes first, since it is its rules that the other relies on.
    func run(_ rounds: Int) async throws -> [VerdictRun] {
        try await MadeUpFlow.prepare(lab)
        var runs: [VerdictRun] = []
        for round in 0..<rounds {
            for reader in round % 2 == 0 ? BenchVerdict.Reader.allCases : BenchVerdict.Reader.allCases.reversed() {
                runs += reader == .sluice ? try await runSluice() : try await runBaseline()
            }
        }
        return runs
    }

    private func runSluice() async throws -> [VerdictRun] {
        let sluice = try await lab.startSluice(configuration: settings)
        var runs: [VerdictRun] = []
        for load in loads {
            for thread in try ReaderUse.threads(of: sluice) { _ = baseline_pin(thread, load.processor) }
            let use = try await carry(load) { try await ReaderUse(sluice) }
            runs.append(VerdictRun(load: load.kind, reader: .sluice, use: use))
        }
        // Its rules stay.
        try await sluice.kill()
        return runs
    }

    private func runBaseline() async throws -> [VerdictRun] {
        var runs: [VerdictRun] = []
        for load in loads {
            let readers = try BaselineReaders(
                lab, Self.queues, copyRange: Self.copyRange, maximumLength: Self.maximumLength,
                processor: load.processor)
            // What comes before the load is of a few packets.
            _ = try await carry(load) { ReaderUse() }
            runs.append(VerdictRun(load: load.kind, reader: .baseline, use: try readers.stop()))
        }
        return runs
    }

    /// Sends a load, and returns what has been used meanwhile.
    private func carry(_ load: VerdictLoad, _ use: () async throws -> ReaderUse) async throws -> ReaderUse {
        switch load.content {
        case .segments(let count, let burst):
            let flow = try MadeUpFlow(lab)
            try await flow.open()
            let before = try await use()
            try await flow.send(count, atATime: burst)
            return try await use() - before
        case .transfers(let plans):
            // What is learnt of the server with the first connection isn't part of any load.
            try await fetch(plans[0], length: 64)
            let before = try await use()
            for plan in plans { try await fetch(plan) }
            return try await use() - before
        }
    }

    private func fetch(_ plan: FetchPlan, length: UInt64? = nil) async throws {
        var plan = plan
        if let length { plan.length = length...length }
        let report = try await lab.fetch(plan)
        guard report.isSuccess else { throw LabError.transfer(report.failures) }
    }
}

/// What the runs of one load come to.
struct VerdictComparison: Encodable {
    struct Figures: Encodable {
        let reader: BenchVerdict.Reader
        /// Of a packet, one for each round.
        let nanoseconds: [Double]
        let packetsPerWakeup: [Double]
        let packets: [UInt64]
    }

    let load: VerdictLoad.Kind
    let readers: [Figures]
    let ratio: Double

    init(_ load: VerdictLoad.Kind, _ runs: [VerdictRun]) {
        self.load = load
        readers = BenchVerdict.Reader.allCases.map { reader in
            let uses = runs.filter { $0.load == load && $0.reader == reader }.map(\.use)
            return Figures(
                reader: reader, nanoseconds: uses.map(\.nanosecondsPerPacket),
                packetsPerWakeup: uses.map(\.packetsPerWakeup), packets: uses.map(\.packets))
        }
        ratio = median(zip(readers[0].nanoseconds, readers[1].nanoseconds).map { $0 / $1 })
    }

    static let head = ["load", "reader", "median", "fastest", "slowest", "packets a wake-up", "packets", "ratio"]

    var rows: [[String]] {
        readers.map { figures in
            let times = figures.nanoseconds
            return [load.rawValue, figures.reader == .sluice ? "Sluice" : "C"]
                + [median(times), times.min()!, times.max()!].map { decimal($0, places: 0) }
                + [decimal(median(figures.packetsPerWakeup), places: 2), "\(figures.packets.reduce(0, +))"]
                + [figures.reader == .sluice ? decimal(ratio, places: 2) : "1"]
        }
    }
}

private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
