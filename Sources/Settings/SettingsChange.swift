import TraceOutput
import Wire

/// One key that isn't as it was.
public struct SettingsChange: Hashable, Sendable {
    /// What it takes for it to count.
    public enum Need: String, Sendable {
        case reload
        /// `sluice upgrade`, to the same program or another one: connections go on.
        case upgrade
        case restart
    }

    /// As in the file: `intercept.ports`; of one of several tables with its name or id, `throttle.evening.download`; the table itself,
    /// `throttle.evening`, if it is new or gone.
    public let key: String
    /// In the words of the file; nil where it has no value.
    public let before: String?
    public let after: String?

    public var need: Need {
        let table = key.prefix { $0 != "." }
        if Self.reloaded.contains(String(table)), key != "intercept.inspect" { return .reload }
        return table == "advanced" && Self.fixed.contains(String(key.dropFirst(table.count + 1))) ? .restart : .upgrade
    }

    /// Tables that count from a reload on.
    private static let reloaded: Set = ["intercept", "log", "trace", "sessions", "path", "steer", "throttle"]

    /// Keys of `[advanced]` that name or shape what a daemon hands over to its successor.
    public static let fixed: Set = [
        "tun", "ifb", "queue_base", "data_queues", "mark_mask", "socket_group", "route_table", "rule_priority",
        "listen_address", "listen_address6",
    ]
}

extension Settings {
    /// What a reload of `new` changes, and what it would take an upgrade or a restart for.
    ///
    /// - Parameter started: the settings that the daemon was started with; what a reload doesn't change is still as there.
    public func changes(to new: Settings, started: Settings) -> [SettingsChange] {
        let (now, then, initial) = (KeyTexts(self), KeyTexts(new), KeyTexts(started))
        let changes = now.changes(to: then).filter { $0.need == .reload }
        return changes + initial.changes(to: then).filter { $0.need != .reload }
    }
}

/// Settings as texts by key, as the file would have them. Names of fields are those of keys, so that a key that is added is
/// here, too.
struct KeyTexts {
    /// Of tables that there are once, in order.
    private(set) var keys: [(key: String, text: String?)] = []
    /// Of tables that there may be several of: by the name of the table, in order.
    private(set) var entries: [(table: String, name: String, keys: [(key: String, text: String?)])] = []

    init(_ settings: Settings) {
        for table in Mirror(reflecting: settings).children {
            let label = table.label ?? ""
            if let entries = table.value as? [Any] {
                // `throttles` are [[throttle]].
                self.entries += entries.map { entry in
                    // A throttle's key takes a list, too, but is called by one of it.
                    let keys = Self.keys(entry).map { ($0.key == "interfaces" ? "interface" : $0.key, $0.text) }
                    return (
                        String(label.dropLast()), keys.first { $0.0 == (label == "peers" ? "id" : "name") }?.1 ?? "",
                        keys
                    )
                }
            } else {
                keys += Self.keys(table.value).map { ("\(Self.snake(label)).\($0.key)", $0.text) }
            }
        }
    }

    func changes(to other: KeyTexts) -> [SettingsChange] {
        var changes = Self.changes(keys, other.keys, below: "")
        for table in ["peer", "path", "steer", "throttle"] {
            let (old, new) = (entries.filter { $0.table == table }, other.entries.filter { $0.table == table })
            for entry in old {
                let key = "\(table).\(entry.name)"
                guard let successor = new.first(where: { $0.name == entry.name }) else {
                    changes.append(SettingsChange(key: key, before: "there", after: nil))
                    continue
                }
                changes += Self.changes(entry.keys, successor.keys, below: "\(key).")
            }
            for entry in new where !old.contains(where: { $0.name == entry.name }) {
                changes.append(SettingsChange(key: "\(table).\(entry.name)", before: nil, after: "there"))
            }
            changes += Self.order(table, old.map(\.name), new.map(\.name))
        }
        return changes
    }

