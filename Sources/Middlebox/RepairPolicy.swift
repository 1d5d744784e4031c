import Firewall
import LinuxSystem

/// Decides what is done about damage: at once, a second and a third time after a pause, and when that doesn't hold, that
/// the daemon steps aside and tries again every so often. Pure: what was found, and the time, are passed in.
struct RepairPolicy {
    /// What to do now.
    struct Plan: Equatable {
        /// To be put back.
        var repairs: [Damage] = []
        /// Damage of the order alone that others insist on: it is left as it is for a while.
        var left: [Damage] = []
        var turn: Turn?
        /// When to look again, if nothing comes before.
        var nextLook: MonotonicTime?
    }

    enum Turn: Equatable {
        /// The daemon steps aside.
        case degraded
        /// All has held: it is back.
        case whole
    }

    private struct Attempts {
        var count = 0
        var last: MonotonicTime
    }

    /// A repair has held when the part is whole for so long. Until then, the next one to the same part comes "in a row".
    static let hold = Duration.seconds(2)
    /// So many attempts in a row, and the daemon steps aside.
    static let limit = 3
    /// So many in a row at an order that others insist on, and it is left to them. More, and over a minute: a script that
    /// inserts its rules one by one takes its time.
    static let limitOfOrder = 6
    /// Before the first attempt, the second, and so on.
    static let pauses: [Duration] = [
        .zero, .milliseconds(250), .milliseconds(1500), .seconds(5), .seconds(15), .seconds(30),
    ]
    /// Between attempts while degraded.
    static let retry = Duration.seconds(10)
    /// How long an order that others insist on is left to them.
    static let tolerance = Duration.seconds(600)

    private var attempts: [Damage.Part: Attempts] = [:]
    private var tolerated: [Damage.Part: MonotonicTime] = [:]
    /// What could not be put back, for which the daemon has stepped aside; empty when it hasn't.
    private(set) var stuck: [Damage] = []

    var isDegraded: Bool { !stuck.isEmpty }

    /// What to do about `found`, which is all the damage that there is.
    mutating func plan(_ found: [Damage], at now: MonotonicTime) -> Plan {
        var plan = Plan()
        let parts = Set(found.map(\.part))
        attempts = attempts.filter { parts.contains($0.key) || now < $0.value.last + Self.hold }
        tolerated = tolerated.filter { now < $0.value }
        var stuck: [Damage] = []
        for damage in found where !damage.isOrderOnly || tolerated[damage.part] == nil {
            guard let past = attempts[damage.part] else {
                plan.repairs.append(damage)
                continue
            }
            if damage.isOrderOnly, past.count >= Self.limitOfOrder {
                attempts[damage.part] = nil
                tolerated[damage.part] = now + Self.tolerance
                plan.left.append(damage)
                continue
            }
            let isStuck = !damage.isOrderOnly && past.count >= Self.limit
            if isStuck { stuck.append(damage) }
            let due = past.last + (isStuck ? Self.retry : Self.pauses[min(past.count, Self.pauses.count - 1)])
            if now < due {
                plan.nextLook = min(plan.nextLook ?? due, due)
            } else {
                plan.repairs.append(damage)
            }
        }
        decideTurn(stuck, &plan)
        return plan
    }

    private mutating func decideTurn(_ stuck: [Damage], _ plan: inout Plan) {
        if !stuck.isEmpty {
            if !isDegraded { plan.turn = .degraded }
            self.stuck = stuck
        } else if isDegraded, !self.stuck.contains(where: { attempts[$0.part] != nil }) {
            self.stuck = []
            plan.turn = .whole
        } else if isDegraded, let last = self.stuck.compactMap({ attempts[$0.part]?.last }).max() {
            let due = last + Self.hold
            plan.nextLook = min(plan.nextLook ?? due, due)
        }
    }

    /// Repairs have been tried.
    mutating func tried(_ damages: [Damage], at now: MonotonicTime) {
        for damage in damages {
            attempts[damage.part] = Attempts(count: (attempts[damage.part]?.count ?? 0) + 1, last: now)
        }
    }

    /// The families whose running connections get no packets any more, and would hang.
    ///
    /// - Parameters:
    ///   - stuck: what could not be put back.
    ///   - isGuarded: does the guard deliver their packets while the rules of mangle are away?
    static func cutOff(by stuck: [Damage], isGuarded: Bool) -> Set<AddressFamily> {
        var families: Set<AddressFamily> = []
        for damage in stuck {
            switch damage.part {
            case .device, .deviceDown: families.formUnion(AddressFamily.allCases)
            case .routingRules(let family), .routes(let family): families.insert(family)
            case .table(let family, "mangle"): if !isGuarded { families.insert(family) }
            // What the router's own rules do with our packets then is theirs to say.
            case .table, .sysctl: break
            }
        }
        return families
    }
}
