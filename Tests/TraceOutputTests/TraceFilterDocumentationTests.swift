import Foundation
import Testing

@testable import TraceOutput

/// docs/trace-filter.md and the language are the same.
@Suite struct TraceFilterDocumentationTests {
    /// The lines of docs/trace-filter.md, by headings: "" and those of second order.
    private func sections() throws -> [String: [String]] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "docs/trace-filter.md"), encoding: .utf8)
        var sections = [String: [String]]()
        var heading = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if line.hasPrefix("## ") { heading = String(line.dropFirst(3)) }
            sections[heading, default: []].append(line)
        }
        return sections
    }

    private func code(_ lines: [String]?) -> [String] {
        (lines ?? []).filter { $0.hasPrefix("    ") }.map { String($0.dropFirst(4)) }
    }

    /// The conditions of the table, as they stand there.
    private func documented() throws -> [String] {
        try sections()["Conditions"]!.filter { $0.hasPrefix("| `") }
            .flatMap { row in row.split(separator: "|")[0].matches(of: /`([^`]+)`/).map { String($0.1) } }
    }

    @Test func everyExampleIsRight() throws {
        let examples = try code(sections()[""]) + code(sections()["Examples"])
        #expect(examples.count > 10)
        for example in examples { #expect(complaint(example) == nil) }
    }

    @Test func everyConditionIsRight() throws {
        let values = ["NET": "10.1.0.0/16", "PORTS": "80", "TOKEN": "0x1", "NAME": "lan0", "VERDICT": "drop"]
        for condition in try documented() {
            let text = condition.split(separator: " ").map { values[String($0)] ?? String($0) }.joined(separator: " ")
            #expect(complaint(text) == nil)
        }
    }

    @Test func everyWordIsDocumented() throws {
        let firstWords = try documented().map { String($0.prefix { $0 != " " }) }
        let known = TraceVocabulary.keywords + TraceVocabulary.conditions.map(\.word)
        #expect(Set(firstWords) == Set(known))
        let text = try sections()["Conditions"]!.joined(separator: "\n")
        for verdict in TraceVocabulary.verdicts { #expect(text.contains("`\(verdict.word)`")) }
    }

    @Test func precedence() throws {
        #expect(try filter("syn or fin and data").matches(facts { $0.flags = .syn }))
        #expect(try !filter("(syn or fin) and data").matches(facts { $0.flags = .syn }))
    }

    @Test func theErrorIsSaidSo() throws {
        let lines = try code(sections()["Errors"])
        #expect(complaint(lines[1]) == lines.joined(separator: "\n"))
    }
}
