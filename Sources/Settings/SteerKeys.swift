// The keys of `[[steer]]`.

import Wire

extension Settings.Steer {
    /// The modes as they are called in the file.
    fileprivate enum Word: String, CaseIterable {
        case activeStandby = "active-standby"
        case smallestDelay = "smallest-delay"
        case loadBalancing = "load-balancing"
        case priorityBased = "priority-based"
    }

    /// The rule as far as it is right. Its mode means nothing when something of it is wrong.
    init(_ section: Section, _ paths: DeclaredPaths) {
        self.init(name: "", mode: .loadBalancing(weights: [:]))
        section.require(&name, "name", .ruleName)
        let keys = ModeKeys(section: section, paths: paths, mode: section.required("mode", Form<Word>.choice()))
        if let mode = keys.read() { self.mode = mode }
        section.read(&clients, "clients", .prefixes)
        section.read(&servers, "servers", .prefixes)
        section.read(&ports, "ports", .portRanges)
        section.readLimits(&maxRTT, &maxLoss, &minHold)
    }
}

/// The keys that go with one mode, and have no meaning with others.
private struct ModeKeys {
    typealias Word = Settings.Steer.Word

    let section: Section
    let paths: DeclaredPaths
    /// nil when it is missing or wrong: then nobody can say what goes with it.
    let mode: Word?

    /// Every key is asked for, whatever the mode, so that all that is wrong is reported.
    func read() -> Settings.Steer.Mode? {
        let (active, standby) = pair("active", "standby", of: .activeStandby)
        let noStandby = value("no_standby", of: .activeStandby, .boolean) ?? false
        let (high, low) = pair("high", "low", of: .priorityBased)
        let fastest = list()
        let margin = value(
            "margin", of: .smallestDelay, .duration(.milliseconds(1) ... .seconds(10), zeroMeans: "none"))
        let weights = weights()
        return switch mode {
        case .activeStandby:
            active.flatMap { active in
                standby.map { .activeStandby(active: active, standby: $0, noStandby: noStandby) }
            }
        case .priorityBased: high.flatMap { high in low.map { .priorityBased(high: high, low: $0) } }
        case .smallestDelay: fastest.map { .smallestDelay(paths: $0, margin: margin ?? .milliseconds(10)) }
        case .loadBalancing: weights.map { .loadBalancing(weights: $0) }
        case nil: nil
        }
    }

    /// The value of a key of that mode; nil when it is absent, wrong or has no meaning.
    private func value<Value>(
        _ key: String, of home: Word, _ form: Form<Value>, isRequired: Bool = false
    ) -> Value? {
        guard let mode, mode != home else {
            return mode != nil && isRequired ? section.required(key, form) : section.value(key, form)
        }
        section.document.know(key, in: section.place.name)
        if section.has(key) {
            section.report(
                key, "has no meaning with mode = \"\(mode.rawValue)\"",
                mend: "remove it, or set mode = \"\(home.rawValue)\"")
        }
        return nil
    }

    /// Two keys that name a path each.
    private func pair(_ first: String, _ second: String, of home: Word) -> (String?, String?) {
        let names = [first, second].map { key in
            let name = value(key, of: home, .pathReference, isRequired: true)
            if let name { paths.check(name, section, [key]) }
            return name
        }
        if let name = names[0], name == names[1] {
            section.report(
                second, "\(String(reflecting: name)) is \(first) as well", mend: "name two different paths")
        }
        return (names[0], names[1])
    }

    private func list() -> [String]? {
        let form = Form<[String]>.list(
            of: .pathReference, "a list of at least two paths, such as [\"wired\", \"mobile\"]", conflict: ==)
        guard let names = value("paths", of: .smallestDelay, form, isRequired: true) else { return nil }
        for name in names { paths.check(name, section, ["paths"]) }
        if names.count < 2 { section.report("paths", "only one path", mend: "give \(form.expected)") }
        return names
    }

    private func weights() -> [String: Int]? {
        let form = Form<[String: Node]>.members(
            "a table of at least two paths and their percentages, such as { wired = 70, mobile = 30 }")
        guard let members = value("weights", of: .loadBalancing, form, isRequired: true) else { return nil }
        var weights: [String: Int] = [:]
        for (name, node) in members.sorted(by: { $0.key < $1.key }) {
            paths.check(name, section, ["weights", name])
            weights[name] = section.value(at: ["weights", name], node, .integer(0...100))
        }
        guard members.count >= 2 else {
            section.report("weights", members.isEmpty ? "no path" : "only one path", mend: "give \(form.expected)")
            return nil
        }
        // Of wrong ones there is no sum.
        guard weights.count == members.count else { return nil }
        let sum = weights.values.reduce(0, +)
        if sum != 100 {
            section.report("weights", "they add up to \(sum)", mend: "give percentages that add up to 100")
        }
        return weights
    }
}

extension Settings.Steer {
    /// Reports weights of a path without an interface: they are kept by classes, which are on interfaces.
    func checkWeightedPaths(_ section: Section, _ paths: [Settings.Path]) {
        guard case .loadBalancing(let weights) = mode else { return }
        for path in paths where weights[path.name] != nil && path.interface == nil && !path.clients.isEmpty {
            section.report(
                "weights", "\"\(path.name)\" is a path of client addresses, whose traffic can't be weighed",
                mend: "name paths with an interface each")
        }
    }
}

extension [Settings.Steer] {
    /// What rules have against each other.
    var conflicts: [Conflict] {
        let most = Settings.Steer.mostRules
        guard count <= most else { return [.tooMany(most)] }
        return indices.compactMap { index in
            let earlier = self[..<index]
            if earlier.contains(where: { $0.name == self[index].name }) { return .sameName(index) }
            return earlier.first { $0.takesAll(of: self[index]) }
                .map { .shadowed(index, by: $0.name, "connections") }
        }
    }
}

extension [Entry<Settings.Steer>] {
    /// Rules and throttles share the names of status and classes.
    func reportNames(of throttles: [Settings.Throttle]) {
        let taken = Set(throttles.map(\.name)).subtracting([""])
        for entry in self where taken.contains(entry.value.name) {
            entry.section.report("name", "a [[throttle]] has this name as well", mend: nameOfItsOwn)
        }
    }
}

extension Settings.Steer {
    /// Is each connection that the other selects selected by this one?
    fileprivate func takesAll(of other: Self) -> Bool {
        clients.holds(other.clients) && servers.holds(other.servers) && ports.holds(other.ports)
    }
}

extension Form where Value == [String: Node] {
    fileprivate static func members(_ expected: String) -> Form {
        Form(expected) { node throws(Mismatch) in
            guard let members = node.table else { throw .type(of: node) }
            return members
        }
    }
}
