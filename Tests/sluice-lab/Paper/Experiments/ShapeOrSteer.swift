import Lab

/// Beyond the paper: a throttle against MP_PRIO, and what each does when the other link fails.
struct ShapeOrSteer: Experiment {
    let name = "steering"
    let title = "Beyond the paper: shaping against steering"
    let setup = """
        A download of 30 s. After 6 s a rule is added for the wired link: `download = "10mbit"` in one run, `action = \
        "backup"` (MP_PRIO) in the other. After 14 s the wireless link dies, after 21 s it returns. \
        [throttling.md](../throttling.md) has the two actions' other differences.
        """
    let paper: String? = nil
    private static let times = (rule: 6.0, cut: 14.0, back: 21.0)

    /// A rule that holds nobody, so that connections can be steered from the start.
    static let ready = """

        [[throttle]]
        name = "ready"
        interface = "wan0"
        action = "backup"

        """

    func runs(_ scale: Scale) -> [Run] {
        [("shape", "", ["--download", "10mbit"]), ("backup", Self.ready, ["--action", "backup"])].map {
            label, lines, rule in
            .transfer(self, label, Transfer(amount: .time(.seconds(30)), sluice: lines), steadyFrom: 0) { lab, sluice in
                let link = lab.links(of: .client(0))[PaperNetwork.wireless]
                try await Task.sleep(for: .seconds(Self.times.rule))
                try await lab.addThrottle(sluice!, rule)
                try await Task.sleep(for: .seconds(Self.times.cut - Self.times.rule))
                try lab.cut(link)
                try await Task.sleep(for: .seconds(Self.times.back - Self.times.cut))
                try lab.restore(link)
            }
        }
    }

    func findings(_ folder: ResultFolder) throws -> Findings {
        var table = MarkdownTable(
            heading: ["rule", "link", "before Mbit/s", "with the rule", "wireless dead", "wireless back"])
        var means: [String: [Double]] = [:]
        for run in ["shape", "backup"] {
            let series = try folder.table("steering-\(run).csv")
            for (column, link) in [
                ("wired_mbits", "wired"), ("wireless_mbits", "wireless"), ("goodput_mbits", "goodput"),
            ] {
                let values = try [(2, Self.times.rule), (8, Self.times.cut), (17, Self.times.back), (26, 30)].map {
                    try series.mean(column, from: $0.0, to: $0.1)
                }
                means["\(run) \(link)"] = values
                table.rows.append([run, link] + values.map(Claim.text))
            }
        }
        let value = { (key: String, phase: Int) in means[key]?[phase] ?? .nan }
        return Findings(
            measured: ["Means over the last seconds of each phase."], tables: [table],
            plots: [("shape", "held to 10 Mbit/s"), ("backup", "made a backup")].map { run, what in
                Plot(
                    name: "steering-\(run)", title: "The wired link is \(what); later the wireless link fails",
                    caption: """
                        \(run): the wired link carries \(Claim.text(value("\(run) wired", 1))) Mbit/s under the rule, and \
                        \(Claim.text(value("\(run) wired", 2))) when the wireless link is dead.
                        """,
                    x: Plot.Axis(label: "Time (s)", range: 0...30),
                    series: Plot.Series.links("steering-\(run).csv"),
                    events: [
                        (Self.times.rule, "rule"), (Self.times.cut, "wireless dies"), (Self.times.back, "returns"),
                    ])
            },
            agreement: .beyond, reason: Self.reason,
            claims: [
                Claim(
                    "shaped, the wired link is at the rule's rate", value("shape wired", 1), .within(0.2), 10, "Mbit/s"),
                Claim(
                    "as a backup it carries nothing", value("backup wired", 1), .atMost(0.05), PaperNetwork.wiredRate,
                    "Mbit/s"),
                Claim(
                    "when the other link fails, a backup takes over at full speed, a shaped link can't",
                    value("backup wired", 2), .atLeast(2), value("shape wired", 2), "Mbit/s"),
            ])
    }

    private static let reason = """
        A shaped link goes on carrying its rate, and no more when it is the only one left; a backup carries nothing, and all \
        when it is. The shaped transfer has the sum of the two, but for the unsteady seconds after the rule begins; the \
        steered one has the wireless link alone, from the moment of the rule.
        """
}
