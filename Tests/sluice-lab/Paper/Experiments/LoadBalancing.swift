import Lab

/// Fig. 3: both links at once, through the box, under each congestion control that there is.
struct LoadBalancing: Experiment {
    let name = "fig3"
    let title = "Fig. 3: dynamic load balancing"
    let setup = """
        The same client and server with Sluice in the box, once under each of Cubic, Reno and BBR; beside each, TCP over \
        the wired link, without the box, under the same.
        """
    let paper: String? = """
        With the proxy the client uses both links. "The largest percentage of packets" goes by the wired link, and "the \
        wireless link remains almost fully underutilized", since coupled congestion control takes it for inferior while \
        the wired one isn't congested; MPTCP offers "no less capacity compared to a legacy TCP session".
        """
    static let controls = ["cubic", "reno", "bbr"]

    func runs(_ scale: Scale) -> [Run] {
        let time = scale.seconds(15, 4)
        return scale.pick(Self.controls, ["cubic"]).flatMap { control in
            [
                Run.transfer(self, control, Transfer(amount: .time(time), congestionControl: control)),
                .transfer(
                    self, "\(control)-tcp",
                    Transfer(
                        amount: .time(scale.seconds(8, 3)), transport: .tcp, link: PaperNetwork.wired, sluice: nil,
                        congestionControl: control), keepsSeries: false),
            ]
        }
    }

    func findings(_ folder: ResultFolder) throws -> Findings {
        let summary = try folder.table("fig3.csv")
        let controls = try Self.controls.filter { try summary.texts("run").contains($0) }
        var claims: [Claim] = []
        var plots: [Plot] = []
        for control in controls {
            let total = try summary.mean("goodput_mbits", of: control)
            let single = try summary.mean("goodput_mbits", of: "\(control)-tcp")
            let wired = try summary.mean("wired_mbits", of: control)
            let wireless = try summary.mean("wireless_mbits", of: control)
            claims += [
                Claim(
                    "\(control): both links together bring more than the better one alone", total, .atLeast(1.05),
                    single, "Mbit/s"),
                Claim("\(control): the wired link carries most", wired, .atLeast(1.5), wireless, "Mbit/s"),
            ]
            plots.append(
                Plot(
                    name: "fig3-\(control)", title: "Fig. 3: MPTCP through the box, \(control)",
                    caption: """
                        \(control): the wired link carries \(Claim.text(wired)) Mbit/s, the wireless one \
                        \(Claim.text(wireless)); goodput is \(Claim.text(total / single)) times that of TCP over the wired link.
                        """,
                    series: Plot.Series.links("fig3-\(control).csv"),
                    levels: [(single, "TCP over the wired link alone")]))
        }
        return Findings(
            measured: ["Rates in Mbit/s from the third second on; runs with `-tcp` are TCP over the wired link."],
            tables: [try MarkdownTable(summary, "run", Self.columns)], plots: plots, agreement: .partly,
            reason: Self.reason,
            claims: claims)
    }

    static let columns = [
        ("wired_mbits", "wired"), ("wireless_mbits", "wireless"), ("total_mbits", "both"), ("goodput_mbits", "goodput"),
        ("box_resent", "sent again"), ("reinjected", "reinjected"), ("out_of_order", "out of order"),
    ]

    private static let reason = """
        Most goes by the wired link, and the total is no less than TCP's, as in the paper. But here the wireless link isn't \
        left idle. Upstream Linux has no coupled congestion control, by which the paper's sender holds back on the path that \
        looks inferior: each subflow takes what its own path gives. Under Cubic and Reno that is what TCP would have over the \
        wireless link alone (Fig. 2), since each loss there is taken for congestion; BBR doesn't take it so and fills the link. \
        For an operator who pays for the wireless link this difference matters, and throttling it, or \
        `action = "backup"`, is the way to have the paper's behaviour.
        """
}
