import Lab

/// Beyond the paper: a link that dies without a word, and returns.
struct Outage: Experiment {
    let name = "outage"
    let title = "Beyond the paper: a link dies and returns"
    let setup = """
        A download of 26 s through the box. After 5 s the wired link loses every packet, both ways, without an interface \
        going down or an ICMP message; after 13 s it is back. The same for TCP over the wired link without the box.
        """
    let paper: String? = nil
    private static let cut = 5.0
    private static let back = 13.0

    func runs(_ scale: Scale) -> [Run] {
        let amount = Transfer.Amount.time(.seconds(26))
        return [
            ("mptcp", Transfer(amount: amount)),
            ("tcp", Transfer(amount: amount, transport: .tcp, link: PaperNetwork.wired, sluice: nil)),
        ].prefix(scale.pick(2, 1)).map { label, transfer in
            .transfer(self, label, transfer, steadyFrom: 0) { lab, _ in
                let link = lab.links(of: .client(0))[PaperNetwork.wired]
                try await Task.sleep(for: .seconds(Self.cut))
                try lab.cut(link)
                try await Task.sleep(for: .seconds(Self.back - Self.cut))
                try lab.restore(link)
            }
        }
    }

    func findings(_ folder: ResultFolder) throws -> Findings {
        let mptcp = try folder.table("outage-mptcp.csv")
        let before = try mptcp.mean("goodput_mbits", from: 2, to: Self.cut)
        let without = try mptcp.mean("goodput_mbits", from: Self.cut + 2, to: Self.back)
        let recovery = try Self.recovery(mptcp, of: 0.8 * before)
        let pause = try Self.pause(mptcp)
        var plot = Plot(
            name: "outage", title: "The wired link dies and returns",
            caption: """
                MPTCP stands still for \(Claim.text(pause)) s, goes on by the wireless link at \(Claim.text(without)) Mbit/s, \
                and is back at four fifths of its rate \(Claim.text(recovery)) s after the link.
                """,
            x: Plot.Axis(label: "Time (s)", range: 0...26), y: Plot.Axis(label: "Goodput (Mbit/s)"),
            series: [.lines("outage-mptcp.csv", "goodput_mbits", "MPTCP through the box")],
            events: [(Self.cut, "wired link dies"), (Self.back, "returns")])
        var measured = [
            """
            Before, goodput is \(Claim.text(before)) Mbit/s; without the wired link \(Claim.text(without)). The longest time in \
            which nothing arrived is \(Claim.text(pause)) s. Four fifths of the rate before are reached \
            \(Claim.text(recovery)) s after the link's return.
            """
        ]
        if folder.has("outage-tcp.csv") {
            let tcp = try folder.table("outage-tcp.csv")
            plot = plot.adding(.lines("outage-tcp.csv", "goodput_mbits", "TCP, wired"))
            measured.append(
                "TCP stands still for \(Claim.text(try Self.pause(tcp))) s: the outage, and what is left of its retransmission timeout."
            )
        }
        return Findings(
            measured: measured, plots: [plot], agreement: .beyond, reason: Self.reason,
            claims: [
                Claim(
                    "MPTCP goes on while the link is dead", without, .atLeast(0.3), PaperNetwork.wirelessRate, "Mbit/s"),
                Claim("it comes back when the link does", recovery, .atMost(1), 13, "s"),
            ])
    }

    /// The longest run of samples without a byte of payload, in seconds.
    private static func pause(_ series: CSVTable) throws -> Double {
        var (last, longest) = (0.0, 0.0)
        for (time, goodput) in zip(try series.numbers("seconds"), try series.numbers("goodput_mbits")) where goodput > 0
        {
            longest = max(longest, time - last)
            last = time
        }
        return longest
    }

    /// Seconds from the link's return to the first sample at this rate.
    private static func recovery(_ series: CSVTable, of rate: Double) throws -> Double {
        let rows = zip(try series.numbers("seconds"), try series.numbers("goodput_mbits"))
        return rows.first { $0.0 > back && $0.1 >= rate }.map { $0.0 - back } ?? .nan
    }

    private static let reason = """
        What was on the wired link when it died is missing until that subflow's retransmission timer makes MPTCP send it again \
        by the other one: that is the pause. The wireless link alone then carries the transfer. The wired subflow comes back \
        when its timer, doubled with each attempt, tries again, as TCP's does; the longer the outage, the longer that takes. No \
        connection is lost in either case; but TCP's stands still all the time.
        """
}
