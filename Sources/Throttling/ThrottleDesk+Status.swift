import LinuxSystem
import Steering
import TrafficControl

// What is told of the rules.

extension ThrottleDesk {
    func status() -> [ThrottleStatus] {
        var counters: [Ports.Place: [UInt8: ClassCounters]] = [:]
        for place in ports.places.keys { counters[place] = self.counters(place) }
        return book.entries.map { entry in
            let rule = entry.rule
            let tally = tallies[rule.name] ?? Tally()
            return ThrottleStatus(
                rule: rule, isChanged: entry.isChanged, isOn: paths.isOn(rule.name), obstacle: obstacle(rule),
                subflows: held.values.count {
                    $0.name == rule.name || $0.isStandby && $0.treatment.standby == rule.name
                },
                matched: tally.matched, refused: tally.refused, classes: classes(of: rule, counters),
                sums: sums(of: rule))
        }
    }

    private func obstacle(_ rule: ThrottleRule) -> String? {
        let obstacles = rule.places.compactMap { ports[$0.interface, $0.direction]?.obstacle }
        return obstacles.isEmpty ? nil : Set(obstacles).sorted().joined(separator: "; ")
    }

    private func classes(
        of rule: ThrottleRule, _ counters: [Ports.Place: [UInt8: ClassCounters]]
    ) -> [ThrottleStatus.Class] {
        let own = classes.entries.filter { $0.value.key.rule == rule.name && $0.value.retiredAt == nil }
        return own.sorted { $0.key < $1.key }.flatMap { number, entry in
            ShapingDirection.allCases.compactMap { direction in
                guard let rate = entry.rates[direction] else { return nil }
                let place = Ports.Place(interface: entry.key.interface, direction: direction)
                return ThrottleStatus.Class(
                    number: number, direction: direction, interface: entry.key.interface, client: entry.key.client,
                    subflow: entry.key.subflow, subflows: entry.members.count, rate: rate,
                    counters: counters[place]?[number] ?? ClassCounters(), recent: samples.rate(number, direction))
            }
        }
    }

    private func sums(of rule: ThrottleRule) -> [ThrottleStatus.Sum] {
        rule.places.map { interface, direction in
            let sum = sums[ClassSums.Key(rule: rule.name, interface: interface, direction: direction)]
            return ThrottleStatus.Sum(
                direction: direction, interface: interface, bytes: sum.bytes, drops: sum.drops)
        }
    }

    /// What the kernel counts of our classes there, by their numbers; noted for the sums each time.
    func counters(_ place: Ports.Place) -> [UInt8: ClassCounters] {
        guard let interface = ports.places[place]?.interface,
            let all = try? trafficControl.counters(interface, place.direction)
        else { return [:] }
        let ours = all.filter { classes.entries[$0.key]?.key.interface == place.interface }
        for (number, counters) in ours {
            let rule = classes[number].key.rule
            guard rules.contains(where: { $0.name == rule }) else { continue }
            let key = ClassSums.Key(rule: rule, interface: place.interface, direction: place.direction)
            sums.note(number, key, counters)
        }
        return ours
    }

    func sample(at now: MonotonicTime) {
        for place in ports.places.keys {
            for (number, counters) in counters(place) {
                samples.note(number, place.direction, bytes: counters.bytes, at: now)
            }
        }
    }
}

/// What classes have carried in the last seconds.
struct RateSamples {
    private struct Key: Hashable {
        let number: UInt8
        let direction: ShapingDirection
    }

    private var points: [Key: [(time: MonotonicTime, bytes: UInt64)]] = [:]
    /// Seconds that a rate is averaged over.
    private static let span = 3

    mutating func note(_ number: UInt8, _ direction: ShapingDirection, bytes: UInt64, at now: MonotonicTime) {
        var points = self.points[Key(number: number, direction: direction)] ?? []
        // A class that was made anew counts from 0.
        if let last = points.last, last.bytes > bytes { points = [] }
        points.append((now, bytes))
        self.points[Key(number: number, direction: direction)] = Array(points.suffix(Self.span + 1))
    }

    /// Bits per second; 0 as long as it isn't known.
    func rate(_ number: UInt8, _ direction: ShapingDirection) -> UInt64 {
        guard let points = points[Key(number: number, direction: direction)], let first = points.first,
            let last = points.last, last.time > first.time
        else { return 0 }
        let seconds = Double(last.time.nanoseconds(since: first.time)) / 1e9
        return UInt64(Double(last.bytes - first.bytes) * 8 / seconds)
    }

    mutating func forget(_ number: UInt8) {
        for direction in ShapingDirection.allCases { points[Key(number: number, direction: direction)] = nil }
    }
}
