import Lab

/// Table 1: how long the box takes to convert.
struct ConversionTime: Experiment {
    let name = "table1"
    let title = "Table 1: conversion time"
    let setup = """
        A client whose links have neither limit nor delay opens 500 connections one after the other, with ten messages of 64 \
        bytes on each, which the server sends back: with nothing else going on ("idle"); while another client's links, those \
        of the other experiments, are full both ways ("links full"); and beside eight downloads and eight uploads without a \
        limit, which leave no processor time to anybody ("saturated", three rounds of 3 s). Times are tcpdump's on the box's \
        interfaces: from a SYN's arrival to that of the connection to the server leaving, and from the arrival of a message, \
        either way, to its departure.
        """
    let paper: String? = """
        SYN 0.0078341 ± 0.0006805 s, data 0.0153311 ± 0.0080645 s, measured by packet filter rules at both ends of a proxy in \
        a virtual machine; a hypervisor and an application-level proxy are given as reasons.
        """
    /// The paper's, in seconds.
    private static let reported = [
        "SYN": (mean: 0.0078341, text: "0.0078341 ± 0.0006805"),
        "data": (mean: 0.0153311, text: "0.0153311 ± 0.0080645"),
    ]
    private static let columns = ["state", "what", "count", "mean_s", "deviation_s", "p50_s", "p99_s", "longest_s"]

    private static let states = [("idle", "idle"), ("full", "links full"), ("saturated", "saturated")]

    func runs(_ scale: Scale) -> [Run] {
        Self.states.prefix(scale.pick(3, 1)).map { state, _ in
            Run(label: state, duration: .seconds(16)) { folder in
                let delays = try await measure(state, scale)
                let (syn, data) = (delays.flatMap(\.syn), delays.flatMap { $0.toServer + $0.toClient })
                for (what, times) in [("SYN", syn), ("data", data)] {
                    guard let summary = DelaySummary(times) else {
                        throw LabCommandError(description: "no \(what) was converted")
                    }
                    let nanoseconds =
                        [summary.mean, summary.deviation] + [summary.p50, summary.p99, summary.max].map { Double($0) }
                    try folder.append(
                        [state, what, "\(summary.count)"] + nanoseconds.map { Recording.text($0 / 1e9, 7) },
                        Self.columns,
                        to: "table1.csv")
                }
                try folder.write(Self.distribution(syn, data), to: "table1-\(state).csv")
            }
        }
    }

    private func measure(_ state: String, _ scale: Scale) async throws -> [ConversionDelays] {
        let network = LabConfiguration(clients: [.init(), .init(links: PaperNetwork.links)])
        return try await Lab.with(network) { lab in
            try await lab.startSluice()
            return try await lab.withLoadServer {
                var plan = ConversionDelayPlan(to: lab.endpoint(.server(0), port: LoadServer.echoPort), .mptcp)
                plan.connections = scale.pick(500, 100)
                var bulk = BulkPlan(to: lab.endpoint(.server(0), port: LoadServer.bulkPort), .mptcp)
                switch state {
                case "full":
                    (bulk.downloads, bulk.uploads, bulk.duration) = (4, 4, .seconds(12))
                    return [try await measure(plan, beside: bulk, in: lab)]
                case "saturated":
                    (bulk.downloads, bulk.uploads, bulk.duration) = (8, 8, .seconds(3))
                    plan.load = bulk
                    var rounds: [ConversionDelays] = []
                    for _ in 1...3 { rounds.append(try await lab.measureConversionDelay(plan).delays) }
                    return rounds
                default: return [try await lab.measureConversionDelay(plan).delays]
                }
            }
        }
    }

    /// While the other client's links are full.
    private func measure(
        _ plan: ConversionDelayPlan, beside bulk: BulkPlan, in lab: Lab
    ) async throws -> ConversionDelays {
        async let load = lab.inside(.client(1)) { try bulk.run() }
        try await Task.sleep(for: .seconds(1))
        let report = try await lab.measureConversionDelay(plan)
        let failures = try await load.failures
        guard failures.isEmpty else { throw LabError.transfer(failures) }
        return report.delays
    }

