import Wire

@testable import Tracking

// What holds after each segment, whatever it was.

extension Tracker {
    /// What doesn't hold; nothing if all is well.
    func brokenInvariants() -> [String] {
        let ids = connections.chunk(from: 0, limit: .max).ids
        var broken: [String] = []
        func check(_ holds: Bool, _ rule: String) { if !holds { broken.append(rule) } }

        check(count <= limits.connections, "\(count) connections, \(limits.connections) allowed")
        check(connections.count(.embryonic) <= max(1, limits.connections / 4), "too many embryonic connections")
        check(ids.count == count, "\(ids.count) connections in slots, \(count) in lists")
        check(connections.listsAreConsistent, "lists that don't lead forth and back")
        for id in ids {
            let connection = connections[id]
            check(connection.subflows.count <= limits.subflows, "too many subflows")
            check(connection.subflows.map(\.number) == connection.subflows.map(\.number).sorted(), "numbers disordered")
            check(Set(connection.subflows.map(\.number)).count == connection.subflows.count, "a number twice")
            check(!connection.subflows.isEmpty, "a connection without a subflow")
            check(connection.hosts.client.addresses.count <= Connection.HostState.mostAddresses, "many addresses")
            check(connection.hosts.server.addresses.count <= Connection.HostState.mostAddresses, "many addresses")
            for subflow in connection.subflows where !subflow.state.isClosed {
                check(leads(subflow, to: id), "an open subflow that its 4-tuple doesn't lead to")
            }
            for host in Host.allCases {
                guard let token = connection.hosts[host].token else { continue }
                check(
                    tokens.owners(of: token).contains(TokenOwner(connection: id, host: host)), "a token without owner")
            }
        }
        for (_, reference) in flows {
            check(connections.contains(reference.connection), "a 4-tuple that leads to no connection")
            guard connections.contains(reference.connection) else { continue }
            let isThere = connections[reference.connection].index(ofSubflow: reference.subflow) != nil
            check(isThere, "a 4-tuple that leads to no subflow")
        }
        for (token, owners) in tokens.all {
            check(!owners.isEmpty && Set(owners).count == owners.count, "owners of a token: none, or one twice")
            for owner in owners {
                let isOwn = self[owner.connection]?.hosts[owner.host].token == token
                check(isOwn, "a token that leads to a connection without it")
            }
        }
        return broken
    }

    private func leads(_ subflow: Subflow, to id: ConnectionID) -> Bool {
        let found = find(FourTuple(client: subflow.endpoints.client, server: subflow.endpoints.server))
        return found?.connection == id && found?.subflow == subflow.number
    }

    /// Those that have proved themselves and are not over.
    var liveConnections: Set<ConnectionID> {
        Set(connections.chunk(from: 0, limit: .max).ids.filter { connections.kind($0) == .live })
    }

    func liveCount() -> Int { connections.count(.live) }
}

/// Sees to it that what is live gives way to nothing but what is live, too.
struct EvictionWatch {
    private var live: Set<ConnectionID> = []
    private var evicted: UInt64 = 0

    /// To be called after each segment.
    mutating func look(_ tracker: borrowing Tracker) -> [String] {
        defer {
            live = tracker.liveConnections
            evicted = tracker.counters.evictedLive
        }
        let evictions = tracker.counters.evictedLive - evicted
        guard evictions > 0 else { return [] }
        let newcomers = tracker.liveConnections.subtracting(live).count
        let limit = tracker.limits.connections - max(1, tracker.limits.connections / 4)
        if tracker.liveCount() == limit, newcomers == evictions { return [] }
        return ["\(evictions) live connections gave way to \(newcomers), with \(tracker.liveCount()) of \(limit)"]
    }
}

extension ConnectionTable {
    func kind(_ id: ConnectionID) -> Kind { slots[Int(id.slot)].kind }

    /// Each list holds what is of its kind, once, and leads back as it leads forth.
    fileprivate var listsAreConsistent: Bool {
        Kind.allCases.allSatisfy { kind in
            let list = lists[kind.rawValue]
            var (previous, place, length): (Int32, Int32, Int) = (-1, list.head, 0)
            while place >= 0, length <= slots.count {
                let slot = slots[Int(place)]
                guard slot.previous == previous, slot.kind == kind, slot.isUsed else { return false }
                (previous, place, length) = (place, slot.next, length + 1)
            }
            return previous == list.tail && length == list.count
        }
    }
}
