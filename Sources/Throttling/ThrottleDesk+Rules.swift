import LinuxSystem
import SharedTracking
import Steering
import TrafficControl

// Rules are exchanged whole: first the qdiscs they need, then the classes that change, then every connection is judged
// anew, then the qdiscs that nobody needs any more go.

extension ThrottleDesk {
    func make(_ change: RuleChange) throws {
        var book = book
        try book.make(change)
        var (paths, steers) = (declaredPaths, self.steers)
        if case .file(let rules) = change { (paths, steers) = (rules.paths, rules.steers) }
        // One that was added at run time: they would share classes.
        if let twin = book.rules.first(where: { rule in steers.contains { $0.name == rule.name } }) {
            throw RuleRefusal.taken(twin.name)
        }
        try apply(book.rules, paths, steers)
        self.book = book
    }

    private func apply(
        _ new: [ThrottleRule], _ newPaths: [Path], _ newSteers: [SteerRule]
    ) throws(TrafficControlError) {
        let (old, oldPaths, oldSteers, oldInstallation) = (rules, declaredPaths, steers, paths.installation)
        do throws(TrafficControlError) {
            try preparePorts(Self.places(new, newPaths, newSteers))
            try install(new, newPaths, newSteers)
        } catch {
            // What it was is known to work.
            try? install(old, oldPaths, oldSteers)
            paths.putBack(oldInstallation)
            planner.steering = paths.steering
            planner.suspended = paths.suspended
            retireIdleClasses()
            removeIdlePorts()
            throw error
        }
        paths.commit()
        let names = Set(new.map(\.name) + newSteers.map(\.name))
        tallies = tallies.filter { name, _ in names.contains(name) }
        sums.keep(names)
        meters.keep(names)
        watch.follow(new.isEmpty && paths.interval == nil && !offloads ? nil : follower(new))
        minute = WallClock.minuteOfDay
        waiting = []
        retryFailed(all: true)
        judgeAll()
        retireIdleClasses()
    }

    /// Once and for all: connections that were opened since need somebody who lets their clients join.
    func prepareSteering() throws {
        if pathManager == nil { pathManager = try UserspacePathManager() }
    }

    private func retireIdleClasses() {
        for (number, entry) in classes.entries where entry.members.isEmpty && entry.retiredAt == nil {
            if !isKept(entry.key) { retire(number) }
        }
    }

    /// Connections with fewer subflows than any rule asks for are nobody's concern.
    private func follower(_ rules: [ThrottleRule]) -> ConnectionWatch.Follower {
        let wantsAll = offloads || paths.interval != nil || rules.contains { $0.quota?.owner == .client }
        let subflows = wantsAll ? 1 : rules.map(\.minSubflows).min() ?? 1
        return ConnectionWatch.Follower(subflows: subflows) { [mailbox] in mailbox.post(.changed($0)) }
    }

    /// The classes as the rules want them, without a change of who is in which.
    private func install(
        _ new: [ThrottleRule], _ newPaths: [Path], _ newSteers: [SteerRule]
    ) throws(TrafficControlError) {
        rules = new
        declaredPaths = newPaths
        steers = newSteers
        paths.install(newPaths, newSteers, new, at: MonotonicTime.now.nanoseconds)
        planner = Planner(
            throttles: new, paths: paths.paths, steering: paths.steering, suspended: paths.suspended)
        for rule in new {
            guard case .shape(let given, let sharing) = rule.action else { continue }
            let rates = effective(given, of: rule.name)
            for (number, entry) in classes.entries where entry.key.rule == rule.name && entry.retiredAt == nil {
                try asRefusal(rule) { try setRates(number, rates) }
            }
            guard sharing == .all else { continue }
            for interface in rule.interfaces.sorted() where classes.number(of: ClassKey(rule.name, interface)) == nil {
                try asRefusal(rule) { _ = try makeClass(ClassKey(rule.name, interface), rates) }
            }
        }
    }

    private func asRefusal(_ rule: ThrottleRule, _ body: () throws -> Void) throws(TrafficControlError) {
        do {
            try body()
        } catch let error as TrafficControlError {
            throw TrafficControlError("throttle \(rule.name): \(error.problem)", mend: error.mend)
        } catch {
            throw TrafficControlError("throttle \(rule.name): \(error)", mend: "")
        }
    }

    // MARK: interfaces

