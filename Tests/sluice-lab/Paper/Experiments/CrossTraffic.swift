import Lab

/// Beyond the paper: what others on the wired link gain from a throttle.
struct CrossTraffic: Experiment {
    let name = "cross"
    let title = "Beyond the paper: a congested wired link"
    let setup = """
        The client's MPTCP download through the box, and beside it a TCP download of another user of the same wired link \
        (another address, forwarded by the box), for 24 s. After 12 s the wired link's MPTCP subflows are held to 10 Mbit/s \
        (`sluice throttles add`); in a second run the same with Cubic named \
        in `[relay]`, so that Sluice doesn't change over to BBR; in a third, with `action = "backup"`. Two rounds \
        of each.
        """
    let paper: String? = nil
    private static let rule = 12.0

    /// What is done to the wired link's subflows: lines in the configuration, and the rule's arguments.
    private static let kinds: [(name: String, lines: String, rule: [String])] = [
        ("shape", "", ["--download", "10mbit"]),
        ("shape-cubic", "\n[relay]\ncongestion_control = \"cubic\"\n", ["--download", "10mbit"]),
        ("backup", ShapeOrSteer.ready, ["--action", "backup"]),
    ]

    func runs(_ scale: Scale) -> [Run] {
        (1...scale.pick(2, 1)).flatMap { round in
            scale.pick(Self.kinds, [Self.kinds[0]]).map { kind in
                Run(label: "\(kind.name), round \(round)", duration: .seconds(27)) { folder in
                    let table = try await measure(kind.lines, kind.rule)
                    if round == 1 { try folder.write(table, to: "cross-\(kind.name).csv") }
                    for (label, start, end) in [("before", 3.0, Self.rule), ("after", Self.rule + 3, 23.5)] {
                        let means = try Self.columns.dropFirst().map {
                            Recording.text(try table.mean($0, from: start, to: end), 2)
                        }
                        try folder.append(
                            ["\(kind.name) \(label)", "\(round)"] + means, ["run", "round"] + Self.columns.dropFirst(),
                            to: "cross.csv")
                    }
                }
            }
        }
    }

    private static let columns = ["seconds", "cross_mbits", "mptcp_mbits", "wired_mbits", "wireless_mbits"]

    private func measure(_ lines: String, _ rule: [String]) async throws -> CSVTable {
        try await Lab.with(PaperNetwork.configuration()) { lab in
            try await lab.require(in: .client(0), ["ip", "address", "add", "10.1.0.3/24", "dev", "wired"])
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + lines)
            let meters = [ByteMeter(), ByteMeter()]
            let (_, samples) = try await lab.sampling(every: .milliseconds(200), meters: meters) {
                try await lab.withLoadServer {
                    async let cross: Void = lab.download(.tcp, from: "10.1.0.3", meters[0], for: .seconds(24))
                    async let mptcp: Void = lab.download(.mptcp, from: nil, meters[1], for: .seconds(24))
                    try await Task.sleep(for: .seconds(Self.rule))
                    try await lab.addThrottle(sluice, rule)
                    _ = try await (cross, mptcp)
                }
            }
            return Recording.rates(samples, Self.columns)
        }
    }

    func findings(_ folder: ResultFolder) throws -> Findings {
        let summary = try folder.table("cross.csv")
        let mean = { (column: String, run: String) in try summary.mean(column, of: run) }
        let cross = (before: try mean("cross_mbits", "shape before"), after: try mean("cross_mbits", "shape after"))
        let mptcp = (before: try mean("mptcp_mbits", "shape before"), after: try mean("mptcp_mbits", "shape after"))
        return Findings(
            measured: ["Mbit/s; goodput of the two downloads, and what the links carry."],
            tables: [
                try MarkdownTable(
                    summary, "rule",
                    [
                        ("cross_mbits", "the other's TCP"), ("mptcp_mbits", "MPTCP"), ("wired_mbits", "wired link"),
                        ("wireless_mbits", "wireless link"),
                    ])
            ],
            plots: try Self.kinds.map(\.name).filter { folder.has("cross-\($0).csv") }.map { try plot($0, summary) },
            agreement: .beyond, reason: Self.reason,
            claims: [
                Claim("the other user gains", cross.after, .atLeast(1.1), cross.before, "Mbit/s"),
                Claim(
                    "what the MPTCP client gives up it had from the wired link", mptcp.after, .atMost(1), mptcp.before,
                    "Mbit/s"),
                Claim(
                    "the wired link stays in use", try mean("wired_mbits", "shape after"), .atLeast(0.8),
                    try mean("wired_mbits", "shape before"), "Mbit/s"),
            ])
    }

    private func plot(_ kind: String, _ summary: CSVTable) throws -> Plot {
        let figures = try ["cross_mbits", "mptcp_mbits"].flatMap { column in
            try ["before", "after"].map { Claim.text(try summary.mean(column, of: "\(kind) \($0)")) }
        }
        return Plot(
            name: "cross-\(kind)", title: "Another user's TCP on the wired link: \(kind)",
            caption: """
                \(kind): the other user's TCP goes from \(figures[0]) to \(figures[1]) Mbit/s, the MPTCP client from \
                \(figures[2]) to \(figures[3]).
                """,
            x: Plot.Axis(label: "Time (s)", range: 0...24), y: Plot.Axis(label: "Goodput (Mbit/s)"),
            series: [
                .lines("cross-\(kind).csv", "cross_mbits", "the other user's TCP"),
                .lines("cross-\(kind).csv", "mptcp_mbits", "MPTCP"),
                .lines("cross-\(kind).csv", "wireless_mbits", "of that by the wireless link"),
            ], events: [(Self.rule, "rule")])
    }

    private static let reason = """
        This is the paper's motive, "packet flows can be redirected away from congested areas", and it works: the wired link \
        stays as busy as before, and what the MPTCP client leaves there the other user gets. How two TCP connections share it \
        before the rule differs from run to run.

        For the MPTCP client it isn't free: it keeps what the rule and the other user leave it of the wired link, and what is \
        under way there, behind a queue of 100 ms that a single Cubic connection keeps full, holds up the data of the wireless \
        link. Whether it keeps more with the BBR that Sluice changes over to for held downloads (decision 0010), with Cubic named \
        in `[relay]`, or with `action = "backup"`, two rounds don't tell: their spread is larger than the differences.
        """
}
