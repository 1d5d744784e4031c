import LinuxSystem
import Steering
import Tracking
import Wire

/// What is known of the paths, and what is decided about them. Belongs to the throttle thread.
struct PathDesk: ~Copyable {
    /// What a turn has changed.
    struct Outcome {
        /// Paths whose subflows are to be treated in another way.
        var paths: Set<String> = []
        /// Connections of which a subflow begins or ends to try its path.
        var connections: Set<ConnectionID> = []
        /// Throttles that have been turned on or off.
        var throttles: Set<String> = []
        /// Steering rules whose limits are others.
        var limits: Set<String> = []
        /// Connections of clients that have used up a volume, for which other paths are fit now, or which have one again.
        var spared: Set<ConnectionID> = []
        /// In words, for the log.
        var news: [SteerDecision] = []
    }

    private(set) var paths: [Path] = []
    private(set) var controllers: [SteerController] = []
    private(set) var gates: [String: ThrottleGate] = [:]
    private(set) var ledger: VolumeLedger
    private(set) var decisions: [SteerDecision] = []
    private(set) var counts: [String: UInt64] = [:]
    private var monitors: [String: PathMonitor] = [:]
    private var sampler: PathSampler
    private var hasOtherPaths = false
    /// The subflows of each rule that try the path that they are on.
    private var probes: [String: Set<FourTuple>] = [:]
    private var limits: [String: [String: PathRates<UInt64?>]] = [:]
    private var clients = ClientCaps()
    private var today = CalendarDay(WallClock.today)
    /// Of the daemon before, for the rules that come first.
    private var memory: SteeringMemory?

    /// Decisions that are kept.
    private static let memory = 256
    /// Subflows of a path that nobody uses that try it.
    private static let probes = 8

    init(_ ledger: VolumeLedger) throws(SystemError) {
        self.ledger = ledger
        sampler = PathSampler(try KernelPaths())
    }

    var hasCaps: Bool { paths.contains { $0.cap != nil || $0.clientCap != nil } }

    /// How often the paths have to be looked at; nil: never.
    var interval: Duration? {
        if paths.isEmpty { return nil }
        return controllers.isEmpty && gates.isEmpty ? .seconds(1) : .milliseconds(100)
    }

    /// Other paths and rules. What stays the same goes on as it is.
    mutating func install(_ paths: [Path], _ steers: [SteerRule], _ throttles: [ThrottleRule], at now: UInt64) {
        let all = paths + implied(by: throttles, paths)
        monitors = Dictionary(
            uniqueKeysWithValues: all.map { path in
                let known = monitors[path.name].flatMap { $0.path == path ? $0 : nil }
                return (path.name, known ?? PathMonitor(path, memory?.capacities[path.name], at: now))
            })
        hasOtherPaths = hasOtherPaths || all != self.paths
        self.paths = all
        clients.install(all)
        clients.refresh(ledger.clients, on: today)
        let known = Dictionary(uniqueKeysWithValues: controllers.map { ($0.rule.name, $0) })
        controllers = steers.map { rule in
            known[rule.name].flatMap { $0.rule == rule ? $0 : nil }
                ?? SteerController(rule, memory?.rules[rule.name])
        }
        // Of a rule that begins anew nobody tries anything.
        let same = Set(controllers.map(\.rule).filter { known[$0.name]?.rule == $0 }.map(\.name))
        var gates: [String: ThrottleGate] = [:]
        for rule in throttles {
            guard let condition = rule.condition else { continue }
            // Of one whose path is gone nobody could say when it is over.
            let known = self.gates[rule.name].flatMap { $0.condition == condition && path(of: rule) != nil ? $0 : nil }
            gates[rule.name] = known ?? ThrottleGate(condition, memory?.gates[rule.name])
        }
        self.gates = gates
        let rules = Set(steers.map(\.name) + throttles.map(\.name))
        counts = counts.filter { rules.contains($0.key) }
        probes = probes.filter { same.contains($0.key) }
        limits = limits.filter { same.contains($0.key) }
    }

    /// What has been installed counts: what belongs to nothing of it is forgotten.
    mutating func commit() {
        if hasOtherPaths { sampler.forgetAll() }
        hasOtherPaths = false
        memory = nil
        ledger.keep(Set(paths.filter { $0.cap != nil }.map(\.name)))
        ledger.clients.keep(Set(clients.caps.keys))
    }

    /// Goes on from the daemon before, with the rules that come next.
    mutating func goOn(from memory: SteeringMemory) {
        ledger = memory.volumes
        clients.goOn(from: memory.counted)
        self.memory = memory
    }