    /// The times, in milliseconds, that shares of all don't exceed.
    private static func distribution(_ syn: [UInt64], _ data: [UInt64]) -> CSVTable {
        let sorted = [syn, data].map { $0.map { Double($0) / 1e6 }.sorted() }
        var table = CSVTable(["share", "syn_ms", "data_ms"])
        for step in 1...200 {
            let share = Double(step) / 200
            table.append([Recording.text(share, 3)] + sorted.map { Recording.text(Statistics.quantile($0, share), 4) })
        }
        return table
    }

    func findings(_ folder: ResultFolder) throws -> Findings {
        let summary = try folder.table("table1.csv")
        var table = MarkdownTable(heading: [
            "", "", "times", "mean (s)", "p50 (s)", "p99 (s)", "the paper's mean by ours",
        ])
        for what in ["SYN", "data"] {
            table.rows.append(["the paper", what, "", Self.reported[what]!.text, "", "", ""])
        }
        var claims: [Claim] = []
        for (row, means, medians) in zip(
            summary.rows, zip(try summary.numbers("mean_s"), try summary.numbers("p50_s"))
        ).map({ ($0, $1.0, $1.1) }) {
            let (state, what) = (Self.states.first { $0.0 == row[0] }?.1 ?? row[0], row[1])
            let reported = Self.reported[what]!.mean
            table.rows.append([
                state, what, row[2], "\(row[3]) ± \(row[4])", row[5], row[6], Claim.text(reported / means),
            ])
            guard state != "saturated" else { continue }
            for (figure, value) in [("median", medians), ("mean", means)] {
                var claim = Claim(
                    "\(state), the \(figure) of \(what) conversions is below a tenth of the paper's mean", value * 1e6,
                    .atMost(0.1), reported * 1e6, "µs")
                claim.dependsOnSpeed = figure == "mean"
                claims.append(claim)
            }
        }
        return Findings(
            measured: ["Mean ± standard deviation, as the paper prints it."], tables: [table],
            plots: [try plot(folder, summary)], agreement: .no, reason: Self.reason, claims: claims)
    }

    private func plot(_ folder: ResultFolder, _ summary: CSVTable) throws -> Plot {
        let curves = Self.states.filter { folder.has("table1-\($0.0).csv") }.flatMap { state, title in
            [("syn_ms", "SYN"), ("data_ms", "data")].map { column, what in
                Plot.Series(file: "table1-\(state).csv", x: column, y: ["share"], title: "\(what), \(title)")
            }
        }
        let medians = try summary.only("state", "idle").numbers("p50_s").map { decimal($0 * 1e6, places: 0) }
        return Plot(
            name: "table1", title: "Table 1: distribution of conversion times",
            caption: """
                Idle, half of all SYNs are converted within \(medians[0]) µs and half of all messages within \(medians[1]) µs; \
                the paper's means are 7834 and 15331 µs.
                """,
            x: Plot.Axis(label: "Conversion time (ms)", range: 0.01...200, isLogarithmic: true),
            y: Plot.Axis(label: "Share of all", range: 0...1), series: curves,
            events: [(7.8341, "paper: SYN"), (15.3311, "data")])
    }

    private static let reason = """
        In the paper data take twice as long as a SYN, since they pass through an application; here they are the faster ones: a \
        SYN waits for a decision in user space and for a socket to be opened, a message for one `recv` and one `send`. In \
        absolute terms machines of ten years apart are compared, and a virtual proxy that was short of memory with one that \
        isn't: the factor says that conversion costs no delay that a client would notice, not that one design is so much \
        better than the other. Where sixteen transfers and tcpdump fight for two cores, a SYN waits its turn like everything \
        else, and times come near the paper's.
        """
}
