import ArgumentParser
import Lab

extension IPTablesKind: ExpressibleByArgument {}

/// Situations on real routers, with and without the box.
struct MatrixCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "matrix",
        abstract: "Situations on real routers: is everything as it is without the box? Exit code 1 when not.")

    @Option(help: "Situations whose names contain one of these, separated by commas.")
    var only: String?
    @Flag(help: "Print the situations, and run none.")
    var list = false
    @Option(help: "IPv4 or IPv6 alone: 4 or 6.")
    var family: Int?
    @Option(help: "One kind of iptables alone: nft or legacy.")
    var iptables: IPTablesKind?
    @Option(help: "How many situations at a time, each with its three runs.")
    var jobs = 2
    @Option(help: "Write all observations to this file, as JSON.")
    var json: String?
    @Flag(help: "Replace the table in docs/transparency.md, below the working directory.")
    var markdown = false

    func validate() throws {
        guard family.map({ $0 == 4 || $0 == 6 }) ?? true else { throw ValidationError("--family is 4 or 6") }
        guard (1...16).contains(jobs) else { throw ValidationError("--jobs is 1 to 16") }
        guard !situations.isEmpty else { throw ValidationError("no situation is called so; --list prints them") }
    }

    private var situations: [Situation] {
        guard let only else { return TransparencyMatrix.situations }
        let words = only.split(separator: ",")
        return TransparencyMatrix.situations.filter { situation in words.contains { situation.name.contains($0) } }
    }

    func run() async throws {
        if list {
            print(textTable(situations.map { [$0.name, $0.sentence] }))
            return
        }
        let families = family.map { [$0 == 4 ? IPFamily.v4 : .v6] } ?? IPFamily.allCases
        let cells = TransparencyMatrix.cells(
            of: situations, families: families, kinds: iptables.map { [$0] } ?? IPTablesKind.allCases)
        let rows = await TransparencyMatrix.run(cells, jobs: jobs) { row in
            print(MatrixReport.line(row))
            flushOutput()
        }
        let report = MatrixReport(situations: situations, rows: rows)
        print("\n\(report.table)\n\n\(report.summary)")
        if let json { try report.writeJSON(to: json) }
        if markdown { try report.writeMarkdown() }
        if report.hasFailed { throw ExitCode.failure }
    }
}