    /// For a daemon that goes on from here.
    func write(to memory: inout SteeringMemory) {
        for controller in controllers { memory.rules[controller.rule.name] = controller.memory }
        memory.gates = gates.mapValues(\.memory)
        memory.capacities = monitors.mapValues(\.memory)
        memory.volumes = ledger
        memory.counted = clients.counted
    }

    /// What `install` changes, to be put back if what follows from it can't be had.
    struct Installation {
        fileprivate let paths: [Path]
        fileprivate let controllers: [SteerController]
        fileprivate let gates: [String: ThrottleGate]
        fileprivate let monitors: [String: PathMonitor]
        fileprivate let counts: [String: UInt64]
        fileprivate let probes: [String: Set<FourTuple>]
        fileprivate let limits: [String: [String: PathRates<UInt64?>]]
    }

    var installation: Installation {
        Installation(
            paths: paths, controllers: controllers, gates: gates, monitors: monitors, counts: counts, probes: probes,
            limits: limits)
    }

    mutating func putBack(_ old: Installation) {
        (paths, controllers, gates, monitors) = (old.paths, old.controllers, old.gates, old.monitors)
        (counts, probes, limits) = (old.counts, old.probes, old.limits)
        hasOtherPaths = false
        clients.install(paths)
        clients.refresh(ledger.clients, on: today)
    }

    /// An interface that a conditional throttle is on, and that no path is declared for.
    private func implied(by throttles: [ThrottleRule], _ paths: [Path]) -> [Path] {
        let declared = Set(paths.compactMap { if case .interface(let name) = $0.selector { name } else { nil } })
        let wanted = throttles.filter { $0.condition != nil && $0.condition?.path == nil }.flatMap(\.interfaces)
        // A name that a path has been given meanwhile is that path's.
        let missing = Set(wanted).subtracting(declared).subtracting(paths.map(\.name))
        return missing.sorted().map { Path(name: $0, selector: .interface($0)) }
    }

    /// The path whose state a conditional throttle follows.
    private func path(of rule: ThrottleRule) -> String? {
        if let name = rule.condition?.path { return paths.contains { $0.name == name } ? name : nil }
        return paths.first { path in
            if case .interface(let name) = path.selector { rule.interfaces.contains(name) } else { false }
        }?.name
    }

    // MARK: subflows

    mutating func note(_ id: ConnectionID, _ subflows: [FourTuple: String]) { sampler.note(id, subflows) }
    mutating func forget(_ id: ConnectionID) {
        sampler.forget(id)
        clients.forget(id)
    }

    /// All connections that have a subflow on any of them.
    var connections: [ConnectionID] { sampler.connections }
    func connections(on paths: Set<String>) -> [ConnectionID] { sampler.connections(on: paths) }

    /// What the rules want of their paths.
    var steering: [Planner.Steering] {
        controllers.map { controller in
            Planner.Steering(
                rule: controller.rule, roles: controller.roles, probes: probes[controller.rule.name] ?? [],
                fit: controller.fit)
        }
    }

    func isOn(_ throttle: String) -> Bool { gates[throttle]?.isOn ?? true }
    /// Throttles that are off until their paths are congested.
    var suspended: Set<String> { Set(gates.filter { !$0.value.isOn }.keys) }

    // MARK: turns

    /// - Parameter weighed: bits per second that the rules with weights carry on their paths.
    mutating func turn(
        _ throttles: [ThrottleRule], weighed: [String: [String: PathRates<Double>]], on day: CalendarDay, at now: UInt64
    ) -> Outcome {
        var conditions: [String: PathCondition] = [:]
        for path in paths {
            let reading = sampler.read(path)
            account(path, reading, on: day)
            let isCapUsed = path.cap.map { ledger.bytes(of: path.name, $0, on: day) >= $0.bytes } ?? false
            monitors[path.name]?.note(reading, isCapUsed: isCapUsed, at: now)
            conditions[path.name] = monitors[path.name]?.condition
        }
        var outcome = Outcome()
        if day != today {
            today = day
            let changed = clients.refresh(ledger.clients, on: day)
            outcome.spared = clients.connections(of: changed)
        }
        for place in controllers.indices {
            decide(place, conditions, weighed[controllers[place].rule.name] ?? [:], &outcome, at: now)
        }
        for rule in throttles {
            guard let name = path(of: rule), let condition = conditions[name], gates[rule.name] != nil else { continue }
            if gates[rule.name]?.decide(condition, at: now) == true {
                outcome.throttles.insert(rule.name)
                remember(
                    SteerDecision(
                        time: now, rule: rule.name, path: name,
                        effect: isOn(rule.name) ? .throttled : .released, reason: gates[rule.name]?.reason ?? ""),
                    &outcome)
            }
        }
        return outcome
    }

