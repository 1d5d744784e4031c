// The keys of `[[throttle]]`.

extension Settings {
    /// A rule given at run time, as a JSON object with the keys of `[[throttle]]`; messages call it "request". How it
    /// gets on with the other throttles is for `conflicts(among:)`.
    public func throttle(json: [UInt8]) throws(SettingsError) -> Throttle {
        guard let members = Node.members(json: json) else {
            throw SettingsError(
                file: request,
                findings: [
                    .init(problem: "not a JSON object", mend: "give an object with the keys of [[throttle]], in 16 KiB")
                ])
        }
        let document = Document(["throttle": .array([.table(members)])], file: request)
        let entry = document.entries("throttle") {
            Throttle($0, defaults: intercept.interfaces, DeclaredPaths(names: paths.map(\.name)))
        }[0]
        entry.section.refuse(entry.value.interfaces, advanced)
        entry.value.checkImplicitPath(entry.section, paths)
        entry.value.checkConditionsPath(entry.section, paths)
        if steers.contains(where: { $0.name == entry.value.name }) {
            entry.section.report("name", "a [[steer]] has this name as well", mend: nameOfItsOwn)
        }
        document.reportUnknown()
        try document.finish()
        return entry.value
    }

    /// What is wrong with these rules together, a line each, as messages of requests have it: too many, a name twice,
    /// one that can never apply. nil: nothing.
    public static func conflicts(among throttles: [Throttle]) -> String? {
        let findings = throttles.conflicts.map { conflict in
            let label = ["throttle", throttles[conflict.index].name] + (conflict.key.map { [$0] } ?? [])
            return SettingsError.Finding(
                key: Document.dotted(label), problem: conflict.problem, mend: conflict.mend)
        }
        return findings.isEmpty ? nil : SettingsError(file: request, findings: findings).description
    }
}

private let request = "request"

extension Settings.Throttle {
    /// The only value of `when`.
    private enum When: String, CaseIterable {
        case congested
    }

    /// The rule as far as it is right.
    init(_ section: Section, defaults interfaces: [String], _ paths: DeclaredPaths) {
        self.init(name: "", interfaces: interfaces)
        section.require(&name, "name", .ruleName)
        // Of a wrong one nobody can say how many there are.
        if section.has("interface") { self.interfaces = [] }
        section.read(&self.interfaces, "interface", .oneOrMore(of: .interfaceName, .interfaceNames))
        section.read(&clients, "clients", .prefixes)
        section.read(&servers, "servers", .prefixes)
        section.read(&ports, "ports", .portRanges)
        section.read(&backup, "backup", .boolean)
        section.read(&addressID, "address_id", .integer(0...255))
        section.read(&minSubflows, "min_subflows", .integer(1...32))
        section.read(&afterBytes, "after_bytes", .size(ByteCount(bytes: 1)...ByteCount(bytes: 1 << 50)))
        section.read(&afterBytesOf, "after_bytes_of", .choice())
        section.read(&hours, "hours", .hours)
        readCondition(section, paths)
        readAction(section)
        section.read(&download, "download", .rate)
        section.read(&upload, "upload", .rate)
        section.read(&per, "per", .choice())
        section.read(&takeOver, "take_over", .boolean)
        if section.has("after_bytes_of"), !section.has("after_bytes") {
            section.report("after_bytes_of", "without after_bytes", mend: "give after_bytes, too, or remove it")
        }
    }

    private mutating func readCondition(_ section: Section, _ paths: DeclaredPaths) {
        let when = section.value("when", Form<When>.choice())
        var condition = Condition()
        section.read(&condition.path, "path", .pathReference)
        if let path = condition.path { paths.check(path, section, ["path"]) }
        section.readLimits(&condition.maxRTT, &condition.maxLoss, &condition.minHold)
        if when != nil { self.condition = condition }
        for key in ["path", "max_rtt", "max_loss", "min_hold"] where section.has(key) && !section.has("when") {
            section.report(key, "without when", mend: "give when = \"congested\", too, or remove it")
        }
    }

    private mutating func readAction(_ section: Section) {
        let given: Action? = section.value("action", .choice())
        // Of a wrong one nobody can say what goes with it.
        guard given != nil || !section.has("action") else { return }
        if let given { action = given }
        switch action {
        case .shape:
            if !section.has("download") && !section.has("upload") {
                section.report(nil, noRate.problem, mend: noRate.mend)
            }
        case .backup:
            for key in ["download", "upload", "per", "take_over"] where section.has(key) {
                section.report(key, shapesOnly.problem, mend: shapesOnly.mend)
            }
        }
    }

    /// Reports a condition about a path of which only converted connections are seen: others are what it is for.
    func checkConditionsPath(_ section: Section, _ paths: [Settings.Path]) {
        guard let name = condition?.path, let path = paths.first(where: { $0.name == name }), path.interface == nil,
            !path.clients.isEmpty
        else { return }
        section.report(
            "path", "\"\(name)\" is a path of client addresses, of which other traffic isn't known",
            mend: "name a path with an interface")
    }

    /// Reports a condition of which nobody can say what path it is about. Without a name it is that of the interface, or
    /// one that goes by the interface's name.
    func checkImplicitPath(_ section: Section, _ paths: [Settings.Path]) {
        guard condition != nil, !section.has("path") else { return }
        if interfaces.count > 1 {
            section.report(
                "when", "without path, and the rule has \(interfaces.count) interfaces",
                mend: "give path, or one interface")
        } else if let interface = interfaces.first, !paths.contains(where: { $0.interface == interface }),
            paths.contains(where: { $0.name == interface })
        {
            section.report(
                "when", "without path, and the [[path]] \"\(interface)\" is not that of the interface \(interface)",
                mend: "give path, or another name to that [[path]]")
        }
    }
}

extension Form where Value == Bool {
    static var boolean: Form {
        Form("true or false") { node throws(Mismatch) in
            guard case .boolean(let value) = node else { throw .type(of: node) }
            return value
        }
    }
}

extension Form where Value == [TimeOfDayRange] {
    fileprivate static var hours: Form {
        .list(
            of: .text("a time of day", problem: "is not a time of day") { TimeOfDayRange($0) },
            "a list of times of day from HH:MM to HH:MM, such as [\"08:00-18:00\", \"22:00-06:00\"]", conflict: ==)
    }
}

extension Form {
    /// An element, or a list of them.
    fileprivate static func oneOrMore<Element>(of element: Form<Element>, _ list: Form) -> Form
    where Value == [Element] {
        Form("\(element.expected), or \(list.expected)") { node throws(Mismatch) in
            node.array == nil ? [try element.read(node)] : try list.read(node)
        }
    }
}
