/// The pictures of Fig. 4.
extension ReceiveBuffers {
    func course(_ size: String, _ summary: CSVTable) throws -> [Plot] {
        let file = "fig4-long-\(size).csv"
        let goodput = try summary.mean("goodput_mbits", of: "long-\(size)")
        let waiting = try summary.mean("waiting_kb_mean", of: "long-\(size)")
        let retransmitted = try summary.mean("box_resent", of: "long-\(size)")
        return [
            Plot(
                name: "fig4-\(size)", title: "Fig. 4: receive memory of \(size) MB",
                caption: """
                    With \(size) MB the links bring \(Claim.text(try summary.mean("wired_mbits", of: "long-\(size)"))) and \
                    \(Claim.text(try summary.mean("wireless_mbits", of: "long-\(size)"))) Mbit/s, \(Claim.text(goodput)) of \
                    goodput; \(decimal(retransmitted, places: 0)) segments are sent again, and \
                    \(decimal(waiting, places: 0)) kB wait out of order on average.
                    """,
                right: Plot.Axis(label: "Waiting out of order (kB)"),
                series: Plot.Series.links(file) + [
                    Plot.Series(
                        file: file, x: "seconds", y: ["waiting_kb"], title: "waiting at the client", onRight: true)
                ])
        ]
    }

    func sweepPlots(_ folder: ResultFolder, _ summary: CSVTable) throws -> [Plot] {
        guard try summary.texts("run").contains("bbr-1.0") else { return [] }
        let columns = [
            "goodput_mbits", "wired_mbits", "wireless_mbits", "box_resent", "server_resent", "reinjected",
            "waiting_kb_max",
        ]
        for kind in Self.kinds.map(\.0) + ["tcp"] {
            try folder.write(try summary.spans("\(kind)-", "buffer_mb", columns), to: "fig4-sweep-\(kind).csv")
        }
        let axis = Plot.Axis(label: "Receive memory (MB)", range: 0.09...4.4, isLogarithmic: true)
        return [
            Plot(
                name: "fig4-sweep", title: "Fig. 4, continued: goodput by receive memory",
                caption: try Self.knees(folder), x: axis, y: Plot.Axis(label: "Goodput (Mbit/s)"),
                series: Self.kinds.map { kind, title in
                    .spans("fig4-sweep-\(kind).csv", "buffer_mb", "goodput_mbits", "MPTCP, \(title)")
                } + [.spans("fig4-sweep-tcp.csv", "buffer_mb", "goodput_mbits", "TCP over the wired link")],
                events: [
                    (PaperNetwork.neededWindow / 1e6, "RFC 6182"),
                    (PaperNetwork.windowForQueue / 1e6, "with a full queue"),
                ]),
            Plot(
                name: "fig4-reorder", title: "Fig. 4, continued: what waits, and what is sent twice (cubic)",
                caption: try Self.reordering(folder), x: axis, y: Plot.Axis(label: "Waiting out of order, most (kB)"),
                right: Plot.Axis(label: "Segments in 4 s"),
                series: [
                    .spans("fig4-sweep-cubic.csv", "buffer_mb", "waiting_kb_max", "waiting at the client"),
                    .spans("fig4-sweep-cubic.csv", "buffer_mb", "box_resent", "sent again by the box", onRight: true),
                    .spans("fig4-sweep-cubic.csv", "buffer_mb", "reinjected", "reinjected by the box", onRight: true),
                    .spans(
                        "fig4-sweep-relay.csv", "buffer_mb", "server_resent", "by the server, relay's fixed",
                        onRight: true),
                ]),
        ]
    }

    /// Where goodput reaches nine tenths of what it is at most.
    private static func knees(_ folder: ResultFolder) throws -> String {
        let knees = try ["cubic", "bbr", "relay", "tcp"].map { kind in
            let table = try folder.table("fig4-sweep-\(kind).csv")
            let goodput = try table.numbers("goodput_mbits")
            let index = goodput.firstIndex { $0 >= 0.9 * (goodput.max() ?? 0) } ?? 0
            return Claim.text(try table.numbers("buffer_mb")[index])
        }
        return """
            Nine tenths of the highest goodput are reached at \(knees[0]) MB under Cubic and at \(knees[1]) MB under BBR, at \
            \(knees[2]) MB when the relay has no more than the client, and at \(knees[3]) MB by TCP over the wired link alone.
            """
    }

    private static func reordering(_ folder: ResultFolder) throws -> String {
        let (client, relay) = (try folder.table("fig4-sweep-cubic.csv"), try folder.table("fig4-sweep-relay.csv"))
        let most = { (table: CSVTable, column: String) in
            decimal(try table.numbers(column).max() ?? .nan, places: 0)
        }
        return """
            Up to \(try most(client, "waiting_kb_max")) kB wait out of order. The box sends at most \
            \(try most(client, "box_resent")) segments again in a run, and reinjects \(try most(client, "reinjected")); where \
            the relay's memory is small, the server has to send up to \(try most(relay, "server_resent")) again.
            """
    }
}
