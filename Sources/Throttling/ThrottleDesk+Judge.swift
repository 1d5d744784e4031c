import LinuxSystem
import SharedTracking
import Steering
import Tracking
import Wire

// Which rule applies to which subflow, and when that has to be asked again.

extension ThrottleDesk {
    /// Looks at a connection anew; nothing else than its subflows' rules changes.
    func judge(_ id: ConnectionID) {
        guard let connection = watch.connection(id) else { return forget(id) }
        note(id, connection)
        judge(id, connection)
    }

    func judgeAll() {
        // Those that are held or on a path, whether or not any rule would ask about them now.
        for id in Set(members.keys).union(paths.connections) { judge(id) }
        for (id, connection) in watch.allForFollower() {
            note(id, connection)
            judge(id, connection)
        }
    }

    private func judge(_ id: ConnectionID, _ connection: Connection) {
        let circumstances = ThrottleCircumstances(
            subflows: connection.carryingSubflows, connectionBytes: connection.bytes,
            clientBytes: volumes[connection.tuple.client.address], minute: minute)
        let subflows = connection.subflows.filter(\.isCarrying).map(question)
        let spent = count(id, connection)
        let wanted = planner.treatments(
            of: subflows, circumstances, first: connection.tuple, isForwarded: connection.isForwarded, spent: spent)
        var places: [FourTuple: String] = [:]
        var bytesLeft: UInt64?
        for subflow in subflows {
            if !connection.isForwarded {
                places[subflow.tuple] = planner.path(of: subflow.tuple, interface: subflow.interface)?.name
            }
            if let left = self.bytesLeft(subflow, circumstances, connection.tuple.client.address) {
                bytesLeft = min(bytesLeft ?? left, left)
            }
        }
        if let left = paths.clientBytesLeft(id) { bytesLeft = min(bytesLeft ?? left, left) }
        if let left = offload(id, connection) { bytesLeft = min(bytesLeft ?? left, left) }
        if let bytesLeft { watch.setAlarm(id, bytes: connection.bytes + bytesLeft) }
        paths.note(id, places)
        treat(id, connection, wanted)
    }

    private func question(_ subflow: Subflow) -> ThrottledSubflow {
        ThrottledSubflow(
            tuple: FourTuple(client: subflow.endpoints.client, server: subflow.endpoints.server),
            interface: interfaceName(subflow.interface), asksForBackup: subflow.asksForBackup.client,
            addressID: subflow.addressID.client?.rawValue)
    }

    /// Also of one that is gone: its subflows may outlive it.
    func interfaceName(_ index: UInt32) -> String? {
        if index == 0 { return nil }
        if interfaceNames.count > Self.mostNames { interfaceNames = [:] }
        if let name = NetworkInterface.name(index) { interfaceNames[index] = name }
        return interfaceNames[index]
    }

    /// Where interfaces come and go by the thousand, as dialled-in clients do.
    private static let mostNames = 4096

    // MARK: offloading

    /// Leaves the data of a connection that is well under way to the kernel. Not of a young one: what goes by the queue
    /// and what goes past it change places, and a host falls back to TCP when data overtake the first segment (RFC 8684
    /// section 3.7). Returns the bytes after which it may be done.
    private func offload(_ id: ConnectionID, _ connection: Connection) -> UInt64? {
        guard offloads, !connection.isForwarded, connection.state == .established else { return nil }
        guard connection.bytes >= Self.youth else { return Self.youth - connection.bytes }
        var bytesLeft: UInt64?
        for subflow in connection.subflows where subflow.isCarrying {
            // Before the box has sent more than its SYN-ACK, the bit says something else (`PacketMark.offloaded`).
            guard subflow.streams.server.hasSpoken else {
                bytesLeft = Self.youth
                continue
            }
            let tuple = FourTuple(client: subflow.endpoints.client, server: subflow.endpoints.server)
            guard offloaded[id, default: []].insert(tuple).inserted else { continue }
            do {
                _ = try conntrack.setMark(of: tuple, mark.offloaded, mask: mark.offloaded)
            } catch {
                log.error("\(tuple.client) > \(tuple.server) goes on being inspected: \(error)")
            }
        }
        return bytesLeft
    }

    /// Bytes.
    private static let youth: UInt64 = 64 << 10

    // MARK: quotas

    /// Bytes after which the connection has to be looked at again.
    private func bytesLeft(
        _ subflow: ThrottledSubflow, _ circumstances: ThrottleCircumstances, _ client: IPAddress
    ) -> UInt64? {
        let own = rules.bytesLeft(for: subflow, circumstances, of: .connection)
        let shared = rules.bytesLeft(for: subflow, circumstances, of: .client).map { left in
            // All connections of the client draw on it: none may get further than its part unseen, and all together
            // not more than half a percent too far.
            let connections = UInt64(max(1, volumes.connections(of: client).count))
            return max(left / connections, (circumstances.clientBytes + left) / 200 / connections, 1)
        }
        return [own, shared].compactMap { $0 }.min()
    }

    /// Keeps the client's account, if a rule asks for it; its other connections are looked at when a quota is used up.
    private func note(_ id: ConnectionID, _ connection: Connection) {
        let quotas = rules.compactMap { $0.quota?.owner == .client ? $0.quota?.bytes : nil }
        guard !quotas.isEmpty else { return }
        let client = connection.tuple.client.address
        let before = volumes[client]
        let now = MonotonicTime.now.nanoseconds
        volumes.note(id, of: client, bytes: connection.bytes, at: now)
        let others = volumes.connections(of: client)
        for (other, bytes) in zip(others, watch.bytes(of: others)) {
            // One may be forgotten while nobody has to be told: before the rule was there, say.
            if let bytes { volumes.note(other, of: client, bytes: bytes, at: now) } else { volumes.finish(other) }
        }
        let after = volumes[client]
        guard quotas.contains(where: { before < $0 && $0 <= after }) else { return }
        for other in others where other != id {
            if let connection = watch.connection(other) { judge(other, connection) }
        }
    }

    private func forget(_ id: ConnectionID) {
        volumes.finish(id)
        offloaded[id] = nil
        paths.forget(id)
        treat(id, nil, [:])
    }
}
