import LinuxSystem
import Steering
import Tracking
import TrafficControl

// Paths are looked at, and what is decided about them is carried out.

extension ThrottleDesk {
    /// One turn: every path is read once, every rule decides once. What follows for connections waits for `judgeWaiting`.
    func steer() {
        let start = MonotonicTime.now
        let outcome = paths.turn(
            rules, weighed: weighed(at: start.nanoseconds), on: CalendarDay(WallClock.today), at: start.nanoseconds)
        tell(outcome.news)
        planner.steering = paths.steering
        planner.suspended = paths.suspended
        for name in outcome.throttles { turn(name) }
        for name in outcome.limits { followLimits(name) }
        if !outcome.paths.isEmpty {
            // A subflow's neighbours are treated with it, so that one that is given up comes after the one that takes over.
            waiting.formUnion(paths.connections(on: outcome.paths))
        }
        waiting.formUnion(outcome.spared)
        for id in outcome.connections { judge(id) }
        longestTurn = max(longestTurn, MonotonicTime.now.nanoseconds(since: start))
    }

    /// Judges some of the connections that wait: packets wait for none of this, but other messages would.
    func judgeWaiting() {
        let deadline = MonotonicTime.now + .milliseconds(5)
        while let id = waiting.popFirst() {
            judge(id)
            if MonotonicTime.now >= deadline { break }
        }
    }

    /// Bits per second that the rules with weights carry on their paths.
    private func weighed(at now: UInt64) -> [String: [String: PathRates<Double>]] {
        var rates: [String: [String: PathRates<Double>]] = [:]
        for rule in steers {
            guard case .loadBalancing = rule.mode else { continue }
            for path in planner.paths where rule.paths.contains(path.name) {
                guard case .interface(let interface) = path.selector,
                    let number = classes.number(of: ClassKey(rule.name, interface))
                else { continue }
                let bytes = { (direction: ShapingDirection) in
                    self.counters(Ports.Place(interface: interface, direction: direction))[number]?.bytes ?? 0
                }
                rates[rule.name, default: [:]][path.name] = meters.rate(
                    rule.name, path.name, PathRates(download: bytes(.download), upload: bytes(.upload)), at: now)
            }
        }
        return rates
    }

    /// A conditional throttle is on, or off: its classes get the rates that follow, or its subflows are asked to be
    /// backups, or no longer.
    private func turn(_ name: String) {
        guard let rule = rules.first(where: { $0.name == name }) else { return }
        guard let rates = rule.rates else {
            waiting.formUnion(paths.isOn(name) ? watch.allForFollower().map(\.0) : Array(members.keys))
            return
        }
        for (number, entry) in classes.entries where entry.key.rule == name && entry.retiredAt == nil {
            do {
                try setRates(number, effective(rates, of: name))
            } catch {
                report(error, name)
            }
        }
        guard rates.download != nil, paths.isOn(name) else { return }
        for hold in held.values where hold.treatment.shaping?.rule == name && hold.token != nil {
            if let connection = watch.connection(hold.connection) { newlyHeld.insert(connection.tuple) }
        }
    }

    /// The classes of a rule with weights get its limits.
    private func followLimits(_ name: String) {
        guard let steering = planner.steering.first(where: { $0.rule.name == name }) else { return }
        for (number, entry) in classes.entries where entry.key.rule == name && entry.retiredAt == nil {
            let path = planner.paths.first { path in
                steering.rule.paths.contains(path.name) && path.selector == .interface(entry.key.interface)
            }
            guard let path, let rates = steering.rates(of: path.name) else { continue }
            do {
                try setRates(number, rates)
            } catch {
                report(error, name)
            }
        }
    }

    /// Of a new class.
    func ratesNow(_ shaping: Treatment.Shaping) -> ThrottleRule.Rates { effective(shaping.rates, of: shaping.rule) }

    /// A rule that isn't on has its classes all the same, without a limit, so that turning it on changes nothing but rates.
    func effective(_ rates: ThrottleRule.Rates, of rule: String) -> ThrottleRule.Rates {
        guard !paths.isOn(rule) else { return rates }
        return ThrottleRule.Rates(
            download: rates.download.map { _ in PathRole.unlimited },
            upload: rates.upload.map { _ in PathRole.unlimited })
    }

    func steeringStatus() -> SteeringStatus {
        SteeringStatus(
            paths: paths.status(on: CalendarDay(WallClock.today)), rules: steers, decisions: paths.decisions,
            counts: paths.counts,
            longestTurn: longestTurn)
    }
}
