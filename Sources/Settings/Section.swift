/// Where a table stands.
struct Place {
    /// As in its header.
    let name: String
    /// As `KeyLines` has it.
    let path: [String]
    /// As messages have it.
    let label: [String]
}

/// One table of a document.
struct Section {
    let document: Document
    let place: Place
    let members: [String: Node]

    func has(_ key: String) -> Bool { members[key] != nil }

    /// A finding about a key, or about the table.
    func report(_ key: String?, _ problem: String, mend: String) {
        report(key.map { [$0] } ?? [], problem, mend: mend)
    }

    /// A finding about a key of a table within this one.
    func report(_ keys: [String], _ problem: String, mend: String) {
        document.report(place.path + keys, label: place.label + keys, problem, mend: mend)
    }

    /// The value of `key`, or nil when it is absent or wrong; the latter is reported.
    func value<Value>(_ key: String, _ form: Form<Value>) -> Value? {
        document.know(key, in: place.name)
        return members[key].flatMap { value(at: [key], $0, form) }
    }

    /// What that node, which stands at `keys`, means; nil when it is wrong, which is reported.
    func value<Value>(at keys: [String], _ node: Node, _ form: Form<Value>) -> Value? {
        do throws(Mismatch) {
            return try form.read(node)
        } catch {
            for problem in error.problems { report(keys, problem, mend: error.mend ?? "give \(form.expected)") }
            return nil
        }
    }

    /// The value of a key that must be there, or nil when it is absent or wrong; both are reported.
    func required<Value>(_ key: String, _ form: Form<Value>) -> Value? {
        if !has(key) { report(key, "missing", mend: "give \(form.expected)") }
        return value(key, form)
    }

    /// Sets the field if the key is there; otherwise it keeps its default.
    func read<Value>(_ field: inout Value, _ key: String, _ form: Form<Value>) {
        if let value = value(key, form) { field = value }
    }

    /// As above, for a field that is nil by default.
    func read<Value>(_ field: inout Value?, _ key: String, _ form: Form<Value>) {
        if let value = value(key, form) { field = value }
    }

    /// As above; the key must be there.
    func require<Value>(_ field: inout Value, _ key: String, _ form: Form<Value>) {
        if let value = required(key, form) { field = value }
    }
}
