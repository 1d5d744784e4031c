import Testing

@testable import sluice_lab

struct PlotTests {
    private static let plot = Plot(
        name: "fig", title: "A_b \"c\"", caption: "", x: Plot.Axis(label: "MB", range: 0.1...4, isLogarithmic: true),
        right: Plot.Axis(label: "kB"),
        series: [
            .links("fig-run.csv")[0], .spans("fig-sweep.csv", "mb", "goodput", "MPTCP", onRight: true),
        ], events: [(5, "cut")], levels: [(10, "rate")])

    /// Axes with units, a legend, and each series.
    @Test func theScriptHasAllThatAPlotNeeds() {
        let script = Gnuplot.script(Self.plot)
        for line in [
            "set title \"A\\\\_b \\\"c\\\"\"", "set xlabel \"MB\"", "set ylabel \"Throughput (Mbit/s)\"",
            "set y2label \"kB\"", "set xrange [0.1:4.0]", "set logscale x", "set yrange [0:*]", "set y2range [0:*]",
            "set key above", "set output 'fig.svg'", "set output 'fig.png'",
        ] {
            #expect(script.contains("\(line)\n"), "\(line)")
        }
        #expect(script.contains("'fig-run.csv' using 'seconds':'wired_mbits' with lines"))
        #expect(script.contains("'fig-sweep.csv' using 'mb':'goodput':'goodput_least':'goodput_most' with yerrorlines"))
        #expect(script.contains("axes x1y2 title \"MPTCP\""))
        #expect(script.contains("\"cut\" at 5.0, graph"))
        #expect(script.contains("\"rate\" at graph 0.99, first 10.0"))
    }

    @Test func tables() throws {
        var table = CSVTable(["run", "mbits"])
        for (run, mbits) in [("a", "10"), ("a", "12"), ("b", "1")] { table.append([run, mbits]) }
        #expect(
            try MarkdownTable(table, "what", [("mbits", "Mbit/s")]).text == """
                | what | Mbit/s |
                | --- | --- |
                | a | 11.0 ± 1.41 |
                | b | 1.00 |
                """)
    }

    @Test func experimentsAreChosenByName() throws {
        #expect(ExperimentList(argument: "table1,fig4")?.experiments.map(\.name) == ["fig4", "table1"])
        #expect(ExperimentList(argument: "fig1") == nil)
        #expect(ExperimentList(argument: "") == nil)
        #expect(Set(Paper.names).count == Paper.names.count)
        let runs = PaperExperiments.all.flatMap { experiment in experiment.runs(.full) }
        let time = runs.reduce(Duration.zero) { $0 + $1.duration }
        #expect(time < .seconds(1800), "the whole is to take less than half an hour")
    }
}
