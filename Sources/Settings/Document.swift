import Base

internal import TOMLKit

/// One text while it is read: its tables, the keys that were asked for, and the findings so far.
///
/// TOMLKit never frees a table, so each text that is read costs its size once more for good; reloads are few.
final class Document {
    private let root: [String: Node]
    private let file: String
    private let lines: KeyLines
    private var findings: [SettingsError.Finding] = []
    /// Every key that a section has been asked for, by table.
    private(set) var known: [(table: String, isArray: Bool, keys: [String])] = []
    /// The tables that stand in the text, of those that were asked for.
    private var tables: [(place: Place, members: [String: Node])] = []

    /// What was given otherwise than as TOML text: there are no lines to name.
    init(_ root: [String: Node], file: String) {
        self.root = root
        self.file = file
        lines = KeyLines("")
    }

    init(_ text: String, file: String) throws(SettingsError) {
        self.file = file
        lines = KeyLines(text)
        do throws(KeyLines.Fault) {
            root = Node.members(of: try Self.table(of: text, lines))
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
        known.append((name, false, []))
        if let node = root[name], node.table == nil {
            let problem = node.array == nil ? "\(shown(node)), not a table" : "an array of tables"
            report([name], problem, mend: "write [\(name)] on a line of its own, once, and its keys below it")
        }
        return section(Place(name: name, path: [name], label: [name]), root[name]?.table)
    }

    /// The tables of the array of that name, in order. Findings call them by the value of their key `title`.
    func sections(_ name: String, title: String) -> [Section] {
        known.append((name, true, []))
        guard let node = root[name] else { return [] }
        if let other = node.array?.first(where: { $0.table == nil }) ?? (node.array == nil ? node : nil) {
            report(
                [name], "\(shown(other)), not an array of tables",
                mend: "write [[\(name)]] on a line of its own, for each of them, and its keys below it")
            return []
        }
        return (node.array ?? []).enumerated().map { index, element in
            let label = [name, element.table?[title]?.string].compactMap { $0 }
            return section(Place(name: name, path: [name, "\(index)"], label: label), element.table)
        }
    }

    private func section(_ place: Place, _ members: [String: Node]?) -> Section {
        if let members { tables.append((place, members)) }
        return Section(document: self, place: place, members: members ?? [:])
    }

    func know(_ key: String, in table: String) {
        let index = known.firstIndex { $0.table == table }!
        if !known[index].keys.contains(key) { known[index].keys.append(key) }
    }

    var findingCount: Int { findings.count }

    /// A finding about the key or table at `path`, which messages call `label`.
    func report(_ path: [String], label: [String]? = nil, _ problem: String, mend: String) {
        // A missing key is looked for where it belongs: under its table's header.
        let line = path.indices.reversed().lazy.compactMap { self.lines[Array(path[...$0])] }.first
        findings.append(.init(key: Self.dotted(label ?? path), line: line, problem: problem, mend: mend))
    }

    /// A key as it would be written in the file.
    static func dotted(_ path: [String]) -> String {
        path.map { !$0.isEmpty && $0.utf8.allSatisfy(isBareKeyByte) ? $0 : String(reflecting: $0) }
            .joined(separator: ".")
    }

    /// Reports what stands in the text and was asked for by no section.
    func reportUnknown() {
        for name in root.keys.sorted() where !known.contains(where: { $0.table == name }) {
            let isTable = (root[name]?.table ?? root[name]?.array?.first?.table) != nil
            report([name], isTable ? "unknown table" : "unknown key", mend: mend(for: name, in: nil))
        }
        for (place, members) in tables {
            for key in members.keys.sorted() where !keys(of: place.name).contains(key) {
                report(
                    place.path + [key], label: place.label + [key], "unknown key", mend: mend(for: key, in: place.name))
            }
        }
    }

    private func keys(of table: String) -> [String] { known.first { $0.table == table }?.keys ?? [] }

    /// What to do about a name that isn't known in that table, or at the top.
    private func mend(for name: String, in table: String?) -> String {
        if let home = known.first(where: { $0.keys.contains(name) })?.table { return "it belongs in \(header(home))" }
        if let near = nearest(to: name, among: table.map(keys) ?? known.map(\.table)) {
            return "did you mean \(table == nil ? header(near) : near)?"
        }
        return "remove it, or see docs/configuration.md for the keys that there are"
    }

    private func header(_ table: String) -> String {
        known.contains { $0.table == table && $0.isArray } ? "[[\(table)]]" : "[\(table)]"
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

/// Bytes of keys that need no quotes.
func isBareKeyByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
    default: false
    }
}
