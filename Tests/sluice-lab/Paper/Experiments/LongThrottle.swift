import Lab

/// Fig. 7: 200 MB with the wired link throttled.
struct LongThrottle: Experiment {
    let name = "fig7"
    let title = "Fig. 7: throttling during 200 MB"
    let setup = """
        200 MB through the box, with 0.72 MB of receive memory as in Fig. 4b: without a throttle, and with the wired link's \
        subflow held to 10 Mbit/s from the second subflow on. Then both, and a throttle of 70 Mbit/s, with memory that the \
        kernel tunes; and TCP over each link, without the box.
        """
    let paper: String? = """
        Once the policies are in place, data move to the wireless link, which "manages to achieve a higher throughput rate \
        compared to throttling-free transmissions". The whole is "slightly inferior" to a transfer without throttle, \
        "a differentiation that can be undone by the proper reconfiguration of the capacity limitation levels", and \
        "MPTCP still outperforms legacy TCP".
        """

    func runs(_ scale: Scale) -> [Run] {
        let size = UInt64(scale.pick(200_000_000, 30_000_000))
        let bits = Double(size) * 8e-6
        /// `rate` is what it is expected to bring, Mbit/s.
        func run(_ label: String, _ throttle: String?, _ memory: Double?, rate: Double) -> Run {
            let lines = throttle.map(PaperNetwork.throttle) ?? ""
            let transfer = Transfer(amount: .bytes(size), sluice: lines, buffer: memory.map { Int($0 * 1e6) })
            return .transfer(self, label, transfer, lasting: .seconds(bits / rate))
        }
        func tcp(_ label: String, _ link: Int, _ amount: Transfer.Amount) -> Run {
            .transfer(self, label, Transfer(amount: amount, transport: .tcp, link: link, sluice: nil))
        }
        return [
            run("free-0.72", nil, 0.72, rate: 45), run("10mbit-0.72", "10mbit", 0.72, rate: 28),
            run("70mbit", "70mbit", nil, rate: 85), tcp("tcp-wired", PaperNetwork.wired, .bytes(size)),
        ]
            + scale.pick(
                [
                    run("free", nil, nil, rate: 100), run("10mbit", "10mbit", nil, rate: 32),
                    tcp("tcp-wireless", PaperNetwork.wireless, .time(.seconds(20))),
                ], [])
    }

    func findings(_ folder: ResultFolder) throws -> Findings {
        let summary = try folder.table("fig7.csv")
        let mean = { (column: String, run: String) in try summary.mean(column, of: run) }
        let (throttled, free) = (try mean("wireless_mbits", "10mbit-0.72"), try mean("wireless_mbits", "free-0.72"))
        let (mild, tcp) = (try mean("whole_mbits", "70mbit"), try mean("whole_mbits", "tcp-wired"))
        var findings = Findings(agreement: .partly, reason: Self.reason)
        findings.measured = [
            "\"Whole\" is payload by the time of the whole transfer; links from the third second on, Mbit/s."
        ]
        findings.tables = [
            try MarkdownTable(
                summary, "run",
                [("seconds", "seconds"), ("whole_mbits", "whole")]
                    + LoadBalancing.columns.filter { $0.0 != "goodput_mbits" })
        ]
        findings.plots = [
            Plot(
                name: "fig7-10mbit", title: "Fig. 7: the wired link held to 10 Mbit/s, 0.72 MB",
                caption: """
                    The wired link is at its rate from the beginning \
                    (\(Claim.text(try mean("wired_mbits", "10mbit-0.72"))) Mbit/s), and the wireless one carries \
                    \(Claim.text(throttled)) Mbit/s, against \(Claim.text(free)) without the throttle.
                    """, series: Plot.Series.links("fig7-10mbit-0.72.csv")),
            Plot(
                name: "fig7-free", title: "Fig. 7: the same without a throttle, 0.72 MB",
                caption: "Without the throttle the 200 MB take \(Claim.text(try mean("seconds", "free-0.72"))) s.",
                series: Plot.Series.links("fig7-free-0.72.csv")),
        ]
        if folder.has("fig7-free.csv") { findings.plots.append(totals(mild, tcp)) }
        findings.claims = [
            Claim(
                "the throttled link is at its rate", try mean("wired_mbits", "10mbit-0.72"), .within(0.15), 10, "Mbit/s"
            ),
            Claim("the wireless link carries more than without a throttle", throttled, .atLeast(1.15), free, "Mbit/s"),
            Claim("with a milder throttle MPTCP still outperforms TCP", mild, .atLeast(1), tcp, "Mbit/s"),
        ]
        return findings
    }

    private func totals(_ mild: Double, _ tcp: Double) -> Plot {
        Plot(
            name: "fig7-total", title: "Fig. 7, continued: what arrives, memory tuned by the kernel",
            caption: """
                With the wired link held to 70 Mbit/s, MPTCP brings \(Claim.text(mild)) Mbit/s, more than the \
                \(Claim.text(tcp)) of TCP on that link, and leaves a fifth of it to others.
                """,
            series: [
                .lines("fig7-free.csv", "total_mbits", "MPTCP"),
                .lines("fig7-70mbit.csv", "total_mbits", "wired held to 70"),
                .lines("fig7-10mbit.csv", "total_mbits", "wired held to 10"),
                .lines("fig7-tcp-wired.csv", "total_mbits", "TCP, wired"),
                .lines("fig7-tcp-wireless.csv", "total_mbits", "TCP, wireless"),
            ])
    }

    private static let reason = """
        The wireless link carries more than without a throttle, as in the paper. The whole is not "slightly inferior" but \
        much: our wired link is more than three times as fast as the wireless one, and nine tenths of it are taken away; \
        the paper doesn't say what its links and its throttle were. That a milder throttle undoes it holds, and with that \
        MPTCP outperforms TCP; held to 10 Mbit/s it outperforms TCP over the wireless link and over a wired link that is held \
        as much, but not TCP over a free wired link. One difference is Sluice's own: with the throttle the box sends by BBR, \
        without by Cubic, and BBR alone brings more over the lossy link (Fig. 3).
        """
}
