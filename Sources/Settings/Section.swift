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
        let key = key.map { [$0] } ?? []
        document.report(place.path + key, label: place.label + key, problem, mend: mend)
    }

    /// The value of `key`, or nil when it is absent or wrong; the latter is reported.
    func value<Value>(_ key: String, _ form: Form<Value>) -> Value? {
        document.know(key, in: place.name)
        guard let node = members[key] else { return nil }
        do throws(Mismatch) {
            return try form.read(node)
        } catch {
            for problem in error.problems { report(key, problem, mend: error.mend ?? "give \(form.expected)") }
            return nil
        }
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
        if !has(key) { report(key, "missing", mend: "give \(form.expected)") }
        read(&field, key, form)
    }
}
