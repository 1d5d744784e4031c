/// Decides for one rule which of its paths are used. Samples in, roles out; time is passed in, in nanoseconds.
///
/// A role that has changed stands for the rule's hold time, unless a path stops working: so there are no more switches
/// than one in that time, whatever the samples say.
public struct SteerController: Sendable {
    public let rule: SteerRule
    /// Of each path that the rule names.
    public private(set) var roles: [String: PathRole]
    /// Paths that are to be tried for a moment, because nothing is known of them while nobody uses them.
    public private(set) var probed: Set<String> = []
    /// Paths that are neither down nor unfit, for this rule.
    public private(set) var fit: Set<String>
    private var limits: [String: LimitWatch] = [:]
    private(set) var lastSwitch: UInt64?
    private var calmSince: UInt64?
    private var better: [String: Persistence] = [:]
    private var probing = ProbeSchedule()
    private var balance = RateBalance()

    public init(_ rule: SteerRule) {
        self.rule = rule
        roles = [:]
        fit = Set(rule.paths)
        for path in rule.paths { roles[path] = PathRole(.active) }
        switch rule.mode {
        case .activeStandby(_, let standby, let noStandby): roles[standby] = PathRole(noStandby ? .refused : .standby)
        case .priorityBased(_, let low): roles[low] = PathRole(.standby)
        case .loadBalancing(let weights):
            for (path, weight) in weights where weight == 0 { roles[path] = PathRole(.standby) }
        case .smallestDelay: break
        }
    }

    /// As another one has left off.
    mutating func goOn(_ uses: [String: PathRole.Use], lastSwitch: UInt64?) {
        for (path, use) in uses { roles[path]?.use = use }
        self.lastSwitch = lastSwitch
    }

    /// - Parameters:
    ///   - paths: how they fare, by their names; all that the rule names.
    ///   - weighed: bits per second that the rule's own traffic has on them, of a rule with weights; where that isn't known
    ///     it is taken to be all of the box's.
    /// - Returns: what has changed, in the order of the paths' names.
    public mutating func decide(
        _ paths: [String: PathCondition], weighed: [String: PathRates<Double>] = [:], at now: UInt64
    ) -> [SteerDecision] {
        var conditions: [String: PathCondition] = [:]
        for name in rule.paths {
            guard var condition = paths[name] else { return [] }
            // What is held against a path whose subflows are reset could never be found out to be no longer so.
            if roles[name]?.use == .refused { limits[name] = nil }
            let fault = limits[name, default: LimitWatch()].note(condition.figures, rule.limits, at: now)
            if let fault, condition.works, condition.state != .unfit {
                condition.state = .unfit
                condition.fault = fault
            }
            conditions[name] = condition
        }
        fit = Set(conditions.filter { $0.value.works && $0.value.state != .unfit }.keys)
        probed = probing.turn(of: unknown(conditions), every: rule.limits.minHold, at: now)
        switch rule.mode {
        case .activeStandby(let active, let standby, let noStandby):
            return activeStandby(active, standby, noStandby ? .refused : .standby, conditions, at: now)
        case .priorityBased(let high, let low): return priorityBased(high, low, conditions, at: now)
        case .smallestDelay(let names, let margin): return smallestDelay(names, margin, conditions, at: now)
        case .loadBalancing(let weights): return loadBalancing(weights, conditions, weighed, at: now)
        }
    }

    /// Paths that nobody uses and whose round trip or loss would make a difference.
    private func unknown(_ paths: [String: PathCondition]) -> Set<String> {
        let idle = paths.filter { name, path in
            guard roles[name]?.use == .standby, path.works else { return false }
            if case .smallestDelay = rule.mode { return true }
            switch path.fault {
            case .roundTripTime, .loss: return true
            default: return false
            }
        }
        return Set(idle.keys)
    }

    private func isHeld(at now: UInt64) -> Bool { lastSwitch.map { now - $0 < rule.limits.minHold } ?? false }

    /// How long it has to be calm before a path is given up again.
    private var calmTime: UInt64 { min(rule.limits.minHold, 1_500_000_000) }

    private mutating func isCalm(_ isCalm: Bool, at now: UInt64) -> Bool {
        guard isCalm else {
            calmSince = nil
            return false
        }
        let since = calmSince ?? now
        calmSince = since
        return now - since >= calmTime
    }

