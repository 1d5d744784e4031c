// The keys of `[[throttle]]`.

extension Settings {
    /// A rule given at run time, as a JSON object with the keys of `[[throttle]]`; messages call it "request". How it
    /// gets on with the rules that there are is for `conflicts(among:)`.
    public func throttle(json: [UInt8]) throws(SettingsError) -> Throttle {
        guard let members = Node.members(json: json) else {
            throw SettingsError(
                file: request,
                findings: [
                    .init(problem: "not a JSON object", mend: "give an object with the keys of [[throttle]], in 16 KiB")
                ])
        }
        let document = Document(["throttle": .array([.table(members)])], file: request)
        let throttles = Self.throttles(document, defaults: intercept.interfaces)
        for throttle in throttles { throttle.refuse(advanced) }
        document.reportUnknown()
        try document.finish()
        return throttles[0].rule
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

    /// The rules as far as they are right; the document keeps the findings.
    static func throttles(_ document: Document, defaults interfaces: [String]) -> [ThrottleEntry] {
        document.sections("throttle", title: "name").map { section in
            let before = document.findingCount
            var rule = Throttle(name: "", interfaces: interfaces)
            rule.read(section)
            return ThrottleEntry(rule: rule, section: section, isRight: document.findingCount == before)
        }
    }
}

private let request = "request"

/// A rule, and where it stands.
struct ThrottleEntry {
    let rule: Settings.Throttle
    let section: Section
    let isRight: Bool

    /// Clients aren't behind our own devices.
    func refuse(_ advanced: Settings.Advanced) {
        guard section.has("interface") else { return }
        for (key, device) in [("tun", advanced.tun), ("ifb", advanced.ifb)] where rule.interfaces.contains(device) {
            section.report(
                "interface", "\(device) is Sluice's own device (advanced.\(key))",
                mend: "name the interface that the clients' packets come in by")
        }
    }
}

extension [ThrottleEntry] {
    func reportConflicts() {
        let right = filter(\.isRight)
        for conflict in right.map(\.rule).conflicts {
            right[conflict.index].section.report(conflict.key, conflict.problem, mend: conflict.mend)
        }
    }
}

extension Settings.Throttle {
    fileprivate mutating func read(_ section: Section) {
        section.require(&name, "name", .ruleName)
        section.read(&interfaces, "interface", .oneOrMore(of: .interfaceName, .interfaceNames))
        section.read(&clients, "clients", .prefixes)
        section.read(&servers, "servers", .prefixes)
        section.read(&ports, "ports", .portRanges)
        section.read(&backup, "backup", .boolean)
        section.read(&addressID, "address_id", .integer(0...255))
        section.read(&minSubflows, "min_subflows", .integer(1...32))
        section.read(&afterBytes, "after_bytes", .size(ByteCount(bytes: 1)...ByteCount(bytes: 1 << 50)))
        section.read(&afterBytesOf, "after_bytes_of", .choice())
        section.read(&hours, "hours", .hours)
        readAction(section)
        section.read(&download, "download", .rate)
        section.read(&upload, "upload", .rate)
        section.read(&per, "per", .choice())
        section.read(&takeOver, "take_over", .boolean)
        if section.has("after_bytes_of"), !section.has("after_bytes") {
            section.report("after_bytes_of", "without after_bytes", mend: "give after_bytes, too, or remove it")
        }
    }

    private mutating func readAction(_ section: Section) {
        let given: Action? = section.value("action", .choice())
        // Of a wrong one nobody can say what goes with it.
        guard given != nil || !section.has("action") else { return }
        if let given { action = given }
        switch action {
        case .shape where !section.has("download") && !section.has("upload"):
            section.report(nil, noRate.problem, mend: noRate.mend)
        case .backup:
            for key in ["download", "upload", "per", "take_over"] where section.has(key) {
                section.report(key, shapesOnly.problem, mend: shapesOnly.mend)
            }
        case .shape: break
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

extension Form where Value == String {
    fileprivate static var ruleName: Form {
        .text(
            "a name of 1 to 32 letters, digits, _, . and -, beginning with a letter or digit",
            problem: "can't be a rule's name"
        ) { $0.utf8.count <= 32 && $0.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9_.\-]*/) != nil ? $0 : nil }
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
