import Glibc
import LinuxSystem
import Steering
import SystemPackage
import Tracking
import TrafficControl
import Wire

// Subflows are made to be as they are wanted.

extension ThrottleDesk {
    /// Carries out what leads from how the connection's subflows are to how they are wanted. What can't be done is reported,
    /// and not tried again before `retryFailed`.
    func treat(_ id: ConnectionID, _ connection: Connection?, _ wanted: [FourTuple: Treatment]) {
        // Ports that another connection had before, whose end is yet to be told.
        for tuple in wanted.keys {
            if let other = held[tuple]?.connection, other != id { letGo(tuple) }
        }
        let actual = (members[id] ?? []).reduce(into: [:]) { $0[$1] = held[$1]?.treatment }
        let token = connection.flatMap { $0.isForwarded ? nil : $0.token }
        for (tuple, step) in SubflowStep.steps(from: actual, to: wanted) {
            // Asked for too soon it would be refused again.
            if step.isRequest, retries.isWaiting(tuple) { continue }
            var hold = held[tuple] ?? Hold(connection: id, token: token)
            hold.token = token ?? hold.token
            do {
                try carryOut(step, tuple, connection, &hold)
            } catch {
                fail(step, error, tuple, id, &hold)
            }
            keep(tuple, hold)
        }
        // What was reset needs no step back.
        for tuple in members[id] ?? [] where wanted[tuple] == nil {
            guard var hold = held[tuple] else { continue }
            hold.treatment.refused = nil
            keep(tuple, hold)
        }
    }

    /// Only what the step was about isn't as it is wanted.
    private func fail(
        _ step: SubflowStep, _ error: any Error, _ tuple: FourTuple, _ id: ConnectionID, _ hold: inout Hold
    ) {
        if case SteeringError.refused = error, step.isRequest, retries.add(tuple, id, at: .now) {
            if case .standBy = step { hold.treatment.standby = nil }
            if case .reset = step { hold.treatment.refused = nil }
            return
        }
        report(error, step.rule ?? hold.name ?? "")
    }

    /// Judges those whose time has come.
    func judgeRetries() {
        let deadline = MonotonicTime.now + .milliseconds(5)
        while MonotonicTime.now < deadline, let entry = retries.take(at: .now) {
            judge(entry.id)
            retries.forget(entry.subflow)
        }
    }

    /// It is as it would be without us again.
    private func letGo(_ tuple: FourTuple) {
        guard var hold = held[tuple] else { return }
        for (_, step) in SubflowStep.steps(from: [tuple: hold.treatment], to: [:]) {
            do {
                try carryOut(step, tuple, nil, &hold)
            } catch {
                report(error, hold.name ?? "")
            }
        }
        hold.treatment = .none
        keep(tuple, hold)
    }

    private func carryOut(
        _ step: SubflowStep, _ tuple: FourTuple, _ connection: Connection?, _ hold: inout Hold
    ) throws {
        switch step {
        case .activate:
            let isDone = hold.isStandby
            hold.treatment.standby = nil
            hold.isStandby = false
            if isDone { try setBackup(false, tuple, hold.token) }
        case .leaveClass:
            let number = hold.number
            hold.treatment.shaping = nil
            hold.number = nil
            if let number { try leave(tuple, number) }
        case .joinClass(let shaping):
            hold.treatment.shaping = shaping
            let key = ClassKey(shaping.rule, shaping.interface, shaping.sharing, tuple)
            hold.number = try join(tuple, key, ratesNow(shaping))
            count(shaping.rule)
            if shaping.rates.download != nil, let connection, !connection.isForwarded, paths.isOn(shaping.rule) {
                newlyHeld.insert(connection.tuple)
            }
        case .standBy(let rule):
            let isDone = hold.isStandby
            hold.treatment.standby = rule
            if !isDone { try setBackup(true, tuple, hold.token) }
            hold.isStandby = true
            count(rule)
        case .reset(let rule):
            hold.treatment.refused = rule
            try reset(tuple, hold.token)
            count(rule)
        }
        log.debug("\(tuple.client) > \(tuple.server): \(step)")
    }

    private func count(_ rule: String) { tallies[rule, default: Tally()].matched += 1 }

    private func keep(_ tuple: FourTuple, _ hold: Hold) {
        names[tuple] = hold.name
        if hold.treatment == .none {
            held[tuple] = nil
            members[hold.connection]?.remove(tuple)
            if members[hold.connection]?.isEmpty == true { members[hold.connection] = nil }
        } else {
            held[tuple] = hold
            members[hold.connection, default: []].insert(tuple)
        }
    }

    /// What could not be done may be possible now.
    ///
    /// - Parameter all: also what the path manager refused, which changes only with the rules.
    func retryFailed(all: Bool = false) {
        let failed = held.filter { $0.value.lacksClass || all && $0.value.lacksStandby }
        for (tuple, hold) in failed {
            var known = hold
            if known.number == nil { known.treatment.shaping = nil }
            if !known.isStandby { known.treatment.standby = nil }
            keep(tuple, known)
        }
        for id in Set(failed.values.map(\.connection)) { judge(id) }
    }

    /// Taking it back from a connection that is gone is no error.
    private func setBackup(_ isBackup: Bool, _ tuple: FourTuple, _ token: Token?) throws {
        guard let token else { throw SteeringError.forwarded }
        guard pathManager != nil else { throw SteeringError.noPathManager }
        let errno = try pathManager!.setBackup(
            isBackup, token: token.rawValue, local: tuple.server, remote: tuple.client)
        if let errno, isBackup { throw SteeringError.refused(errno) }
        if errno == nil { repeats.add(.init(subflow: tuple, token: token, isBackup: isBackup), at: .now) }
    }

    /// Sends what is due a second time. A connection that is gone by now needs it no longer.
    func repeatRequests() {
        let now = MonotonicTime.now
        let deadline = now + .milliseconds(5)
        while MonotonicTime.now < deadline, let request = repeats.take(at: now) {
            _ = try? pathManager?.setBackup(
                request.isBackup, token: request.token.rawValue, local: request.subflow.server,
                remote: request.subflow.client)
        }
    }

    private func reset(_ tuple: FourTuple, _ token: Token?) throws {
        guard let token else { throw SteeringError.forwarded }
        guard pathManager != nil else { throw SteeringError.noPathManager }
        let errno = try pathManager!.reset(token: token.rawValue, local: tuple.server, remote: tuple.client)
        if let errno { throw SteeringError.refused(errno) }
    }

    /// Everything is as it was, what waits in classes sent on, as far as that takes no longer than a second.
    func releaseAll() {
        rules = []
        for id in Array(members.keys) { treat(id, nil, [:]) }
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

extension SubflowStep {
    /// Is it asked of the kernel's path manager?
    fileprivate var isRequest: Bool {
        switch self {
        case .standBy, .reset: true
        case .activate, .leaveClass, .joinClass: false
        }
    }

    /// The rule that it is done for; nil where something ends.
    fileprivate var rule: String? {
        switch self {
        case .activate, .leaveClass: nil
        case .joinClass(let shaping): shaping.rule
        case .standBy(let rule), .reset(let rule): rule
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
            "the kernel doesn't change the subflow (\(errno)): connections opened before the rule was there are left to "
                + "its own path manager; the rule holds those that are opened from now on"
        }
    }
}
