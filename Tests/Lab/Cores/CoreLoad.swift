/// What threads do for a unit of traffic. The times are those of docs/performance.md, of a router whose ends are elsewhere.
public enum CoreLoad: String, Sendable, CaseIterable, Encodable {
    /// A connection that is opened, sends a byte each way and closes: 376 µs, which are the 568 of a profile without the two
    /// ends' own work (116) and what the kernel does in them within verdicts (76). A tenth of the daemon's time is the SYN
    /// desk's; twenty segments pass data queues.
    case short = "short connections"
    /// A packet of a bulk transfer, 29 KB on average: 0.6 s of the process for each GB, half of them before its verdict.
    case bulk = "bulk packets"

    public func works(_ costs: SharedCosts) -> [CoreWork] {
        switch self {
        case .short: Self.connection(costs)
        case .bulk:
            [
                CoreWork(.queue, 8_700, [costs.data.hold(.tracker), costs.counters.hold(.counters)]),
                CoreWork(.worker, 8_300, [costs.counters.hold(.counters)]),
            ]
        }
    }

    private static func connection(_ costs: SharedCosts) -> [CoreWork] {
        let server = costs.server.hold(.servers)
        let listener = costs.listener.hold(.listeners)
        let counters = costs.counters.hold(.counters)
        let segment = 11_750.0
        func queue(_ cost: SharedCosts.Cost, _ more: [LockHold] = []) -> CoreWork {
            CoreWork(.queue, segment - cost.alone, [cost.hold(.tracker)] + more)
        }
        // Of the data segments every other one is alone in its turn.
        let data = (0..<15).map { queue(costs.data, $0 % 2 == 0 ? [counters] : []) }
        return [
            CoreWork(.desk, 20_000, [server, listener]),
            CoreWork(.worker, 21_000),
            CoreWork(.worker, 15_000, [server, server]),
            CoreWork(.desk, 15_000 - costs.syn.alone, [listener, costs.syn.hold(.tracker)]),
            queue(costs.synACK, [counters]), queue(costs.thirdACK, [counters]),
            CoreWork(.acceptor, 6_000, [listener, listener]),
            CoreWork(.worker, 24_000),
        ] + data + [
            CoreWork(.worker, 20_000, [counters, counters]),
            queue(costs.fin, [counters]), queue(costs.fin, [counters]), queue(costs.fin, [counters]),
            CoreWork(.worker, 20_000),
        ]
    }
}
