import Glibc
import Inspector
import LinuxSystem
import Policy
import SystemPackage
import Tracking
import TrafficControl
import Wire

// Which rule holds which subflow, and the ways in and out.

extension ThrottleDesk {
    /// Looks at a connection anew; nothing else than its subflows' rules changes.
    func judge(_ id: ConnectionID) {
        guard let connection = watch.connection(id) else { return forget(id) }
        note(id, connection)
        judge(id, connection)
    }

    func judgeAll() {
        // Those that are held, whether or not any rule would ask about them now.
        for id in members.keys { judge(id) }
        for (id, connection) in watch.allForFollower() {
            note(id, connection)
            judge(id, connection)
        }
    }

    private func judge(_ id: ConnectionID, _ connection: Connection) {
        let circumstances = ThrottleCircumstances(
            subflows: connection.carryingSubflows, connectionBytes: connection.bytes,
            clientBytes: volumes[connection.tuple.client.address], minute: minute)
        var wanted: [FourTuple: (rule: ThrottleRule, interface: String)] = [:]
        var bytesLeft: UInt64?
        for subflow in connection.subflows where subflow.isCarrying {
            let question = question(subflow)
            if let place = rules.first(for: question, circumstances), let interface = question.interface {
                wanted[question.tuple] = (rules[place], interface)
            }
            if let left = self.bytesLeft(question, circumstances, connection.tuple.client.address) {
                bytesLeft = min(bytesLeft ?? left, left)
            }
        }
        if let left = offload(id, connection) { bytesLeft = min(bytesLeft ?? left, left) }
        if let bytesLeft { watch.setAlarm(id, bytes: connection.bytes + bytesLeft) }
        for tuple in members[id] ?? [] where wanted[tuple] == nil { letGo(tuple) }
        for (tuple, target) in wanted { hold(tuple, id, connection, target.rule, on: target.interface) }
    }

    private func question(_ subflow: Subflow) -> ThrottledSubflow {
        ThrottledSubflow(
            tuple: FourTuple(client: subflow.endpoints.client, server: subflow.endpoints.server),
            interface: interfaceName(subflow.interface), asksForBackup: subflow.asksForBackup.client,
            addressID: subflow.addressID.client?.rawValue)
    }

    /// Also of one that is gone: its subflows may outlive it.
    private func interfaceName(_ index: UInt32) -> String? {
        if index == 0 { return nil }
        if let name = NetworkInterface.name(index) { interfaceNames[index] = name }
        return interfaceNames[index]
    }

    // MARK: offloading

    /// Leaves the data of a connection that is well under way to the kernel. Not of a young one: what goes by the queue
    /// and what goes past it change places, and a host falls back to TCP when data overtake the first segment (RFC 8684
    /// section 3.7). Returns the bytes after which it may be done.
    private func offload(_ id: ConnectionID, _ connection: Connection) -> UInt64? {
        guard offloads, !connection.isForwarded, connection.state == .established else { return nil }
        guard connection.bytes >= Self.youth else { return Self.youth - connection.bytes }
        for subflow in connection.subflows where subflow.isCarrying {
            let tuple = FourTuple(client: subflow.endpoints.client, server: subflow.endpoints.server)
            guard offloaded[id, default: []].insert(tuple).inserted else { continue }
            do {
                _ = try conntrack.setMark(of: tuple, mark.offloaded, mask: mark.offloaded)
            } catch {
                log.error("\(tuple.client) > \(tuple.server) goes on being inspected: \(error)")
            }
        }
        return nil
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
        for tuple in members[id] ?? [] { letGo(tuple) }
    }

    // MARK: holding

    private func hold(
        _ tuple: FourTuple, _ id: ConnectionID, _ connection: Connection, _ rule: ThrottleRule, on interface: String
    ) {
        guard let hold = held[tuple], hold.connection == id, hold.rule == rule.name, hold.interface == interface else {
            return exchange(tuple, id, connection, rule, interface)
        }
        // Held by this rule already, unless it has become another kind, or its classes are shared in another way.
        switch (hold.grip, rule.action) {
        case (.failed, _), (.backup, .backup): break
        case (.class(let number), .shape(_, let sharing))
        where classes.number(of: ClassKey(rule.name, interface, sharing, tuple)) == number: break
        default: exchange(tuple, id, connection, rule, interface)
        }
    }

