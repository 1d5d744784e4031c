import Lab

/// Fig. 4: receive memory of 0.18 and 0.72 MB, and all that lies around.
struct ReceiveBuffers: Experiment {
    let name = "fig4"
    let title = "Fig. 4: receive buffers"
    let setup = """
        As Fig. 3, with the client's receive memory fixed (`tcp_rmem`): 0.18 MB, then 0.72 MB, as in the paper; then from 0.1 \
        to 4 MB, two rounds, and one each under BBR, with the relay's memory fixed to as much besides (`receive_buffer`), and \
        of TCP over the wired link.
        """
    let paper: String? = """
        The requirement is "a maximum of 0.48 MB". Below it (0.18 MB) data are lost at the receiver, sent again, and the \
        service degrades; with 0.72 MB the wired link is stable and the wireless one achieves a satisfactory rate.
        """
    /// Megabytes.
    private static let sweep = [0.1, 0.18, 0.36, 0.5, 0.72, 1, 1.5, 2.5, 4]
    static let kinds = [("cubic", "cubic"), ("bbr", "bbr"), ("relay", "cubic, the relay's as well")]

    func runs(_ scale: Scale) -> [Run] {
        var runs = [0.18, 0.72].map { size in
            Run.transfer(self, "long-\(size)", transfer("cubic", size, scale.seconds(20, 5)))
        }
        guard scale == .full else { return runs }
        for (kind, round) in [("cubic", 1), ("bbr", 1), ("relay", 1), ("cubic", 2)] {
            for size in Self.sweep {
                let brief = transfer(kind, size, .seconds(4))
                runs.append(
                    .transfer(self, "\(kind)-\(size)", round: round, brief, steadyFrom: 1.5, keepsSeries: false))
            }
        }
        for size in Self.sweep where size <= 1 {
            var tcp = transfer("cubic", size, .seconds(3))
            (tcp.transport, tcp.link, tcp.sluice) = (.tcp, PaperNetwork.wired, nil)
            runs.append(.transfer(self, "tcp-\(size)", tcp, keepsSeries: false))
        }
        return runs
    }

    private func transfer(_ kind: String, _ megabytes: Double, _ time: Duration) -> Transfer {
        let bytes = Int(megabytes * 1e6)
        return Transfer(
            amount: .time(time), congestionControl: kind == "bbr" ? "bbr" : "cubic", buffer: bytes,
            relayBuffer: kind == "relay" ? bytes : nil, samplesMemory: true)
    }

    func findings(_ folder: ResultFolder) throws -> Findings {
        let summary = try folder.table("fig4.csv")
        let small = try summary.mean("goodput_mbits", of: "long-0.18")
        let large = try summary.mean("goodput_mbits", of: "long-0.72")
        var findings = Findings(agreement: .partly, reason: Self.reason)
        findings.measured = [
            "Rates in Mbit/s; \"waiting\" is memory, in kB, of what the client's MPTCP holds out of order.",
            Self.arithmetic,
        ]
        findings.tables = [try MarkdownTable(summary, "run, MB", LoadBalancing.columns + Self.memory)]
        findings.plots = try ["0.18", "0.72"].flatMap { try course($0, summary) } + sweepPlots(folder, summary)
        findings.claims = [Claim("0.18 MB is clearly below 0.72 MB", small, .atMost(0.85), large, "Mbit/s")]
        if folder.has("fig4-sweep-tcp.csv") { findings.claims += try Self.claims(summary) }
        return findings
    }

    private static func claims(_ summary: CSVTable) throws -> [Claim] {
        let goodput = { (run: String) in try summary.mean("goodput_mbits", of: run) }
        return [
            Claim(
                "with 0.18 MB MPTCP is worse than TCP over the wired link", try goodput("cubic-0.18"), .atMost(0.8),
                try goodput("tcp-0.18"), "Mbit/s"),
            Claim(
                "with 1 MB it is better", try goodput("cubic-1.0"), .atLeast(1.05), try goodput("tcp-1.0"), "Mbit/s"),
            Claim(
                "beyond the knee more memory brings nothing", try goodput("cubic-4.0"), .within(0.15),
                try goodput("cubic-1.5"), "Mbit/s"),
            Claim(
                "a small memory of the relay's makes the server send again",
                try summary.mean("server_resent", of: "relay-0.18"),
                .atLeast(3), try summary.mean("server_resent", of: "cubic-0.18"), "segments"),
        ]
    }

    private static let memory = [("waiting_kb_mean", "waiting, mean"), ("waiting_kb_max", "waiting, most")]

    private static var arithmetic: String {
        let needed = PaperNetwork.neededWindow / 1e6
        return """
            **What is needed.** RFC 6182 (section 5.3) asks for a window of 2 · Σ rate · longest round trip: 2 · (90 + 25) \
            Mbit/s · 30 ms = \(Claim.text(needed)) MB, half of it for the time in which a lost segment is sent again. That is \
            with empty queues. Cubic fills the wireless link's queue of 100 ms, which makes a single round trip's worth \
            115 Mbit/s · 130 ms = \(Claim.text(PaperNetwork.windowForQueue / 1e6)) MB. Memory has to be larger than the window \
            by what the kernel counts around the payload. The paper's 0.48 MB are for its own links.
            """
    }

    private static let reason = """
        0.18 MB is clearly below 0.72 MB, and the rate rises until it passes TCP's between 0.5 and 0.72 MB: about where the \
        paper has the requirement, although for other links. Below that MPTCP is worse than TCP over the wired link with the \
        same memory: what waits for the wireless link's data takes the window from the wired link, whose rate falls most. Near \
        the knee runs differ much; from 1 MB on they don't. BBR, which keeps the wireless link fuller, needs more to be at its \
        best. Since the links' full queues belong to the round trip, the window that RFC 6182 asks for is an estimate here, \
        not a bound.

        What we don't see at the client is "data loss at the receiver, leading to unavoidable packet retransmissions": its \
        kernel takes what it has advertised, and reinjections are few. We do see it on the proxy's other side. When the relay's \
        memory is as small, the box's kernel drops some of what the server has sent and there is no room for (`queue_drops` in \
        the CSV), and the server sends it again; the client's rate shows little of that, if the single runs with the relay's \
        memory fixed tell anything.
        """
}
