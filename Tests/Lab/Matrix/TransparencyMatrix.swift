/// All situations, and how they are run.
public enum TransparencyMatrix {
    /// In the order of the documentation.
    public static let situations = basics + ports + settings + routing + firewalls + translation + path + time

    /// A situation with the family and the kind of iptables.
    public struct Cell: Sendable {
        public let situation: Situation
        public let family: IPFamily
        public let kind: IPTablesKind
    }

    /// What is to be run: each situation with each family that it has, and with both kinds of iptables where rules
    /// matter.
    public static func cells(
        of situations: [Situation] = situations, families: [IPFamily] = IPFamily.allCases,
        kinds: [IPTablesKind] = IPTablesKind.allCases
    ) -> [Cell] {
        situations.flatMap { situation in
            situation.families.filter(families.contains).flatMap { family in
                let wanted = situation.usesRules ? kinds : Array(kinds.prefix(1))
                return wanted.map { Cell(situation: situation, family: family, kind: $0) }
            }
        }
    }

    /// What came of a cell.
    public struct Row: Codable, Sendable {
        public let situation: String
        public let family: String
        public let iptables: IPTablesKind
        public let expected: Treatment
        public let verdict: Verdict
        public let problems: [Problem]
        /// What earlier tries found wrong: the machine may have been busy, or the fault is one that comes and goes.
        public internal(set) var earlierProblems: [Problem] = []
        /// By the variants' names.
        public let observations: [String: Observation]
    }

    public enum Verdict: String, Codable, Sendable {
        case passed, failed
        /// The machine lacks what the situation needs.
        case skipped
        /// A run could not be made; the problem is the lab's, or the situation's.
        case broken
    }

    /// Runs cells, `jobs` at a time, each up to `tries` times until it passes, and hands each row over as it comes.
    public static func run(
        _ cells: [Cell], jobs: Int = 2, tries: Int = 2, isolation: isolated (any Actor)? = #isolation,
        _ report: (Row) -> Void = { _ in }
    ) async -> [Row] {
        await withTaskGroup(of: (Int, Row).self) { group in
            var rows: [Int: Row] = [:]
            var waiting = Array(cells.enumerated())[...]
            for (index, cell) in waiting.prefix(jobs) { group.addTask { (index, await cell.run(tries: tries)) } }
            waiting = waiting.dropFirst(jobs)
            while let (index, row) = await group.next() {
                rows[index] = row
                report(row)
                if let (index, cell) = waiting.popFirst() { group.addTask { (index, await cell.run(tries: tries)) } }
            }
            return cells.indices.compactMap { rows[$0] }
        }
    }
}

extension TransparencyMatrix.Cell {
    fileprivate func run(tries: Int) async -> TransparencyMatrix.Row {
        var row = await attempt()
        var earlier: [Problem] = []
        for _ in 1..<max(tries, 1) where row.verdict == .failed || row.verdict == .broken {
            earlier += row.problems
            row = await attempt()
        }
        row.earlierProblems = earlier
        return row
    }

    /// The three runs, at the same time, and what is wrong with them.
    private func attempt() async -> TransparencyMatrix.Row {
        do {
            async let truth = MatrixRun(situation: situation, family: family, kind: kind, variant: .truth).observe()
            async let plain = MatrixRun(situation: situation, family: family, kind: kind, variant: .plain).observe()
            async let mptcp = MatrixRun(situation: situation, family: family, kind: kind, variant: .mptcp).observe()
            let runs = try await (truth: truth, plain: plain, mptcp: mptcp)
            let observations = ["truth": runs.truth, "plain": runs.plain, "mptcp": runs.mptcp]
            let comparison = Comparison(situation: situation, truth: runs.truth)
            if let problem = comparison.problemOfTruth { return row(.broken, [problem], observations) }
            let problems = comparison.problems(plain: runs.plain) + comparison.problems(mptcp: runs.mptcp)
            return row(problems.isEmpty ? .passed : .failed, problems, observations)
        } catch is MatrixRun.Unfit {
            return row(.skipped)
        } catch {
            return row(.broken, [Problem(aspect: .lab, description: "\(error)")])
        }
    }

    private func row(
        _ verdict: TransparencyMatrix.Verdict, _ problems: [Problem] = [], _ observations: [String: Observation] = [:]
    ) -> TransparencyMatrix.Row {
        TransparencyMatrix.Row(
            situation: situation.name, family: "\(family)", iptables: kind, expected: situation.expected,
            verdict: verdict, problems: problems, observations: observations)
    }
}
