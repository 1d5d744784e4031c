import Wire

// Room: who is kept, who goes, and how connections are found by token.

extension Tracker {
    /// A quarter of the places are for connections that have yet to prove themselves; these, however many come, push
    /// out only each other.
    private var embryonicLimit: Int { max(1, limits.connections / 4) }

    mutating func insert(_ connection: Connection) -> ConnectionID {
        if connections.count(.embryonic) >= embryonicLimit, let id = connections.mostIdle(.embryonic) {
            counters.evictedEmbryonic += 1
            forget(id)
        }
        return connections.insert(connection, as: .embryonic)
    }

    /// A segment of this connection has been seen: it is the least idle now, and may have changed its kind.
    mutating func settle(_ id: ConnectionID, _ now: UInt64) {
        guard connections.contains(id) else { return }
        connections[id].lastSeen = now
        connections.touch(id, Self.kind(connections[id]))
        while connections.count(.live) + connections.count(.over) > limits.connections - embryonicLimit {
            if let over = connections.mostIdle(.over) {
                counters.evictedOver += 1
                forget(over)
            } else if let idle = connections.mostIdle(.live) {
                counters.evictedLive += 1
                forget(idle)
            } else {
                return
            }
        }
    }

    static func kind(_ connection: borrowing Connection) -> ConnectionTable.Kind {
        // For good, over or not: what anyone can bring about who makes up segments is to push out only its like.
        guard connection.isProven, !connection.isPartial, !connection.state.isEmbryonic else { return .embryonic }
        return connection.isReleased || connection.state.isOver
            || !connection.subflows.contains(where: \.holdsConnection) ? .over : .live
    }

    /// A few of each kind: after a silence all may be due at once, and whoever brings the next segment waits for it. It is
    /// more than a segment can bring.
    private static let mostExpired = 8

    mutating func forgetExpired(_ now: UInt64) {
        forgetExpired(.embryonic, idleFor: limits.embryonicTime, now)
        forgetExpired(.live, idleFor: limits.liveTime, now)
        forgetExpired(.over, idleFor: limits.overTime, now)
    }

    private mutating func forgetExpired(_ kind: ConnectionTable.Kind, idleFor limit: UInt64, _ now: UInt64) {
        for _ in 0..<Self.mostExpired {
            guard let id = connections.mostIdle(kind) else { return }
            let lastSeen = connections[id].lastSeen
            guard now > lastSeen, now - lastSeen > limit else { return }
            counters.expired += 1
            forget(id)
        }
    }

    private mutating func forget(_ id: ConnectionID) {
        for subflow in connections[id].subflows { unmap(subflow, of: id) }
        for host in Host.allCases {
            guard let token = connections[id].hosts[host].token else { continue }
            tokens.remove(id, of: token)
        }
        connections.remove(id)
        events.append(.forgotten(id))
    }

    /// A SYN that opened something here has not come to whom it was for, and goes on, or comes to nothing: what it opened is
    /// forgotten, unless it has been answered.
    public mutating func withdraw(_ tuple: FourTuple, at now: UInt64) {
        events.removeAll(keepingCapacity: true)
        guard let (id, number) = find(tuple), let index = connections[id].index(ofSubflow: number),
            connections[id].subflows[index].state == .synSent
        else { return }
        guard number != 0 else { return forget(id) }
        unmap(connections[id].subflows.remove(at: index), of: id)
        connections[id].revision &+= 1
        events.append(.subflowClosed(id, subflow: number, .joinRefused))
        settle(id, now)
    }

    /// The 4-tuple leads to this subflow no longer, unless it leads to another by now.
    private mutating func unmap(_ subflow: Subflow, of id: ConnectionID) {
        let key = FlowKey(subflow.endpoints.client, subflow.endpoints.server)
        if let reference = flows[key], reference.connection == id, reference.subflow == subflow.number {
            flows[key] = nil
        }
    }

    /// Adds a subflow and returns its number; nil when the connection has too many. Closed ones make room.
    mutating func addSubflow(
        to id: ConnectionID, _ endpoints: PerHost<Endpoint>, initiator: Host, _ origin: Origin
    ) -> Int? {
        if connections[id].subflows.count >= limits.subflows {
            guard let index = connections[id].subflows.firstIndex(where: \.state.isClosed) else {
                note(.tooManySubflows, id)
                return nil
            }
            unmap(connections[id].subflows.remove(at: index), of: id)
        }
        let number = connections[id].nextSubflowNumber
        connections[id].nextSubflowNumber += 1
        connections[id].revision &+= 1
        connections[id].subflows.append(
            Subflow(
                number: number, endpoints: endpoints, initiator: initiator, interface: origin.interface,
                openedAt: origin.time, state: .synSent, addressID: PerHost(both: number == 0 ? AddressID(0) : nil)))
        flows[FlowKey(endpoints.client, endpoints.server)] = FlowReference(connection: id, subflow: number)
        events.append(.subflowOpened(id, subflow: number))
        return number
    }

    /// A host's key has been seen: its token leads to the connection from now on. A key that isn't the one seen before
    /// is noted, and ignored.
    mutating func learn(_ key: MultipathKey, of host: Host, _ id: ConnectionID) {
        if let known = connections[id].hosts[host].key {
            if known != key { note(.wrongKey, id) }
            return
        }
        let version = connections[id].version
        let token = key.token(version: version)
        connections[id].hosts[host].key = key
        connections[id].hosts[host].token = token
        connections[id].hosts[host].stream.open(key.initialDataSequence(version: version))
        tokens.add(TokenOwner(connection: id, host: host), of: token)
    }

    /// Whose token it is, at the host that has this address. Tokens are unique at one host only; and a host may have
    /// addresses that nobody has announced.
    func owner(of token: Token, at address: IPAddress) -> TokenOwner? {
        tokens.owner(of: token) { owner in
            let connection = connections[owner.connection]
            return connection.subflows.contains { $0.endpoints[owner.host].address == address }
                || connection.hosts[owner.host].addresses.contains { $0.address == address }
        }
    }

    mutating func note(_ anomaly: Anomaly, _ id: ConnectionID) {
        counters[anomaly] += 1
        connections[id].anomalies.insert(anomaly)
        events.append(.anomaly(id, anomaly))
    }
}
