import CBaseline
import Glibc
import LinuxSystem
import Synchronization

/// Times uses of shared things by one thread and by two, each on a processor of its own.
struct TwoProcessors {
    /// Nanoseconds of a use: medians.
    struct Figures: Encodable {
        let name: String
        /// By one thread.
        let alone: Double
        /// By each of two that do nothing else.
        let atOnce: Double
        /// By one that takes it over from the other, without what taking turns costs.
        let inTurns: Double
    }

    let rounds: Int

    func measure(_ use: SharedUse) throws -> Figures {
        // Rounds of each kind follow each other, so that all of them have the same of what else the machine does.
        var times: [[Double]] = [[], [], [], []]
        for round in 0...rounds {
            let figures = [
                try Race(use, threads: 1).run(), try Race(use, threads: 2).run(),
                try Race(use, threads: 2, inTurns: true).run(), try Race(Self.nothing, threads: 2, inTurns: true).run(),
            ]
            // The first one warms caches and the allocator.
            if round > 0 { for (kind, figure) in figures.enumerated() { times[kind].append(figure) } }
        }
        let medians = times.map { Statistics.median($0) }
        return Figures(
            name: use.name, alone: medians[0], atOnce: medians[1], inTurns: max(0, medians[2] - medians[3]))
    }

    private static let nothing = SharedUse(name: "", count: 5_000) { { _, _ in } }
}

/// One round.
private final class Race: Sendable {
    private let use: @Sendable (Int, Int) -> Void
    private let count: Int
    private let threads: Int
    private let inTurns: Bool
    private let ready = Atomic<Int>(0)
    /// How many uses there have been, if the threads take turns: who sees a number of its own goes ahead.
    private let turn = Atomic<Int>(0)
    private let time = Atomic<UInt64>(0)

    init(_ use: SharedUse, threads: Int, inTurns: Bool = false) throws {
        self.use = try use.prepare()
        count = use.count
        self.threads = threads
        self.inTurns = inTurns
    }

    /// Nanoseconds of a use; in turns, from one to the next.
    func run() throws -> Double {
        let running = try (0..<threads).map { thread in
            try SystemThread(named: "race \(thread)") { [self] in race(thread) }
        }
        for thread in running { thread.join() }
        let total = Double(time.load(ordering: .acquiring))
        return total / Double(threads * count) / (inTurns ? 2 : 1)
    }

    private func race(_ thread: Int) {
        _ = baseline_pin(0, Int32(thread))
        ready.add(1, ordering: .acquiringAndReleasing)
        while ready.load(ordering: .acquiring) < threads {}
        // Ahead of whatever else runs there, if it may: two that take turns wait for each other.
        var first = sched_param(sched_priority: 1)
        sched_setscheduler(0, SCHED_FIFO, &first)
        let start = MonotonicTime.now
        if inTurns {
            for number in 0..<count {
                while turn.load(ordering: .acquiring) & 1 != thread {}
                use(thread, number)
                turn.add(1, ordering: .releasing)
            }
        } else {
            for number in 0..<count { use(thread, number) }
        }
        time.add(MonotonicTime.now.nanoseconds(since: start), ordering: .acquiringAndReleasing)
    }
}
