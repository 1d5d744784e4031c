import Admin
import LinuxSystem

// Drained by order, before a box is taken away: it goes on to run, and converts again when that is said.

extension Middlebox {
    func drain(_ order: DrainOrder) async throws -> DrainReport {
        try await orders.run {
            let state = state.withLock(\.self)
            guard state == .running else {
                throw ControlRefusal(.conflict, "the daemon is \(state.rawValue); wait until it runs")
            }
            if drainsByOrder.exchange(order.on, ordering: .relaxed) != order.on {
                if order.on {
                    synInspector.drain()
                    log.notice("drains by order: new connections pass, \(openConnections) are left")
                    Task.detached { [self] in await tellWhenEmpty() }
                } else {
                    if healer.current.reasons.isEmpty { synInspector.open() } else { synInspector.stepAside() }
                    log.notice("converts again, by order")
                }
            }
            return DrainReport(state: stateName, open: openConnections)
        }
    }

    private var openConnections: Int { converter.counters.open.load(ordering: .relaxed) }

    private func tellWhenEmpty() async {
        while drainsByOrder.load(ordering: .relaxed), state.withLock({ $0 == .running }) {
            guard openConnections > 0 || converter.pendingCount > 0 else {
                return log.notice("drained: no connection is left")
            }
            guard (try? await Task.sleep(for: .milliseconds(200))) != nil else { return }
        }
    }
}
