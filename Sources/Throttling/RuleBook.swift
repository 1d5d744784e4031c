public import Steering

/// A change of the rules.
public enum RuleChange: Sendable {
    /// The file has these rules now. What was changed at run time stays so, unless the file's own entry of the same
    /// name has changed: then the file counts.
    case file(Rules)
    /// Behind all others.
    case add(ThrottleRule)
    /// nil: as it is.
    case set(name: String, download: UInt64?, upload: UInt64?)
    case clear(name: String)
}

/// What the file says of throttles, paths and steering.
public struct Rules: Hashable, Sendable {
    public var throttles: [ThrottleRule]
    public var paths: [Path]
    public var steers: [SteerRule]

    public init(throttles: [ThrottleRule], paths: [Path] = [], steers: [SteerRule] = []) {
        self.throttles = throttles
        self.paths = paths
        self.steers = steers
    }
}

/// Why a change can't be made.
public enum RuleRefusal: Error, CustomStringConvertible {
    case unknown(String, known: [String])
    case taken(String)
    case unshaped(String)

    public var description: String {
        switch self {
        case .unknown(let name, let known):
            "there is no throttle \(name); "
                + (known.isEmpty ? "there is none at all" : "there are \(known.joined(separator: ", "))")
        case .taken(let name): "there is a throttle \(name) already; clear it first, or change its rates by set"
        case .unshaped(let name): "throttle \(name) asks for backup and has no rates; clear it and add another"
        }
    }
}

/// The rules as the file has them, and what has been done about them since.
struct RuleBook {
    struct Entry {
        let rule: ThrottleRule
        /// Was it added or changed at run time?
        let isChanged: Bool
    }

    private var file: [ThrottleRule] = []
    private var changed: [String: ThrottleRule] = [:]
    private var cleared: Set<String> = []
    private var added: [ThrottleRule] = []

    var entries: [Entry] {
        let standing = file.filter { !cleared.contains($0.name) }
        return standing.map { Entry(rule: changed[$0.name] ?? $0, isChanged: changed[$0.name] != nil) }
            + added.map { Entry(rule: $0, isChanged: true) }
    }

    var rules: [ThrottleRule] { entries.map(\.rule) }

    mutating func make(_ change: RuleChange) throws(RuleRefusal) {
        switch change {
        case .file(let new): reread(new.throttles)
        case .add(let rule):
            guard !rules.contains(where: { $0.name == rule.name }) else { throw .taken(rule.name) }
            added.append(rule)
        case .set(let name, let download, let upload):
            var rule = try find(name)
            guard case .shape(var rates, let sharing) = rule.action else { throw .unshaped(name) }
            rates.download = download ?? rates.download
            rates.upload = upload ?? rates.upload
            rule.action = .shape(rates, sharing)
            if let place = added.firstIndex(where: { $0.name == name }) {
                added[place] = rule
            } else {
                changed[name] = rule
            }
        case .clear(let name):
            _ = try find(name)
            if let place = added.firstIndex(where: { $0.name == name }) {
                added.remove(at: place)
            } else {
                cleared.insert(name)
                changed[name] = nil
            }
        }
    }

    private func find(_ name: String) throws(RuleRefusal) -> ThrottleRule {
        guard let rule = rules.first(where: { $0.name == name }) else {
            throw .unknown(name, known: rules.map(\.name))
        }
        return rule
    }

    private mutating func reread(_ new: [ThrottleRule]) {
        let entries = { (rules: [ThrottleRule]) in Dictionary(uniqueKeysWithValues: rules.map { ($0.name, $0) }) }
        let (before, after) = (entries(file), entries(new))
        for name in Set(before.keys).union(after.keys) where before[name] != after[name] {
            changed[name] = nil
            cleared.remove(name)
            added.removeAll { $0.name == name }
        }
        file = new
    }
}