    private mutating func set(
        _ uses: [String: PathRole.Use], _ reason: String, at now: UInt64
    ) -> [SteerDecision] {
        let changed = uses.filter { roles[$0.key]?.use != $0.value }
        guard !changed.isEmpty else { return [] }
        lastSwitch = now
        calmSince = nil
        for (path, use) in changed { roles[path]?.use = use }
        return changed.sorted { $0.key < $1.key }.map { path, use in
            SteerDecision(
                time: now, rule: rule.name, path: path, effect: SteerDecision.Effect(use), reason: reason)
        }
    }

    // MARK: active-standby

    private mutating func activeStandby(
        _ active: String, _ standby: String, _ rest: PathRole.Use, _ paths: [String: PathCondition], at now: UInt64
    ) -> [SteerDecision] {
        guard let first = paths[active], let second = paths[standby] else { return [] }
        // Congestion is no reason: what a full path can't take waits.
        let serves = { (path: PathCondition) in path.state == .fit || path.state == .congested }
        if roles[active]?.use == .active {
            guard !serves(first), second.works, serves(second) || !first.works else { return [] }
            guard !first.works || !isHeld(at: now) else { return [] }
            return set([active: .standby, standby: .active], "\(active): \(text(first))", at: now)
        }
        if !second.works, first.works {
            return set([active: .active, standby: rest], "\(standby): \(text(second))", at: now)
        }
        guard isCalm(serves(first), at: now), !isHeld(at: now) else { return [] }
        return set([active: .active, standby: rest], "\(active) works again", at: now)
    }

    // MARK: priority-based

    private mutating func priorityBased(
        _ high: String, _ low: String, _ paths: [String: PathCondition], at now: UInt64
    ) -> [SteerDecision] {
        guard let first = paths[high], let second = paths[low] else { return [] }
        if roles[low]?.use == .standby {
            guard first.state != .fit else { return [] }
            // A low path that mustn't be used is worth it only when the high one carries nothing.
            guard second.works, second.state != .unfit || !first.works else { return [] }
            guard !first.works || !isHeld(at: now) else { return [] }
            let use: PathRole.Use = first.works && !isSpent(first) ? .active : .standby
            return set([high: use, low: .active], "\(high): \(text(first))", at: now)
        }
        // Without the low one the high one has to do, however it fares.
        if first.works, !second.works || second.state == .unfit && !isHeld(at: now) {
            return set([high: .active, low: .standby], "\(low): \(text(second))", at: now)
        }
        if roles[high]?.use == .active, second.works, !first.works || isSpent(first) && !isHeld(at: now) {
            return set([high: .standby], "\(high): \(text(first))", at: now)
        }
        if roles[high]?.use == .standby, first.works {
            // It is back; whether it is enough is seen once it is used.
            guard isCalm(first.state != .unfit, at: now), !isHeld(at: now) else { return [] }
            return set([high: .active], "\(high) works again", at: now)
        }
        // A path that is full although it carries little needs the low one, too.
        let demand = demand(first, second)
        guard isCalm(first.state == .fit && fits(demand, first), at: now), !isHeld(at: now) else { return [] }
        return set([low: .standby], "\(high) has room for all: \(rates(demand))", at: now)
    }

    /// Has it carried what it may? Then it isn't only helped, but left.
    private func isSpent(_ path: PathCondition) -> Bool { if case .capUsed = path.fault { true } else { false } }

    /// What the high path would carry if the low one were closed.
    private func demand(_ high: PathCondition, _ low: PathCondition) -> PathRates<Double> {
        high.figures.total + low.figures.own
    }

    private func fits(_ demand: PathRates<Double>, _ path: PathCondition) -> Bool {
        PathDirection.allCases.allSatisfy { direction in
            guard let capacity = path.figures.capacity[direction] else {
                // Nobody knows what it can carry: it has room as long as it isn't full.
                return path.state == .fit
            }
            return demand[direction] < PathMonitor.Threshold.calmUse * capacity
        }
    }

    private func rates(_ rates: PathRates<Double>) -> String {
        "download \(megabits(rates.download)), upload \(megabits(rates.upload))"
    }

    // MARK: smallest-delay

