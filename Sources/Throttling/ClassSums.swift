import TrafficControl

/// What all classes of a rule have carried on an interface, in one direction, those that are no more included: it never
/// falls while the rule is there.
struct ClassSums {
    struct Key: Hashable {
        let rule: String
        let interface: String
        let direction: ShapingDirection
    }

    struct Sum: Hashable {
        var bytes: UInt64 = 0
        var drops: UInt64 = 0
    }

    private struct Class: Hashable {
        let number: UInt8
        let direction: ShapingDirection
    }

    private var sums: [Key: Sum] = [:]
    /// What the kernel's counters were.
    private var last: [Class: ClassCounters] = [:]

    subscript(key: Key) -> Sum { sums[key] ?? Sum() }

    /// What the class `number` of this rule counts now; often enough that it is asked once more before it goes.
    mutating func note(_ number: UInt8, _ key: Key, _ now: ClassCounters) {
        let place = Class(number: number, direction: key.direction)
        var now = now
        var before = last[place] ?? ClassCounters()
        // A class that was made anew counts from 0.
        if now.bytes < before.bytes || now.packets < before.packets { before = ClassCounters() }
        // These are the larger of two counts, of which one may begin anew.
        now.drops = max(now.drops, before.drops)
        last[place] = now
        sums[key, default: Sum()].bytes += now.bytes - before.bytes
        sums[key, default: Sum()].drops += now.drops - before.drops
    }

    /// The class is gone: the next of this number counts from 0.
    mutating func forget(_ number: UInt8, _ direction: ShapingDirection) {
        last[Class(number: number, direction: direction)] = nil
    }

    mutating func keep(_ rules: Set<String>) { sums = sums.filter { rules.contains($0.key.rule) } }
}
