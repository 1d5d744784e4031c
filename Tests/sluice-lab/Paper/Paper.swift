import ArgumentParser
import Foundation
import Lab

/// Repeats the paper's evaluation, and goes beyond it.
struct Paper: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Repeat the paper's experiments: time series, plots and a report; less than half an hour.",
        discussion: """
            "Multipath TCP Proxy: Unshackling Network Nodes from Today's End-to-End Connection Principle", section 3, \
            figure by figure, and what it leaves open. The experiments: \(names.joined(separator: ", ")).

            Each experiment's files in the folder are replaced when it is run; the report is about all that are there. \
            Exit code 1 when a claim of the report doesn't hold. What a run that was interrupted had finished stays. What `notes.md` in the folder says is part of the report.
            """)

    @Option(help: ArgumentHelp("Only these experiments, with commas between them.", valueName: "names"))
    var only = ExperimentList(PaperExperiments.all)
    @Option(help: "The folder for CSV files, plots and the report; it is made if there is none.")
    var out = "paper"
    @Flag(help: "Measure nothing: draw the plots and write the report from the files in the folder.")
    var reportOnly = false
    @Flag(help: "The fewest and shortest runs that the claims can be checked by: for tests, not for figures.")
    var short = false

    static var names: [String] { PaperExperiments.all.map(\.name) }

    func run() async throws {
        try Gnuplot.require()
        let folder = try ResultFolder(out)
        if !reportOnly {
            try await PaperRunner(experiments: only.experiments, scale: short ? .short : .full).run(in: folder)
        }
        let report = try Report(folder)
        for plot in report.plots { try Gnuplot.draw(plot, in: folder) }
        try folder.write(report.text, to: "README.md")
        print("\(out)/README.md")
        for claim in report.refuted { print("doesn't hold: \(claim.statement) (\(claim.evidence))") }
        if !report.refuted.isEmpty { throw ExitCode.failure }
    }
}

/// `fig2,fig4`.
struct ExperimentList: ExpressibleByArgument {
    let experiments: [any Experiment]

    init(_ experiments: [any Experiment]) { self.experiments = experiments }

    /// In the report's order, whatever the argument's.
    init?(argument: String) {
        let names = Set(argument.split(separator: ",").map(String.init))
        guard !names.isEmpty, names.isSubset(of: Paper.names) else { return nil }
        experiments = PaperExperiments.all.filter { names.contains($0.name) }
    }

    static var allValueStrings: [String] { Paper.names }
    var defaultValueDescription: String { "all" }
}
