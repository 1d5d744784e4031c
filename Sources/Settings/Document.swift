internal import TOMLKit

/// One TOML text while it is read: its tables, the keys that were asked for, and the findings so far.
///
/// TOMLKit never frees a table, so each text that is read costs its size once more for good; reloads are few.
final class Document {
    private let root: TOMLTable
    private let file: String
    private let lines: KeyLines
    private var findings: [SettingsError.Finding] = []
    /// Every key that a section has been asked for, by table.
    private(set) var known: [(table: String, keys: [String])] = []

    init(_ text: String, file: String) throws(SettingsError) {
        self.file = file
        lines = KeyLines(text)
        do throws(KeyLines.Fault) {
            root = try Self.table(of: text, lines)
        } catch {
            let finding = SettingsError.Finding(
                line: error.line, column: error.column, problem: error.problem, mend: error.mend)
            throw SettingsError(file: file, findings: [finding])
        }
    }

    private static func table(of text: String, _ lines: KeyLines) throws(KeyLines.Fault) -> TOMLTable {
        // The library takes a C string and would silently end there.
        if let end = text.utf8.firstIndex(of: 0) {
            let line = 1 + text.utf8[..<end].count { $0 == UInt8(ascii: "\n") }
            throw KeyLines.Fault(line: line, column: nil, problem: "a zero byte", mend: "give a TOML text file")
        }
        if let fault = lines.fault { throw fault }
        do {
            return try TOMLTable(string: text)
        } catch {
            let error = error as! TOMLParseError
            let place = error.source.begin
            throw KeyLines.Fault(
                line: place.line, column: place.column, problem: "not TOML: \(error.description)",
                mend: "see https://toml.io/en/v1.0.0 for the syntax")
        }
    }

    /// The table of that name; one that isn't in the text has no keys.
    func section(_ name: String) -> Section {
        known.append((name, []))
        guard let node = root[name] else { return Section(document: self, name: name, table: nil) }
        if node.type != .table {
            let problem = node.type == .array ? "an array of tables" : "\(shown(node)), not a table"
            report([name], problem, mend: "write [\(name)] on a line of its own, once, and its keys below it")
        }
        return Section(document: self, name: name, table: node.table)
    }

    func know(_ key: String, in table: String) {
        known[known.firstIndex { $0.table == table }!].keys.append(key)
    }

    /// A finding about the key or table at `path`.
    func report(_ path: [String], _ problem: String, mend: String) {
        let key = path.map(bareOrQuoted).joined(separator: ".")
        // A missing key is looked for where it belongs: under its table's header.
        let line = lines[path] ?? lines[Array(path.prefix(1))]
        findings.append(.init(key: key, line: line, problem: problem, mend: mend))
    }

    /// Reports what stands in the text and was asked for by no section.
    func reportUnknown() {
        for name in root.keys {
            guard let keys = known.first(where: { $0.table == name })?.keys else {
                reportUnknown([name], isTable: root[name]?.type == .table, among: known.map(\.table))
                continue
            }
            for key in root[name]?.table?.keys ?? [] where !keys.contains(key) {
                reportUnknown([name, key], isTable: false, among: keys)
            }
        }
    }

    private func reportUnknown(_ path: [String], isTable: Bool, among candidates: [String]) {
        let name = path.last!
        let mend =
            if let home = known.first(where: { $0.keys.contains(name) })?.table {
                "it belongs in [\(home)]"
            } else if let near = nearest(to: name, among: candidates) {
                path.count == 1 ? "did you mean [\(near)]?" : "did you mean \(near)?"
            } else {
                "remove it, or see docs/configuration.md for the keys that there are"
            }
        report(path, isTable ? "unknown table" : "unknown key", mend: mend)
    }

    /// Throws what was found, if anything.
    func finish() throws(SettingsError) {
        guard !findings.isEmpty else { return }
        let order = findings.indices.sorted {
            (findings[$0].line ?? .max, $0) < (findings[$1].line ?? .max, $1)
        }
        throw SettingsError(file: file, findings: order.map { findings[$0] })
    }
}

/// One table of a document.
struct Section {
    let document: Document
    let name: String
    let table: TOMLTable?

    /// The value of `key`, or nil when it is absent or wrong; the latter is reported.
    func value<Value>(_ key: String, _ form: Form<Value>) -> Value? {
        document.know(key, in: name)
        guard let node = table?[key] else { return nil }
        do throws(Mismatch) {
            return try form.read(node)
        } catch {
            for problem in error.problems { document.report([name, key], problem, mend: "give \(form.expected)") }
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
        if table?[key] == nil { document.report([name, key], "missing", mend: "give \(form.expected)") }
        read(&field, key, form)
    }
}

/// A key as it would be written in the file.
private func bareOrQuoted(_ key: String) -> String {
    !key.isEmpty && key.utf8.allSatisfy(isBareKeyByte) ? key : String(reflecting: key)
}
