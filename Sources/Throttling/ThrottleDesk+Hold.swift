import Glibc
import LinuxSystem
import Steering
import SystemPackage
import Tracking
import TrafficControl
import Wire

// The ways into a rule's hands and out of them.

extension ThrottleDesk {
    func hold(
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