    /// Makes sure of every qdisc that the rules need, before anything is changed: one that can't be had refuses them all.
    private func preparePorts(_ wanted: [Ports.Place: Ports.Port]) throws(TrafficControlError) {
        for (place, port) in wanted {
            guard let interface = Self.find(place.interface) else { continue }
            if let obstacle = trafficControl.obstacle(interface, place.direction, takeOver: port.takeOver) {
                throw obstacle
            }
        }
        for (place, port) in wanted {
            ports.places[place, default: port].takeOver = port.takeOver
            guard ports.places[place]?.interface == nil, let interface = Self.find(place.interface) else { continue }
            try trafficControl.attach(interface, place.direction, takeOver: port.takeOver)
            ports.places[place]?.interface = interface
            ports.places[place]?.obstacle = nil
        }
    }

    /// Where qdiscs are needed: for throttles, and for steering rules that keep weights.
    private static func places(
        _ rules: [ThrottleRule], _ paths: [Path], _ steers: [SteerRule]
    ) -> [Ports.Place: Ports.Port] {
        var places: [Ports.Place: Ports.Port] = [:]
        func add(_ interface: String, _ direction: ShapingDirection, takeOver: Bool) {
            let place = Ports.Place(interface: interface, direction: direction)
            places[place, default: Ports.Port(takeOver: false, obstacle: "there is no \(interface)")].takeOver =
                takeOver || places[place]?.takeOver == true
        }
        for rule in rules {
            for (interface, direction) in rule.places { add(interface, direction, takeOver: rule.takeOver) }
        }
        for case .loadBalancing(let weights) in steers.map(\.mode) {
            for path in paths where weights[path.name] != nil {
                guard case .interface(let interface) = path.selector else { continue }
                for direction in ShapingDirection.allCases { add(interface, direction, takeOver: false) }
            }
        }
        return places
    }

    static func find(_ name: String) -> ShapedInterface? {
        NetworkInterface.index(name).map { ShapedInterface(index: $0, name: name) }
    }

    /// Takes our qdiscs off the interfaces that no rule names and no class is left on.
    func removeIdlePorts() {
        let wanted = Self.places(rules, planner.paths, steers)
        for (place, port) in ports.places where wanted[place] == nil {
            let isUsed = classes.entries.values.contains {
                $0.key.interface == place.interface && $0.places.contains(place.direction)
            }
            guard !isUsed else { continue }
            if let interface = port.interface {
                do throws(TrafficControlError) {
                    try trafficControl.detach(interface, place.direction)
                } catch {
                    log.error("\(error)")
                }
            }
            ports.places[place] = nil
        }
    }

    /// Notices interfaces that have gone, come, or lost our qdisc, and puts back what belongs there.
    func restorePorts() {
        for (place, port) in ports.places {
            let now = Self.find(place.interface)
            if let interface = port.interface, now == interface,
                trafficControl.isAttached(interface, place.direction)
            {
                continue
            }
            // One that has another index now: what belongs to the old one would never be asked for again.
            if let old = port.interface, old != now { try? trafficControl.detach(old, place.direction) }
            ports.places[place]?.interface = nil
            forgetClasses(place)
            guard let now else {
                note("there is no \(place.interface)", place)
                continue
            }
            do {
                try trafficControl.attach(now, place.direction, takeOver: port.takeOver)
                ports.places[place]?.interface = now
                try restoreClasses(place, now)
                restored()
                note(nil, place)
                retryFailed()
            } catch {
                // Again at the next look: what stands already is no obstacle.
                ports.places[place]?.interface = nil
                note("\(error)", place)
            }
        }
    }

    /// The kernel has lost them with the qdisc.
    private func forgetClasses(_ place: Ports.Place) {
        for (number, entry) in classes.entries where entry.key.interface == place.interface {
            classes[number].places.remove(place.direction)
            samples.forget(number)
            sums.forget(number, place.direction)
        }
    }

    private func restoreClasses(_ place: Ports.Place, _ interface: ShapedInterface) throws {
        for (number, entry) in classes.entries where entry.key.interface == place.interface && entry.retiredAt == nil {
            try shape(number)
            guard place.direction == .upload, entry.rates.upload != nil else { continue }
            for tuple in entry.members { try trafficControl.steer(tuple, interface, into: number) }
        }
    }

    private func note(_ obstacle: String?, _ place: Ports.Place) {
        guard ports.places[place]?.obstacle != obstacle else { return }
        ports.places[place]?.obstacle = obstacle
        log.notice("throttles on \(place.interface): \(obstacle ?? "in place again")")
    }
}

extension ThrottleRule {
    /// The interfaces that it shapes, and in which directions.
    var places: [(interface: String, direction: ShapingDirection)] {
        guard let rates else { return [] }
        return interfaces.sorted().flatMap { interface in
            ShapingDirection.allCases.filter { rates[$0] != nil }.map { (interface, $0) }
        }
    }
}
