import LinuxSystem
import Steering
import Tracking
import Wire

// Volumes of clients are counted by what the tracker has seen of each subflow: with each look at a connection, and else
// by turns, so that a daemon that is killed has lost little.

extension ThrottleDesk {
    /// Counts what a connection has carried for its clients.
    ///
    /// - Returns: the paths on which one of them has used up its volume.
    func count(_ id: ConnectionID, _ connection: Connection) -> Set<String> {
        guard paths.hasClientCaps else { return [] }
        let carried = connection.subflows.map { subflow in
            let tuple = FourTuple(client: subflow.endpoints.client, server: subflow.endpoints.server)
            return ClientCaps.Carried(
                tuple: tuple, path: planner.path(of: tuple, interface: interfaceName(subflow.interface))?.name,
                bytes: subflow.streams.client.bytes &+ subflow.streams.server.bytes)
        }
        let outcome = paths.count(id, carried, first: connection.tuple, at: MonotonicTime.now.nanoseconds)
        tell(outcome.news)
        waiting.formUnion(outcome.connections.subtracting([id]))
        for path in outcome.full {
            log.warning(
                """
                path \(path): more than \(ClientLedger.mostClients) clients in this period; what the others carry isn't counted for \
                client_cap
                """)
        }
        return paths.spentPaths(of: id)
    }

    /// Counts some of the connections whose turn it is; the ledger is saved behind the last one.
    func countWaiting() {
        guard !uncounted.isEmpty else { return }
        let deadline = MonotonicTime.now + .milliseconds(2)
        while let id = uncounted.popLast() {
            guard let connection = watch.connection(id) else { continue }
            let before = paths.spentPaths(of: id)
            if count(id, connection) != before { waiting.insert(id) }
            if MonotonicTime.now >= deadline { break }
        }
        if uncounted.isEmpty { saveVolumes(paths.ledger) }
    }

    /// All at once, at the end.
    func countAll() {
        for id in paths.countedConnections {
            if let connection = watch.connection(id) { _ = count(id, connection) }
        }
    }

    /// The log, and whoever follows, hears of what was decided.
    func tell(_ news: [SteerDecision]) {
        guard !news.isEmpty else { return }
        for news in news { log.notice("\(news.rule): \(news.path) \(news.effect.rawValue): \(news.reason)") }
        decided(news)
    }
}