    private mutating func decide(
        _ place: Int, _ conditions: [String: PathCondition], _ weighed: [String: PathRates<Double>],
        _ outcome: inout Outcome, at now: UInt64
    ) {
        let (probed, fit) = (controllers[place].probed, controllers[place].fit)
        let new = controllers[place].decide(conditions, weighed: weighed, at: now)
        let name = controllers[place].rule.name
        for decision in new {
            outcome.paths.insert(decision.path)
            remember(decision, &outcome)
        }
        if controllers[place].fit != fit {
            outcome.spared.formUnion(clients.spentConnections(on: controllers[place].rule.paths))
        }
        if controllers[place].probed != probed { probe(controllers[place], &outcome) }
        let limits = controllers[place].roles.mapValues(\.limit)
        if self.limits[name] != limits {
            self.limits[name] = limits
            outcome.limits.insert(name)
        }
    }

    private mutating func probe(_ controller: SteerController, _ outcome: inout Outcome) {
        let new = controller.probed.reduce(into: Set<FourTuple>()) {
            $0.formUnion(sampler.candidates($1, limit: Self.probes))
        }
        let before = probes.updateValue(new, forKey: controller.rule.name) ?? []
        outcome.connections.formUnion(before.symmetricDifference(new).compactMap { sampler.owner(of: $0) })
    }

    private mutating func remember(_ decision: SteerDecision, _ outcome: inout Outcome) {
        outcome.news.append(decision)
        counts[decision.rule, default: 0] += 1
        decisions.append(decision)
        if decisions.count > Self.memory { decisions.removeFirst(decisions.count - Self.memory) }
    }

    private mutating func account(_ path: Path, _ reading: PathReading, on day: CalendarDay) {
        guard let cap = path.cap, reading.isUp else { return }
        let source = if case .interface(let name) = path.selector { name } else { "" }
        ledger.note(
            counter: reading.total.download &+ reading.total.upload, from: source, of: path.name, cap, on: day)
    }

    // MARK: clients

    var hasClientCaps: Bool { !clients.isEmpty }
    var countedConnections: [ConnectionID] { clients.connections }
    func spentPaths(of id: ConnectionID) -> Set<String> { clients.spentPaths(of: id) }
    func clientBytesLeft(_ id: ConnectionID) -> UInt64? { clients.bytesLeft(of: id, ledger.clients, on: today) }

    /// Counts what a connection's subflows have carried.
    ///
    /// - Parameter first: its first subflow, by which steering rules select.
    /// - Returns: what is new for the log, the connections of clients that have just used up a volume, and the paths that
    ///   have no room for a client for the first time.
    mutating func count(
        _ id: ConnectionID, _ subflows: [ClientCaps.Carried], first: FourTuple, at now: UInt64
    ) -> (news: [SteerDecision], connections: Set<ConnectionID>, full: [String]) {
        let (spent, full) = clients.count(id, subflows, &ledger.clients, on: today)
        var outcome = Outcome()
        for use in spent {
            let rules = controllers.map(\.rule).filter { $0.paths.contains(use.path) }
            guard let rule = rules.first(where: { $0.selects(first) }) ?? rules.first, let cap = clients.caps[use.path]
            else { continue }
            let reason = "\(use.client) has used up its volume for this \(cap.period.rawValue)"
            remember(
                SteerDecision(time: now, rule: rule.name, path: use.path, effect: .spent, reason: reason), &outcome)
        }
        return (outcome.news, clients.connections(of: spent), full)
    }

    // MARK: status

    func status(on day: CalendarDay) -> [PathStatus] {
        paths.compactMap { path in
            guard let monitor = monitors[path.name] else { return nil }
            return PathStatus(
                path: path, state: monitor.state, since: monitor.since, fault: monitor.fault.map { "\($0)" },
                figures: monitor.figures, used: path.cap.map { ledger.bytes(of: path.name, $0, on: day) },
                clients: path.clientCap.map { cap in
                    PathStatus.Clients(
                        all: ledger.clients.clients(on: path.name, cap, on: day), cap: cap,
                        uncounted: clients.uncounted[path.name] ?? 0)
                },
                uses: controllers.compactMap { controller in
                    controller.roles[path.name].map { PathStatus.Use(rule: controller.rule.name, role: $0) }
                })
        }
    }
}

extension CalendarDay {
    init(_ date: WallClock.Date) {
        self.init(year: date.year, month: date.month, day: date.day, number: date.number)
    }
}
