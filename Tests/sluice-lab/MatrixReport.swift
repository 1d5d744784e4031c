import Foundation
import Lab

/// The rows of the matrix as text, JSON and Markdown.
struct MatrixReport {
    let situations: [Situation]
    let rows: [TransparencyMatrix.Row]

    var hasFailed: Bool { rows.contains { $0.verdict == .failed || $0.verdict == .broken } }

    /// One row, as it comes.
    static func line(_ row: TransparencyMatrix.Row) -> String {
        let place = "\(row.situation) \(row.family) \(row.iptables)"
        let isLate = row.verdict == .passed && !row.earlierProblems.isEmpty
        return
            ([place + ": \(row.verdict)" + (isLate ? " at the second try, after:" : "")]
            + (isLate ? row.earlierProblems.map { "    \($0)" } : [])
            + row.problems.map { "    \($0)" }).joined(separator: "\n")
    }

    var table: String {
        let head = ["situation", "family", "iptables", "truth", "plain", "mptcp", "verdict"]
        return textTable(
            [head]
                + rows.map { row in
                    let cells = MatrixVariant.allCases.map { Self.cell(row.observations[$0.rawValue]) }
                    return [row.situation, row.family, row.iptables.rawValue] + cells + [row.verdict.rawValue]
                })
    }

    /// The client's outcome, its time, and whether MPTCP was spoken.
    private static func cell(_ observation: Observation?) -> String {
        guard let observation else { return "-" }
        let conversions = observation.converted > 0 ? ", \(observation.converted) converted" : ""
        return "\(observation.client), \(decimal(observation.seconds, places: 1)) s\(conversions)"
    }

    var summary: String {
        let counts = [TransparencyMatrix.Verdict.passed, .failed, .broken, .skipped].map { verdict in
            (verdict, rows.count { $0.verdict == verdict })
        }
        let late = rows.count { $0.verdict == .passed && !$0.earlierProblems.isEmpty }
        return "\(situations.count) situations, \(rows.count) variants: "
            + counts.filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }.joined(separator: ", ")
            + (late > 0 ? " (\(late) of them at the second try)" : "")
    }

    func writeJSON(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        try encoder.encode(rows).write(to: URL(filePath: path))
    }

    private static let document = "docs/transparency.md"
    private static let begin = "<!-- table: written by `sluice-lab matrix --markdown` -->"
    private static let end = "<!-- end of table -->"

    /// Replaces what is between the marks.
    func writeMarkdown() throws {
        let file = URL(filePath: Self.document)
        let text = try String(contentsOf: file, encoding: .utf8)
        guard let begin = text.range(of: Self.begin), let end = text.range(of: Self.end),
            begin.upperBound <= end.lowerBound
        else { throw LabError.notFound("\(Self.document) has no marks \(Self.begin) and \(Self.end)") }
        let written = text[..<begin.upperBound] + "\n\n\(markdown)\n\n" + text[end.lowerBound...]
        try String(written).write(to: file, atomically: true, encoding: .utf8)
    }

    /// A line for each situation.
    private var markdown: String {
        let lines = situations.map { situation in
            let own = rows.filter { $0.situation == situation.name }
            let cells = [
                "`\(situation.name)`", situation.sentence, situation.doing, Self.words(situation.expected),
                Self.outcome(own),
                situation.differences,
            ]
            return "| \(cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ")) |"
        }
        let head = [
            "| situation | router, servers and path | client | an MPTCP client is | seen | differs on purpose |",
            "|---|---|---|---|---|---|",
        ]
        return (head + lines).joined(separator: "\n")
    }

    private static func words(_ expectation: Treatment) -> String {
        switch expectation {
        case .converted: "converted"
        case .passes: "let through"
        case .either: "either"
        }
    }

    /// `same in all 4 variants`, or what isn't.
    private static func outcome(_ rows: [TransparencyMatrix.Row]) -> String {
        let run = rows.filter { $0.verdict != .skipped }
        guard !run.isEmpty else { return "not run: the kernel lacks what it needs" }
        let failed = run.filter { $0.verdict != .passed }
        guard let first = failed.first else { return run.count == 1 ? "same" : "same in all \(run.count) variants" }
        let problem = (first.problems.first?.description ?? "").prefix { $0 != "\n" }
        return "**differs** in \(failed.count) of \(run.count) variants: \(problem)"
    }
}