    /// Into this rule's hands, out of those of any other.
    private func exchange(
        _ tuple: FourTuple, _ id: ConnectionID, _ connection: Connection, _ rule: ThrottleRule, _ interface: String
    ) {
        letGo(tuple)
        do {
            let token = connection.isForwarded ? nil : connection.token
            let grip: Hold.Grip
            switch rule.action {
            case .shape(let rates, let sharing):
                grip = .class(try join(tuple, ClassKey(rule.name, interface, sharing, tuple), rates))
                if rates.download != nil, !connection.isForwarded { newlyHeld.insert(connection.tuple) }
            case .backup:
                try setBackup(true, tuple, token)
                grip = .backup
            }
            keep(tuple, Hold(connection: id, rule: rule.name, grip: grip, interface: interface, token: token))
            names[tuple] = rule.name
            tallies[rule.name, default: Tally()].matched += 1
            log.debug("\(tuple.client) > \(tuple.server): held by throttle \(rule.name)")
        } catch {
            report(error, rule.name)
            keep(tuple, Hold(connection: id, rule: rule.name, grip: .failed, interface: interface, token: nil))
        }
    }

    private func keep(_ tuple: FourTuple, _ hold: Hold) {
        held[tuple] = hold
        members[hold.connection, default: []].insert(tuple)
    }

    /// What could not be held may be now.
    func retryFailed() {
        let failed = held.filter { $0.value.grip == .failed }
        for tuple in failed.keys { letGo(tuple) }
        for id in Set(failed.values.map(\.connection)) { judge(id) }
    }

    /// It is as it would be without us again.
    func letGo(_ tuple: FourTuple) {
        guard let hold = held.removeValue(forKey: tuple) else { return }
        members[hold.connection]?.remove(tuple)
        if members[hold.connection]?.isEmpty == true { members[hold.connection] = nil }
        names[tuple] = nil
        log.debug("\(tuple.client) > \(tuple.server): let go by throttle \(hold.rule)")
        do {
            switch hold.grip {
            case .class(let number): try leave(tuple, number)
            case .backup: try setBackup(false, tuple, hold.token)
            case .failed: break
            }
        } catch {
            report(error, hold.rule)
        }
    }

    /// Taking it back from a connection that is gone is no error.
    private func setBackup(_ isBackup: Bool, _ tuple: FourTuple, _ token: Token?) throws {
        guard let token else { throw SteeringError.forwarded }
        guard pathManager != nil else { throw SteeringError.noPathManager }
        let errno = try pathManager!.setBackup(
            isBackup, token: token.rawValue, local: tuple.server, remote: tuple.client)
        if let errno, isBackup { throw SteeringError.refused(errno) }
    }

    /// Everything is as it was, what waits in classes sent on, as far as that takes no longer than a second.
    func releaseAll() {
        rules = []
        for tuple in held.keys { letGo(tuple) }
        for (number, entry) in classes.entries where entry.retiredAt == nil { retire(number) }
        let deadline = MonotonicTime.now + .seconds(1)
        while isRetiring, MonotonicTime.now < deadline {
            usleep(5000)
            removeIdleClasses(at: .now)
        }
        do {
            try TrafficControl.removeAll()
        } catch {
            log.error("traffic control is not as it was: \(error)")
        }
    }
}

/// Why a client can't be asked to use a subflow as a backup.
enum SteeringError: Error, CustomStringConvertible {
    case forwarded
    case noPathManager
    case refused(Errno)

    var description: String {
        switch self {
        case .forwarded: "the connection goes end to end, and only its ends can ask for backup; use action = \"shape\""
        case .noPathManager: "the kernel's MPTCP path manager can't be asked; is CAP_NET_ADMIN there?"
        case .refused(let errno):
            "the kernel doesn't ask for backup (\(errno)): connections opened before the rule was there are left to its "
                + "own path manager; the rule holds those that are opened from now on"
        }
    }
}
