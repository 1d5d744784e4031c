import LinuxSystem
import Steering
import TrafficControl
import Wire

// Classes: made when somebody joins them, removed when the last one has left and nothing waits in them any more.

extension ThrottleDesk {
    var isRetiring: Bool { classes.entries.values.contains { $0.retiredAt != nil } }

    /// Returns the class's number.
    func join(_ tuple: FourTuple, _ key: ClassKey, _ rates: ThrottleRule.Rates) throws -> UInt8 {
        let number = try classes.number(of: key) ?? makeClass(key, rates)
        do {
            if rates.upload != nil, let port = ports[key.interface, .upload]?.interface {
                try trafficControl.steer(tuple, port, into: number)
            }
            // A connection that conntrack has no entry for is over, or not tracked at all.
            _ = try conntrack.setMark(of: tuple, mark.value(class: number), mask: mark.classMask)
            classes[number].members.insert(tuple)
            return number
        } catch {
            giveUp(tuple, number)
            throw error
        }
    }

    func leave(_ tuple: FourTuple, _ number: UInt8) throws {
        let isLast = classes[number].members == [tuple] && !isKept(classes[number].key)
        // What waits goes out first, so that what comes doesn't overtake it.
        if isLast { retire(number) }
        classes[number].members.remove(tuple)
        // Each of the two, whatever becomes of the other.
        let isCleared = Result { try conntrack.setMark(of: tuple, 0, mask: mark.classMask) }
        try unsteer(tuple, number)
        _ = try isCleared.get()
    }

    private func unsteer(_ tuple: FourTuple, _ number: UInt8) throws {
        guard let port = ports[classes[number].key.interface, .upload]?.interface else { return }
        // One that isn't steered needs no release.
        try trafficControl.release(tuple, port)
    }

    /// A subflow that could not join after all.
    private func giveUp(_ tuple: FourTuple, _ number: UInt8) {
        try? unsteer(tuple, number)
        if classes[number].members.isEmpty, !isKept(classes[number].key) { retire(number) }
    }

    /// The class that all of a rule share stays as long as the rule does.
    func isKept(_ key: ClassKey) -> Bool {
        guard key.isShared else { return false }
        if let rule = steers.first(where: { $0.name == key.rule }), case .loadBalancing = rule.mode {
            return planner.paths.contains {
                rule.paths.contains($0.name) && $0.selector == .interface(key.interface)
            }
        }
        return rules.contains { rule in
            guard case .shape(_, .all) = rule.action else { return false }
            return rule.name == key.rule && rule.interfaces.contains(key.interface)
        }
    }

    func makeClass(_ key: ClassKey, _ rates: ThrottleRule.Rates) throws -> UInt8 {
        guard let number = classes.add(key, rates) else { throw ClassError.noNumber }
        do {
            try shape(number)
            return number
        } catch {
            retire(number)
            throw error
        }
    }

    /// Makes the kernel's classes be as the table says, wherever the interface is.
    func shape(_ number: UInt8) throws {
        let entry = classes[number]
        for direction in ShapingDirection.allCases {
            guard let port = ports[entry.key.interface, direction]?.interface else { continue }
            // Where a rate is taken away the class stays, for what waits in it and for packets with its mark.
            guard entry.rates[direction] != nil || entry.places.contains(direction) else { continue }
            try trafficControl.setClass(number, port, direction, rate: entry.rates[direction])
            classes[number].places.insert(direction)
        }
    }

    /// Other rates for a class that has members. Throws with the class as it was, as far as the kernel lets it.
    func setRates(_ number: UInt8, _ rates: ThrottleRule.Rates) throws {
        let before = classes[number].rates
        guard rates != before else { return }
        do {
            try exchangeRates(number, before, rates)
        } catch {
            try? exchangeRates(number, rates, before)
            classes[number].rates = before
            throw error
        }
    }

    private func exchangeRates(_ number: UInt8, _ old: ThrottleRule.Rates, _ new: ThrottleRule.Rates) throws {
        let port = ports[classes[number].key.interface, .upload]?.interface
        if old.upload != nil, new.upload == nil, let port {
            for tuple in classes[number].members { try trafficControl.release(tuple, port) }
        }
        classes[number].rates = new
        try shape(number)
        if old.upload == nil, new.upload != nil, let port {
            for tuple in classes[number].members { try trafficControl.steer(tuple, port, into: number) }
        }
    }

    /// Nobody joins it any more, and what waits in it goes out.
    func retire(_ number: UInt8) {
        let entry = classes[number]
        for direction in entry.places {
            guard let port = ports[entry.key.interface, direction]?.interface else { continue }
            try? trafficControl.setClass(number, port, direction, rate: nil)
        }
        classes.retire(number, at: MonotonicTime.now.nanoseconds)
    }

    /// Of those that were given up, the ones in which nothing waits any more.
    func removeIdleClasses(at now: MonotonicTime) {
        var isRoomier = false
        for (number, entry) in classes.entries {
            guard let retiredAt = entry.retiredAt, entry.members.isEmpty else { continue }
            let age = now.nanoseconds &- retiredAt
            guard age >= Self.lateness else { continue }
            // Also so that what it has carried until its end is counted.
            let backlog = counters(of: number, entry).reduce(0) { $0 + $1.backlog }
            guard age >= Self.patience || backlog == 0 else { continue }
            for direction in entry.places {
                guard let port = ports[entry.key.interface, direction]?.interface else { continue }
                do {
                    try trafficControl.removeClass(number, port, direction)
                } catch {
                    report(error, entry.key.rule)
                }
                sums.forget(number, direction)
            }
            samples.forget(number)
            classes.remove(number)
            isRoomier = true
        }
        removeIdlePorts()
        if isRoomier { retryFailed() }
    }

    /// Packets that have been classified and are not queued yet: nanoseconds that any of them takes.
    private static let lateness: UInt64 = 20_000_000
    /// What waits for longer has a queue that doesn't move at all.
    private static let patience: UInt64 = 5_000_000_000

    /// Wherever it is.
    private func counters(of number: UInt8, _ entry: ClassTable.Entry) -> [ClassCounters] {
        entry.places.compactMap { direction in
            counters(Ports.Place(interface: entry.key.interface, direction: direction))[number]
        }
    }
}

enum ClassError: Error, CustomStringConvertible {
    case noNumber

    var description: String {
        "all 255 classes are taken; share rates by per = \"class\" or per = \"client\", or let the rule hold fewer subflows"
    }
}
