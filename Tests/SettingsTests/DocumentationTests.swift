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
        let document = try Document("[[peer]]\n[[path]]\n[[steer]]\n[[throttle]]", file: "t")
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
        // The default of `interface` is another key, not a literal.
        let literal = { (table: String) -> [String] in
            lines.filter { $0.hasPrefix("\(table).") && !$0.hasPrefix("\(table).interface ") }
                .map { String($0.dropFirst(table.count + 1)) }
        }
        let (path, steer, throttle) = (literal("path"), literal("steer"), literal("throttle"))
        #expect(path.count == 1)
        #expect(steer.count == 3)
        #expect(throttle.count == 6)
        let isTable = { (line: String) in ["path.", "steer.", "throttle."].contains { line.hasPrefix($0) } }
        // The literals of a mode go with that one alone.
        let standby = "name = 's'\nmode = 'active-standby'\nactive = 'a'\nstandby = 'b'\nports = [1]"
        let delay = "name = 'd'\nmode = 'smallest-delay'\npaths = ['a', 'b']"
        var parts = [minimal] + lines.filter { !isTable($0) }
        parts += ["[[path]]\nname = 'a'\ninterface = 'a'", "[[path]]\nname = 'b'\ninterface = 'b'"] + path
        parts += ["[[steer]]", standby] + steer.filter { !$0.hasPrefix("margin") }
        parts += ["[[steer]]", delay] + steer.filter { !$0.hasPrefix("no_standby") }
        parts += ["[[throttle]]\nname = 'a'\nafter_bytes = 1\ndownload = '1mbit'\nwhen = 'congested'"] + throttle
        let settings = try Settings.parse(parts.joined(separator: "\n"), file: "configuration.md")
        let expected = Settings(
            intercept: .init(interfaces: ["lan0"]),
            paths: [.init(name: "a", interface: "a"), .init(name: "b", interface: "b")],
            steers: [
                .init(
                    name: "s", mode: .activeStandby(active: "a", standby: "b", noStandby: false), ports: [1...1]),
                .init(name: "d", mode: .smallestDelay(paths: ["a", "b"], margin: .milliseconds(10))),
            ],
            throttles: [
                .init(
                    name: "a", interfaces: ["lan0"], afterBytes: ByteCount(bytes: 1), condition: .init(),
                    download: BitRate(bitsPerSecond: 1_000_000))
            ])
        #expect(settings == expected)
    }

    /// The examples belong together, but for the throttles, which are about the same subflows.
    @Test func theExamplesOfTablesAreRight() throws {
        let blocks = try document("configuration.md").split(separator: "```")
            .filter { $0.hasPrefix("toml\n") }.map { $0.dropFirst("toml\n".count) }
        let isThrottle = { (text: Substring) in text.hasPrefix("[[throttle]]") }
        let names = try blocks.filter(isThrottle).flatMap { throttle in
            let text = (blocks.filter { !isThrottle($0) } + [throttle]).joined(separator: "\n")
            let settings = try Settings.parse(text, file: "configuration.md")
            #expect(settings.paths.map(\.name) == ["wired", "mobile"])
            #expect(settings.steers.map(\.name) == ["overflow"])
            return settings.throttles.map(\.name)
        }
        #expect(names == ["relieve-wired", "give-way"])
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
        let settings = try Settings.parse(text, file: "sluice.toml")
        #expect(settings.paths.count == 3)
        #expect(settings.steers.count == 4)
        #expect(settings.throttles.count == 2)
        let lines = KeyLines(text)
        for key in try knownKeys() {
            let path = key.split(separator: ".").map(String.init)
            let elements = (0..<4).map { [path[0], "\($0)", path[1]] }
            #expect(([path] + elements).contains { lines[$0] != nil }, "\(key) is not in sluice.toml")
        }
    }
}
