import Wire

// Connections that are known to be there, and of which no segment has been seen: the daemon that has followed them is gone.

extension Tracker {
    /// A subflow as the kernel has it.
    public struct ResumedSubflow: Hashable, Sendable {
        public var client: Endpoint
        public var server: Endpoint
        public var isBackup: Bool

        public init(client: Endpoint, server: Endpoint, isBackup: Bool) {
            self.client = client
            self.server = server
            self.isBackup = isBackup
        }
    }

    /// Follows a connection that ends here, from now on. The keys that its joins prove themselves by aren't known: these are
    /// believed. By which interface a subflow comes in, its next segment tells.
    ///
    /// - Parameter subflows: Those that are established.
    public mutating func resume(
        _ tuple: FourTuple, _ token: Token, _ subflows: [ResumedSubflow], at now: UInt64
    ) -> ConnectionID? {
        var connection = Connection(
            openedAt: now, lastSeen: now, isForwarded: false, isPartial: false, version: 1, state: .established,
            tuple: tuple)
        connection.isProven = true
        connection.hosts.server.token = token
        let id = connections.insert(connection, as: .live)
        tokens.add(TokenOwner(connection: id, host: .server), of: token)
        let origin = Origin(time: now, interface: 0, isForwarded: false)
        // The first one has number 0, as long as it is there.
        for subflow in subflows.filter({ $0.client == tuple.client }) + subflows.filter({ $0.client != tuple.client }) {
            let endpoints = PerHost(client: subflow.client, server: subflow.server)
            guard addSubflow(to: id, endpoints, initiator: .client, origin) != nil else { break }
            let index = connections[id].subflows.count - 1
            connections[id].subflows[index].state = .established
            connections[id].subflows[index].hasJoined = true
            connections[id].subflows[index].asksForBackup.client = subflow.isBackup
            for host in Host.allCases { connections[id].subflows[index].streams[host].hasMapped = true }
        }
        settle(id, now)
        events.removeAll(keepingCapacity: true)
        return connections.contains(id) ? id : nil
    }
}
