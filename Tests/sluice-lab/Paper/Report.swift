import Lab

/// The evaluation as Markdown: of each experiment whose files are in the folder, what was done, what the paper reports,
/// what was found, and whether that agrees.
struct Report {
    private let sections: [(experiment: any Experiment, findings: Findings, provenance: CSVTable)]

    /// What `notes.md` in the folder says of the circumstances.
    private let notes: String?

    init(_ folder: ResultFolder) throws {
        notes = folder.has("notes.md") ? try readFile("\(folder.path)/notes.md") : nil
        sections = try PaperExperiments.all.filter { folder.has("\($0.name)-run.csv") }.map { experiment in
            do {
                return (experiment, try experiment.findings(folder), try folder.table("\(experiment.name)-run.csv"))
            } catch {
                throw LabCommandError(description: "\(experiment.name): \(error)")
            }
        }
    }

    var plots: [Plot] { sections.flatMap(\.findings.plots) }
    var claims: [Claim] { sections.flatMap(\.findings.claims) }
    /// The claims that don't hold.
    var refuted: [Claim] { claims.filter { !$0.holds } }

    var text: String {
        ([ReportText.beginning, overview, ReportText.method] + sections.map(Self.section) + [
            ReportText.threats, ReportText.again,
        ]).joined(separator: "\n\n") + "\n"
    }

    private var overview: String {
        var table = MarkdownTable(heading: ["experiment", "what", "shape", "claims that hold"])
        for (experiment, findings, _) in sections {
            let held = findings.claims.count(where: \.holds)
            table.rows.append([
                "[`\(experiment.name)`](#\(experiment.name))", experiment.title, findings.agreement.rawValue,
                "\(held) of \(findings.claims.count)",
            ])
        }
        return "## What was found\n\n\(table.text)\n\n\(machines)"
    }

    /// Where and when it was measured, each combination once.
    private var machines: String {
        var lines: [String] = []
        for (_, _, provenance) in sections {
            for row in provenance.rows {
                let brief =
                    row[4] == "short" ? " **Brief runs, made to test the program: their figures mean little.**" : ""
                let line = "Measured on \(row[1]): \(row[3]), \(Machine.cores) cores, Linux \(row[2]).\(brief)"
                if !lines.contains(line) { lines.append(line) }
            }
        }
        return lines.joined(separator: "\n") + (notes.map { "\n\n\($0)" } ?? "")
    }

    private static func section(
        _ experiment: any Experiment, _ findings: Findings, _ provenance: CSVTable
    ) -> String {
        var parts = ["<a id=\"\(experiment.name)\"></a>\n\n## \(experiment.title)", "**Set-up.** \(experiment.setup)"]
        if let paper = experiment.paper { parts.append("**The paper.** \(paper)") }
        parts.append("**Measured.** \(findings.measured.joined(separator: "\n\n"))")
        parts += findings.tables.map(\.text)
        parts += findings.plots.map { "![\($0.title)](\($0.name).svg)\n\n*\($0.caption)*" }
        let verdict = findings.agreement == .beyond ? "What it shows" : "The shape \(findings.agreement.rawValue)"
        parts.append("**\(verdict).** \(findings.reason)")
        parts.append(
            findings.claims.map { "- \($0.holds ? "holds" : "**doesn't hold**"): \($0.statement) (\($0.evidence))." }
                .joined(separator: "\n"))
        return parts.joined(separator: "\n\n")
    }
}
