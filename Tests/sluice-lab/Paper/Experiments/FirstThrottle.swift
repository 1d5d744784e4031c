import Lab

/// Fig. 6: a throttle during a transfer that is short, the first time and again.
struct FirstThrottle: Experiment {
    let name = "fig6"
    let title = "Fig. 6: throttling a 5 MB transfer, the first time and again"
    let setup = """
        Sluice has just started, with a rule that holds the wired link's subflow to 10 Mbit/s once there is a second one. \
        The client downloads 5 MB, then the same again, then 28 times more. A probe in the box sees the ACK that completes \
        the second subflow, and the first packet of the throttled one that leaves in its class (two NFQUEUEs of the \
        probe's own, whose turns are part of the time).
        """
    let paper: String? = """
        In the first transfer the throttle comes late ("the process completion delay"); in the second the classes "will be \
        already installed", and it holds from the beginning.
        """
    private static let size: UInt64 = 5_000_000

    func runs(_ scale: Scale) -> [Run] {
        [
            .transfer(self, "free", Transfer(amount: .bytes(Self.size), interval: .milliseconds(20))),
            Run(label: "throttled", duration: .seconds(scale.pick(50, 8))) { folder in
                try await throttled(scale.pick(28, 3), folder)
            },
        ]
    }

    private func throttled(_ more: Int, _ folder: ResultFolder) async throws {
        let transfer = Transfer(
            amount: .bytes(Self.size), sluice: PaperNetwork.throttle("10mbit"), interval: .milliseconds(20))
        try await Lab.with(PaperNetwork.configuration(sendingBy: transfer.congestionControl)) { lab in
            try await transfer.prepare(lab)
            try await lab.startSluice(configuration: transfer.configuration(lab, transfer.sluice!))
            let probe = try await ThrottleProbe(
                lab, join: lab.links(of: .client(0))[PaperNetwork.wireless], classMask: 0xff_0000)
            defer { probe.stop() }
            for number in 1...more + 2 {
                let recording = try await transfer.carryOut(lab) {}
                if let label = [1: "first", 2: "again"][number] {
                    try folder.write(recording.series, to: "fig6-\(label).csv")
                    let row = recording.summary(label, round: 1, from: 0, to: recording.seconds)
                    try folder.append(row, Recording.summaryColumns, to: "fig6.csv")
                }
                let effect = probe.take().map { Recording.text($0.inSeconds * 1000, 3) } ?? ""
                try folder.append(
                    ["\(number)", effect, Recording.text(recording.seconds, 3)],
                    ["transfer", "effect_ms", "seconds"], to: "fig6-effect.csv")
            }
        }
    }

    func findings(_ folder: ResultFolder) throws -> Findings {
        let effects = try folder.table("fig6-effect.csv")
        let all = try effects.numbers("effect_ms")
        // The probe may miss a transfer.
        let times = all.filter(\.isFinite)
        let seconds = try effects.numbers("seconds")
        let later = Statistics.median(all.dropFirst().filter(\.isFinite))
        let figures = [all[0], later, Statistics.quantile(times, 0.9), times.max() ?? .nan].map { Claim.text($0) }
        let held = try ["first", "again"].map { try Self.heldRate(try folder.table("fig6-\($0).csv")) }
        return Findings(
            measured: [
                """
                From the second subflow to the throttle's effect it took \(figures[0]) ms in the first transfer; \
                \(figures[1]) ms in the median of the others; in \(times.count) of \(all.count) transfers the probe saw both: nine of ten took at most \(figures[2]) ms, \
                the longest \(figures[3]) ms.
                """
            ],
            tables: [
                try MarkdownTable(
                    try folder.table("fig6.csv"), "transfer",
                    [("seconds", "seconds"), ("whole_mbits", "Mbit/s"), ("box_resent", "sent again")])
            ],
            plots: [
                Self.plot(
                    "first", "a", "the first 5 MB",
                    "The throttle holds \(figures[0]) ms after the second subflow is there."),
                Self.plot(
                    "again", "b", "5 MB again",
                    "The second time nothing is different: the classes needn't be in place before."),
            ],
            agreement: .partly, reason: Self.reason,
            claims: [
                Claim(
                    "the first transfer takes as long as the median of those after it, within two fifths",
                    seconds[0],
                    .within(0.4), Statistics.median(Array(seconds.dropFirst())), "s"),
                Claim("in the first transfer the wired link is held", held[0], .atMost(1.3), 10, "Mbit/s"),
                Claim("in the second as well", held[1], .atMost(1.3), 10, "Mbit/s"),
                Claim(
                    "the throttle has taken hold within a tenth of the first transfer, each time", times.max() ?? .nan,
                    .atMost(0.1), seconds[0] * 1000, "ms"),
            ])
    }

    /// Mbit/s of the wired link from 300 ms on: what was on its way when the throttle began is through by then.
    private static func heldRate(_ series: CSVTable) throws -> Double {
        let rows = zip(try series.numbers("seconds"), try series.numbers("wired_mbits")).filter { $0.0 > 0.3 }
        return Statistics.mean(rows.map(\.1))
    }

    private static func plot(_ file: String, _ letter: String, _ what: String, _ caption: String) -> Plot {
        Plot(
            name: "fig6\(letter)", title: "Fig. 6\(letter): \(what), the wired link held to 10 Mbit/s",
            caption: caption,
            series: Plot.Series.links("fig6-\(file).csv"), levels: [(10, "the throttle's rate")])
    }

    private static let reason = """
        The first transfer and its repetition have the same course: the class is made while the second subflow's handshake is \
        seen, and needn't be there before. In both the wired link is full until the second subflow stands, one round trip of \
        the wireless link after the first, and until its queue of what was sent by then has drained; the paper's Fig. 6b, with \
        its classes set up before the transfer, wouldn't show that. What comes after isn't smooth: the data that wait behind \
        the throttle hold up those of the wireless link for the first seconds.
        """
}