    /// Rules are tried in their order.
    private static func order(_ table: String, _ old: [String], _ new: [String]) -> [SettingsChange] {
        let (before, after) = (old.filter(new.contains), new.filter(old.contains))
        guard before != after else { return [] }
        return [
            SettingsChange(
                key: table, before: before.joined(separator: ", "), after: after.joined(separator: ", "))
        ]
    }

    private static func changes(
        _ old: [(key: String, text: String?)], _ new: [(key: String, text: String?)], below table: String
    ) -> [SettingsChange] {
        let keys = old.map(\.key) + new.map(\.key).filter { key in !old.contains { $0.key == key } }
        return keys.compactMap { key in
            let before = old.first { $0.key == key }?.text
            let after = new.first { $0.key == key }?.text
            return before == after ? nil : SettingsChange(key: table + key, before: before, after: after)
        }
    }

    private static func keys(_ table: Any) -> [(key: String, text: String?)] {
        Mirror(reflecting: table).children.flatMap { field -> [(key: String, text: String?)] in
            let label = field.label ?? ""
            // It is several keys of its table, and none when it is nil.
            guard let value = unwrapped(field.value) else { return label == "condition" ? [] : [(snake(label), nil)] }
            switch value {
            case let mode as Settings.Steer.Mode: return keys(of: mode)
            case let condition as Settings.Throttle.Condition: return [("when", "congested")] + keys(condition)
            case let mask as UInt32 where label == "markMask": return [("mark_mask", "0x" + String(mask, radix: 16))]
            default: return [(snake(label), text(value, label))]
            }
        }
    }

    private static func keys(of mode: Settings.Steer.Mode) -> [(key: String, text: String?)] {
        switch mode {
        case .activeStandby(let active, let standby, let noStandby):
            [("mode", "active-standby"), ("active", active), ("standby", standby), ("no_standby", "\(noStandby)")]
        case .priorityBased(let high, let low): [("mode", "priority-based"), ("high", high), ("low", low)]
        case .smallestDelay(let paths, let margin):
            [("mode", "smallest-delay"), ("paths", paths.joined(separator: ", ")), ("margin", text(margin, ""))]
        case .loadBalancing(let weights):
            [
                ("mode", "load-balancing"),
                (
                    "weights",
                    weights.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" }.joined(separator: ", ")
                ),
            ]
        }
    }

    private static func text(_ value: Any, _ label: String) -> String? {
        switch value {
        case let list as [Any] where list.isEmpty: nil
        case let duration as Duration: UnitScale.duration.text(Int(duration / .milliseconds(1)))
        case let share as Double: "\((share * 10000).rounded() / 100)%"
        case let ports as [ClosedRange<UInt16>]:
            ports == Settings.Intercept.allPorts ? "all" : ports.map(text).joined(separator: ", ")
        case let prefixes as [IPPrefix] where prefixes == Settings.Intercept.allAddresses: "all"
        case let ports as ClosedRange<UInt16>: text(ports)
        case let filter as TraceFilter: filter.text.isEmpty ? "all packets" : filter.text
        case let word as any RawRepresentable<String>: word.rawValue
        case let list as [Any]: list.map { "\($0)" }.joined(separator: ", ")
        default: "\(value)"
        }
    }

    private static func text(_ ports: ClosedRange<UInt16>) -> String {
        ports.count == 1 ? "\(ports.lowerBound)" : "\(ports.lowerBound)-\(ports.upperBound)"
    }

    private static func unwrapped(_ value: Any) -> Any? {
        let mirror = Mirror(reflecting: value)
        guard mirror.displayStyle == .optional else { return value }
        return mirror.children.first?.value
    }

    /// `max_rtt` of `maxRTT`.
    private static func snake(_ field: String) -> String {
        var result = ""
        var wasLower = false
        for letter in field {
            if letter.isUppercase, wasLower { result += "_" }
            result += letter.lowercased()
            wasLower = letter.isLowercase
        }
        return result
    }
}
