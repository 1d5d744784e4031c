/// What simulations of routers with many processors have come to.
public struct CoreStudy: Sendable {
    public struct Row: Sendable, Encodable {
        public let load: CoreLoad
        public let cores: Int
        /// What is other than the settings' defaults, or than how it is today; empty: nothing.
        public let variant: String
        public let perSecond: Double
        /// To one processor's.
        public let speedup: Double
        /// Of all processors' time, what went by in waiting for each lock.
        public let waiting: [String: Double]
        /// Of the time, that in which each lock was held.
        public let held: [String: Double]
        /// Of all processors' time, what they were busy.
        public let busy: Double
        public let limit: String?
    }

    private let costs: SharedCosts
    private let seed: UInt64
    private var single: [CoreLoad: Double] = [:]

    public init(_ costs: SharedCosts, seed: UInt64) {
        self.costs = costs
        self.seed = seed
        for load in CoreLoad.allCases {
            single[load] =
                CoreSimulation.run(
                    CoreLayout(cores: 1), load.works(costs), connections: Self.count(load, cores: 1), seed: seed
                ).perSecond
        }
    }

    public static let cores = [1, 2, 4, 8, 16, 32, 64]
    public static let pairs = [1, 10, 100, 1000, 10_000]

    /// A worker for each processor, as many queues as can be had.
    public func scaling(_ load: CoreLoad) -> [Row] {
        Self.cores.map { row(load, CoreLayout(cores: $0), load.works(costs)) }
    }

    /// On 16 processors: what settings change, what another machine would, and what would be gained without each limit.
    public func variants(_ load: CoreLoad) -> [Row] {
        let layout = CoreLayout(cores: 16)
        let works = load.works(costs)
        func withoutTracker(_ works: [CoreWork]) -> [CoreWork] {
            works.map { work in
                let held = work.holds.filter { $0.lock == .tracker }.reduce(0) { $0 + $1.alone }
                return CoreWork(work.place, work.alone + held, work.holds.filter { $0.lock != .tracker })
            }
        }
        return [
            row(load, CoreLayout(cores: 16, queues: 4), works, "data_queues = 4, as by default"),
            row(load, CoreLayout(cores: 16, queues: 8), works, "data_queues = 8"),
            row(load, layout, works, "data_queues = 16"),
            row(load, layout, load.works(costs.withTransfers(3)), "16, cache lines three times as far apart"),
            row(load, layout, load.works(costs.withTransfers(10)), "16, ten times"),
            row(load, layout, withoutTracker(works), "16, if the tracker took no lock"),
            row(load, CoreLayout(cores: 16, selection: .balance), works, "16, without programs: one queue for SYNs"),
        ]
    }

    /// On 16 processors with as many queues, of so many pairs of addresses.
    public func pairs(_ load: CoreLoad, _ selection: QueueSelection) -> [Row] {
        Self.pairs.map { count in
            row(
                load, CoreLayout(cores: 16, selection: selection, pairs: count), load.works(costs),
                "\(count) pairs, \(selection.rawValue)")
        }
    }

    private static func count(_ load: CoreLoad, cores: Int) -> Int {
        (load == .short ? 1500 : 15_000) * max(2, cores) / 2
    }

    private func row(_ load: CoreLoad, _ layout: CoreLayout, _ works: [CoreWork], _ variant: String = "") -> Row {
        let outcome = CoreSimulation.run(
            layout, works, connections: Self.count(load, cores: layout.cores), seed: seed)
        func named(_ shares: [SharedLock: Double]) -> [String: Double] {
            Dictionary(uniqueKeysWithValues: shares.map { ($0.key.rawValue, $0.value) })
        }
        return Row(
            load: load, cores: layout.cores, variant: variant, perSecond: outcome.perSecond,
            speedup: outcome.perSecond / single[load]!, waiting: named(outcome.waiting), held: named(outcome.held),
            busy: outcome.busy.reduce(0, +) / Double(outcome.busy.count), limit: outcome.limit)
    }
}
