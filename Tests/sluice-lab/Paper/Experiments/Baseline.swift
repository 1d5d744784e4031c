import Lab

/// Fig. 2: TCP over one link at a time; an MPTCP client that finds no MPTCP server.
struct Baseline: Experiment {
    let name = "fig2"
    let title = "Fig. 2: baseline, without the box"
    let setup = """
        Plain forwarding. A TCP client downloads over the wired link, then over the wireless one. An MPTCP client, with \
        both links, downloads from the server, which speaks TCP alone.
        """
    let paper: String? = """
        Without the proxy the server doesn't answer the MPTCP option, the client falls back, and uses one link. The figure \
        has the throughput of a wired and of a wireless session.
        """

    func runs(_ scale: Scale) -> [Run] {
        let time = Transfer.Amount.time(scale.seconds(12, 3))
        return [
            .transfer(self, "wired", Transfer(amount: time, transport: .tcp, link: PaperNetwork.wired, sluice: nil)),
            .transfer(
                self, "wireless", Transfer(amount: time, transport: .tcp, link: PaperNetwork.wireless, sluice: nil)),
            .transfer(self, "mptcp", Transfer(amount: time, transport: .mptcp, sluice: nil)),
        ]
    }

    func findings(_ folder: ResultFolder) throws -> Findings {
        let summary = try folder.table("fig2.csv")
        let wired = try summary.mean("goodput_mbits", of: "wired")
        let wireless = try summary.mean("goodput_mbits", of: "wireless")
        let fallen = try summary.mean("goodput_mbits", of: "mptcp")
        let beside = try summary.mean("wireless_mbits", of: "mptcp")
        return Findings(
            measured: ["Rates in Mbit/s from the third second on."],
            tables: [
                try MarkdownTable(
                    summary, "session",
                    [
                        ("wired_mbits", "wired"), ("wireless_mbits", "wireless"), ("goodput_mbits", "goodput"),
                    ])
            ],
            plots: [
                Plot(
                    name: "fig2", title: "Fig. 2: sessions over one link, without the box",
                    caption: """
                        TCP brings \(Claim.text(wired)) Mbit/s over the wired link and \(Claim.text(wireless)) over the wireless \
                        one; an MPTCP client whose server speaks TCP falls back and uses the wired link alone \
                        (\(Claim.text(fallen)) Mbit/s).
                        """,
                    series: [
                        .lines("fig2-wired.csv", "total_mbits", "TCP, wired"),
                        .lines("fig2-wireless.csv", "total_mbits", "TCP, wireless"),
                        .lines("fig2-mptcp.csv", "total_mbits", "MPTCP client, fallen back", .dashes),
                    ])
            ],
            agreement: .yes,
            reason: """
                Each session has its one link's capacity, and no more. The wireless session is less steady: its queue is \
                emptied by each of the losses that the wired link doesn't have.
                """,
            claims: [
                Claim("without the box an MPTCP client has what TCP has", fallen, .within(0.1), wired, "Mbit/s"),
                Claim("and leaves the other link alone", beside, .atMost(0.01), fallen, "Mbit/s"),
                Claim("the wired link is the faster one", wired, .atLeast(2), wireless, "Mbit/s"),
            ])
    }
}
