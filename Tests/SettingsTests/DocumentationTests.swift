import Foundation
import Testing

@testable import Settings

/// docs/ and the module say the same.
@Suite struct DocumentationTests {
    private func document(_ name: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "docs/\(name)"), encoding: .utf8)
    }

    /// The keys that the module asks a file for, as `table.key`.
    private func knownKeys() throws -> [String] {
        let document = try Document("[[throttle]]", file: "t")
        _ = Settings.read(document)
        return document.known.flatMap { table in table.keys.map { "\(table.table).\($0)" } }
    }

    /// The rows of docs/configuration.md: `table.key` and its default.
    private func documented() throws -> [(key: String, standard: String)] {
        var table = ""
        var rows: [(String, String)] = []
        for line in try document("configuration.md").split(separator: "\n") {
            if let heading = line.firstMatch(of: /^## `\[+(\w+)\]+`/) { table = String(heading.1) }
            if let row = line.firstMatch(of: /^\| `(\w+)` \| (.*?) \|/) {
                rows.append(("\(table).\(row.1)", String(row.2)))
            }
        }
        return rows
    }

    @Test func everyKeyIsDocumentedOnceInOrder() throws {
        #expect(try documented().map(\.key) == knownKeys())
    }

    @Test func documentedDefaultsAreTheDefaults() throws {
        let literals = try documented().filter { $0.standard.hasPrefix("`") }
        #expect(literals.count > 15)
        let lines = literals.map { "\($0.key) = \($0.standard.dropFirst().dropLast())" }
        let isRule = { (line: String) in line.hasPrefix("throttle.") }
        // The default of `interface` is another key, not a literal.
        let rule = lines.filter { isRule($0) && !$0.hasPrefix("throttle.interface ") }
            .map { String($0.dropFirst("throttle.".count)) }
        #expect(rule.count == 5)
        let header = "\n[[throttle]]\nname = 'a'\nafter_bytes = 1\ndownload = '1mbit'\n"
        let text = minimal + (lines.filter { !isRule($0) } + [header] + rule).joined(separator: "\n")
        let settings = try Settings.parse(text, file: "configuration.md")
        let throttle = Settings.Throttle(
            name: "a", interfaces: ["lan0"], afterBytes: ByteCount(bytes: 1),
            download: BitRate(bitsPerSecond: 1_000_000))
        #expect(settings == Settings(intercept: .init(interfaces: ["lan0"]), throttles: [throttle]))
    }

    @Test func theExampleIsRight() throws {
        let settings = try Settings.parse(document("sluice.toml"), file: "sluice.toml")
        #expect(settings.intercept.interfaces == ["lan0", "wifi0"])
        #expect(settings.intercept.ports.contains(443...443))
        #expect(settings.relay == .init())
        #expect(settings.advanced == .init())
    }

    /// A setting that is commented out must be right when somebody takes the `#` away; and none is left out.
    @Test func theExampleNamesEveryKey() throws {
        let text = try document("sluice.toml").split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.hasPrefix("#") && !$0.hasPrefix("# ") ? $0.dropFirst() : $0 }.joined(separator: "\n")
        _ = try Settings.parse(text, file: "sluice.toml")
        let lines = KeyLines(text)
        for key in try knownKeys() {
            var path = key.split(separator: ".").map(String.init)
            if path[0] == "throttle" { path.insert("0", at: 1) }
            #expect(lines[path] != nil, "\(key) is not in sluice.toml")
        }
    }
}
