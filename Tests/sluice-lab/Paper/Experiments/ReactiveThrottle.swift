import Lab

/// Beyond the paper, and its motive: a throttle that comes with congestion by itself, and goes with it.
struct ReactiveThrottle: Experiment {
    let name = "reactive"
    let title = "Beyond the paper: the throttle that comes by itself"
    let setup = """
        The client's MPTCP download through the box, for 30 s. From 8 s to 22 s another user of the wired link (another \
        address, forwarded by the box) downloads over TCP. Nobody gives a command: a throttle in the configuration has \
        `when = "congested"`, in one run with `action = "backup"`, in another with `download = "10mbit"`; in a third there \
        is none. In the last one the other user is alone. Two rounds of each.
        """
    let paper: String? = nil
    private static let cross = (start: 8.0, end: 22.0)
    private static let columns = ["seconds", "cross_mbits", "mptcp_mbits", "wired_mbits", "wireless_mbits"]

    private static let kinds: [(name: String, action: String?)] = [
        ("backup", "action = \"backup\""), ("shape", "download = \"10mbit\""), ("none", nil), ("alone", nil),
    ]

    private static func rule(_ action: String) -> String {
        """

        [[path]]
        name = "wired"
        interface = "wired"
        capacity = "90mbit"
        [[throttle]]
        name = "give-way"
        interface = "wired"
        when = "congested"
        \(action)

        """
    }

    func runs(_ scale: Scale) -> [Run] {
        (1...scale.pick(2, 1)).flatMap { round in
            Self.kinds.map { kind in
                Run(label: "\(kind.name), round \(round)", duration: .seconds(33)) { folder in
                    let table = try await measure(kind.action.map(Self.rule) ?? "", isAlone: kind.name == "alone")
                    if round == 1 { try folder.write(table, to: "reactive-\(kind.name).csv") }
                    for (label, start, end) in [
                        ("before", 3.0, Self.cross.start), ("meanwhile", Self.cross.start + 3, Self.cross.end - 0.5),
                        ("afterwards", Self.cross.end + 4, 29.5),
                    ] {
                        let means = try Self.columns.dropFirst().map {
                            Recording.text(try table.mean($0, from: start, to: end), 2)
                        }
                        try folder.append(
                            ["\(kind.name) \(label)", "\(round)"] + means, ["run", "round"] + Self.columns.dropFirst(),
                            to: "reactive.csv")
                    }
                }
            }
        }
    }

    private func measure(_ lines: String, isAlone: Bool) async throws -> CSVTable {
        try await Lab.with(PaperNetwork.configuration()) { lab in
            try await lab.require(in: .client(0), ["ip", "address", "add", "10.1.0.3/24", "dev", "wired"])
            _ = try await lab.startSluice(configuration: lab.sluiceDefaults + lines)
            let meters = [ByteMeter(), ByteMeter()]
            let (_, samples) = try await lab.sampling(every: .milliseconds(200), meters: meters) {
                try await lab.withLoadServer {
                    async let mptcp: Void =
                        isAlone
                        ? Task.sleep(for: .seconds(30)) : lab.download(.mptcp, from: nil, meters[1], for: .seconds(30))
                    try await Task.sleep(for: .seconds(Self.cross.start))
                    let time = Duration.seconds(Self.cross.end - Self.cross.start)
                    try await lab.download(.tcp, from: "10.1.0.3", meters[0], for: time)
                    try await mptcp
                }
            }
            return Recording.rates(samples, Self.columns)
        }
    }

    func findings(_ folder: ResultFolder) throws -> Findings {
        let summary = try folder.table("reactive.csv")
        let mean = { (column: String, run: String) in try summary.mean(column, of: run) }
        let alone = try mean("cross_mbits", "alone meanwhile")
        // What loss leaves of the wireless link differs from one window to the next.
        let undisturbed = ["backup before", "backup afterwards", "none before", "none meanwhile", "none afterwards"]
        let wireless = try undisturbed.map { try mean("wireless_mbits", $0) }.reduce(0, +) / Double(undisturbed.count)
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
            plots: try ["backup", "shape", "none"].map { try plot($0, summary) },
            agreement: .beyond, reason: Self.reason,
            claims: [
                Claim(
                    "with backup the other user has nearly what it has alone",
                    try mean("cross_mbits", "backup meanwhile"),
                    .atLeast(0.9), alone, "Mbit/s"),
                Claim(
                    "and the MPTCP client keeps what it has of the wireless link otherwise",
                    try mean("wireless_mbits", "backup meanwhile"),
                    .atLeast(0.9), wireless, "Mbit/s"),
                Claim(
                    "without a rule the other user gets less", try mean("cross_mbits", "none meanwhile"), .atMost(0.9),
                    alone,
                    "Mbit/s"),
                Claim(
                    "once the other user has gone, the MPTCP client has the wired link again",
                    try mean("wired_mbits", "backup afterwards"), .atLeast(0.9),
                    try mean("wired_mbits", "backup before"),
                    "Mbit/s"),
            ])
    }

    private func plot(_ kind: String, _ summary: CSVTable) throws -> Plot {
        let figures = try ["cross_mbits", "mptcp_mbits"].map {
            Claim.text(try summary.mean($0, of: "\(kind) meanwhile"))
        }
        let words = ["backup": "action = \"backup\"", "shape": "held to 10 Mbit/s", "none": "no rule"][kind] ?? kind
        return Plot(
            name: "reactive-\(kind)", title: "Another user comes to the wired link: \(words)",
            caption: "\(words): meanwhile the other user has \(figures[0]) Mbit/s, the MPTCP client \(figures[1]).",
            x: Plot.Axis(label: "Time (s)", range: 0...30), y: Plot.Axis(label: "Goodput (Mbit/s)"),
            series: [
                .lines("reactive-\(kind).csv", "cross_mbits", "the other user's TCP"),
                .lines("reactive-\(kind).csv", "mptcp_mbits", "MPTCP"),
                .lines("reactive-\(kind).csv", "wireless_mbits", "of that by the wireless link"),
            ], events: [(Self.cross.start, "another user"), (Self.cross.end, "gone")])
    }

    private static let reason = """
        The paper calls throttling "a reactive means for network traffic regulation and congestion minimization", and has a \
        person react. Here the box does. `action = "backup"` moves the connection off the full link as a whole; `download` \
        leaves a part of it there, and what is under way on that part holds up the data of the wireless link \
        ([cross](#cross)).
        """
}