    private mutating func smallestDelay(
        _ names: [String], _ margin: Double, _ paths: [String: PathCondition], at now: UInt64
    ) -> [SteerDecision] {
        let usable = usable(names, paths)
        let known = usable.compactMap { name in
            paths[name]?.figures.roundTripTime.map { (name: name, time: $0) }
        }
        // What was about to change has to begin anew once the path is known again.
        for name in names where !known.contains(where: { $0.name == name }) {
            better[name]?.note(isOver: false, isUnder: false, at: now, raise: 0, clear: 0)
        }
        // Paths that don't work are left at once, if there is another one.
        let broken = names.filter { roles[$0]?.use == .active && !usable.contains($0) }
        if !broken.isEmpty, !usable.isEmpty {
            guard broken.contains(where: { paths[$0]?.works == false }) || !isHeld(at: now) else { return [] }
            var uses: [String: PathRole.Use] = [:]
            for name in broken { uses[name] = .standby }
            if names.allSatisfy({ roles[$0]?.use != .active || broken.contains($0) }) {
                for name in usable { uses[name] = .active }
            }
            return set(uses, broken.map { "\($0): \(paths[$0].map(text) ?? "")" }.joined(separator: "; "), at: now)
        }
        guard let best = known.min(by: { $0.time < $1.time }) else { return [] }
        for (name, time) in known {
            let isWorse = time > best.time + margin
            // What is to come back must be better by half of the margin, so that two equal paths don't take turns.
            let isGood = time <= best.time + margin / 2
            let isActive = roles[name]?.use == .active
            better[name, default: Persistence()].note(
                isOver: isWorse, isUnder: isGood, at: now, raise: Self.delayTime, clear: isActive ? Self.delayTime : 0)
        }
        let quick = known.map(\.name).filter { better[$0]?.isRaised != true }
        let leastCost = quick.compactMap { paths[$0]?.cost }.min() ?? 0
        var uses: [String: PathRole.Use] = [:]
        var reasons: [String] = []
        for (name, time) in known {
            let isDear = quick.contains(name) && paths[name].map { $0.cost > leastCost } ?? false
            let use: PathRole.Use = quick.contains(name) && !isDear ? .active : .standby
            guard use != roles[name]?.use else { continue }
            uses[name] = use
            let times = "\(name) \(milliseconds(time)), \(best.name) \(milliseconds(best.time))"
            reasons.append(isDear ? "\(times), which costs less" : times)
        }
        guard !uses.isEmpty, !isHeld(at: now) else { return [] }
        // Never without any.
        guard names.contains(where: { (uses[$0] ?? roles[$0]?.use) == .active }) else { return [] }
        return set(uses, reasons.joined(separator: "; "), at: now)
    }

    /// Those that are as good as the rule asks for; if there are none, those that work.
    private func usable(_ names: [String], _ paths: [String: PathCondition]) -> [String] {
        let working = names.filter { paths[$0]?.works == true }
        let fit = working.filter { paths[$0]?.state != .unfit }
        return fit.isEmpty ? working : fit
    }

    private static let delayTime: UInt64 = 300_000_000

    // MARK: load-balancing

    private mutating func loadBalancing(
        _ weights: [String: Int], _ paths: [String: PathCondition], _ weighed: [String: PathRates<Double>],
        at now: UInt64
    ) -> [SteerDecision] {
        var uses: [String: PathRole.Use] = [:]
        var reasons: [String] = []
        let names = weights.keys.sorted()
        // A weight of 0 is a path for the time when no other works.
        let fit = names.filter { weights[$0] != 0 && paths[$0]?.works == true && paths[$0]?.state != .unfit }
        let chosen = fit.isEmpty ? usable(names, paths) : fit
        let isStranded = !names.contains { roles[$0]?.use == .active && paths[$0]?.works == true }
        for name in names where !chosen.isEmpty {
            let use: PathRole.Use = chosen.contains(name) ? .active : .standby
            guard use != roles[name]?.use else { continue }
            let isUrgent = isStranded || use == .standby && paths[name]?.works == false
            guard isUrgent || !isHeld(at: now) else { continue }
            uses[name] = use
            reasons.append("\(name): \(paths[name].map(text) ?? "")")
        }
        let decisions = set(uses, reasons.sorted().joined(separator: "; "), at: now)
        // By a path without subflows nothing can go: in proportion to it the others would have nothing either.
        let active = weights.filter {
            roles[$0.key]?.use == .active && $0.value > 0 && (paths[$0.key]?.figures.subflows ?? 0) > 0
        }
        let rates = weighed.isEmpty ? paths.mapValues(\.figures.own) : weighed
        let limits = balance.limits(active, rates, at: now)
        for name in weights.keys { roles[name]?.limit = limits[name] ?? PathRates(download: nil, upload: nil) }
        return decisions
    }

    private func text(_ path: PathCondition) -> String { path.fault.map { "\($0)" } ?? path.state.rawValue }
}
