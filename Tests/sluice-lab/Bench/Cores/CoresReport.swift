import Lab
import LinuxSystem

/// What `bench cores` has found.
struct CoresReport: Encodable {
    struct Spread: Encodable {
        let selection: String
        let pairs: Int
        let busiest: Double
        let parted: Double
    }

    let machine = Machine.description
    private(set) var costs: [TwoProcessors.Figures] = []
    /// What could not be measured here, and why.
    private(set) var missing: [String: String] = [:]
    private(set) var scaling: [CoreStudy.Row] = []
    private(set) var variants: [CoreStudy.Row] = []
    private(set) var pairs: [CoreStudy.Row] = []
    private(set) var spreads: [Spread] = []

    mutating func measure(_ use: SharedUse, _ processors: TwoProcessors) throws {
        progress(use.name)
        do {
            costs.append(try processors.measure(use))
        } catch let error as SystemError {
            missing[use.name] = "\(error)"
        }
    }

    mutating func simulate(seed: UInt64) {
        let study = CoreStudy(sharedCosts, seed: seed)
        for load in CoreLoad.allCases {
            scaling += study.scaling(load)
            variants += study.variants(load)
            for selection in QueueSelection.allCases { pairs += study.pairs(load, selection) }
        }
        for selection in QueueSelection.allCases {
            for pairs in CoreStudy.pairs {
                let spread = QueueSpread(
                    selection, queues: 16, pairs: pairs, connections: max(2, 20_000 / pairs), seed: seed)
                spreads.append(
                    Spread(
                        selection: selection.rawValue, pairs: pairs, busiest: spread.busiest, parted: spread.parted))
            }
        }
    }

    /// What the simulation takes. Of two calls to the table of listeners each is a half; without it, that of the memory of
    /// servers stands for it.
    private var sharedCosts: SharedCosts {
        func segment(_ segment: MadeUpHandshakes.Segment) -> SharedCosts.Cost {
            cost("tracker: \(segment.rawValue)")!
        }
        let server = cost(SharedUse.serverAdvice.name)!
        return SharedCosts(
            syn: segment(.syn), synACK: segment(.synACK), thirdACK: segment(.thirdACK), data: segment(.data),
            fin: segment(.fin), server: server, listener: cost(SharedUse.listener.name, 0.5) ?? server,
            counters: cost(SharedUse.readerCounters.name)!)
    }

    private func cost(_ name: String, _ share: Double = 1) -> SharedCosts.Cost? {
        costs.first { $0.name == name }.map {
            SharedCosts.Cost(alone: $0.alone * share, contended: $0.inTurns * share)
        }
    }
}
