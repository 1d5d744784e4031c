import Wire

/// A rule or a path, and where it stands.
struct Entry<Value> {
    let value: Value
    let section: Section
    let isRight: Bool
}

/// Something wrong with the rule or path at `index`, given the others.
struct Conflict {
    let index: Int
    /// nil: the rule or path as a whole.
    var key: String?
    let problem: String
    let mend: String
}

extension Document {
    /// What the tables of that array say, as far as it is right; the findings stay here.
    func entries<Value>(_ name: String, _ read: (Section) -> Value) -> [Entry<Value>] {
        sections(name, title: name == "peer" ? "id" : "name").map { section in
            let before = findingCount
            let value = read(section)
            return Entry(value: value, section: section, isRight: findingCount == before)
        }
    }
}

extension Array {
    /// Reports what those that are right by themselves have against each other.
    func report<Value>(_ conflicts: ([Value]) -> [Conflict]) where Element == Entry<Value> {
        let right = filter(\.isRight)
        for conflict in conflicts(right.map(\.value)) {
            right[conflict.index].section.report(conflict.key, conflict.problem, mend: conflict.mend)
        }
    }
}

extension Section {
    /// Clients aren't behind our own devices.
    func refuse(_ interfaces: [String], _ advanced: Settings.Advanced) {
        guard has("interface") else { return }
        for (key, device) in [("tun", advanced.tun), ("ifb", advanced.ifb)] where interfaces.contains(device) {
            report(
                "interface", "\(device) is Sluice's own device (advanced.\(key))",
                mend: "name the interface that the clients' packets come in by")
        }
    }

    /// From when on a path is unfit, or congested, and how long what follows from that stands.
    func readLimits(_ maxRTT: inout Duration?, _ maxLoss: inout Double?, _ minHold: inout Duration) {
        read(&maxRTT, "max_rtt", .duration(.milliseconds(1) ... .seconds(60)))
        read(&maxLoss, "max_loss", .share(0.1...100))
        read(&minHold, "min_hold", .duration(.milliseconds(500) ... .seconds(3600)))
    }
}

// MARK: - What rules select

extension [IPPrefix] {
    /// Is each address of the others here, too?
    func holds(_ others: [IPPrefix]) -> Bool { others.allSatisfy { inner in contains { $0.contains(inner) } } }
}

extension [ClosedRange<UInt16>] {
    /// Is each port of the others here, too?
    func holds(_ others: [ClosedRange<UInt16>]) -> Bool {
        others.allSatisfy { inner in contains { $0.contains(inner.lowerBound) && $0.contains(inner.upperBound) } }
    }
}

extension IPPrefix {
    func contains(_ inner: IPPrefix) -> Bool { length <= inner.length && contains(inner.address) }
}

// MARK: - Words that rules share

let nameOfItsOwn = "give each rule a name of its own"

extension Conflict {
    static func sameName(_ index: Int) -> Conflict {
        Conflict(index: index, key: "name", problem: "an earlier rule has this name as well", mend: nameOfItsOwn)
    }

    /// The rule of that name, before this one, takes all of what it is about.
    static func shadowed(_ index: Int, by name: String, _ what: String) -> Conflict {
        Conflict(
            index: index, problem: "can never apply, since \"\(name)\" before it takes all its \(what)",
            mend: "put it before \"\(name)\", or narrow \"\(name)\"")
    }

    static func tooMany(_ most: Int) -> Conflict {
        Conflict(index: most, problem: "more than \(most) rules", mend: "remove some, or make one of several")
    }
}
