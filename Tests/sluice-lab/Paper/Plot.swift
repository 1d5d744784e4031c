/// A picture of columns of CSV files, and the sentence below it.
struct Plot {
    enum Style: String {
        case lines = "lines lw 2"
        /// Shows what lies below.
        case dashes = "lines lw 2 dt 2"
        /// Two more columns: the least and the greatest.
        case spans = "yerrorlines lw 2 pt 7 ps 0.7"
        case steps = "steps lw 2"
        /// Side by side; the x column has names.
        case boxes = "histograms fs solid 0.6"
    }

    struct Series {
        let file: String
        let x: String
        /// For `spans`: middle, least, greatest.
        let y: [String]
        let title: String
        var style = Style.lines
        /// On the right-hand axis.
        var onRight = false
    }

    struct Axis {
        var label: String
        var range: ClosedRange<Double>?
        var isLogarithmic = false
    }

    /// The pictures are `NAME.svg` and `NAME.png`, the script is `NAME.gp`.
    let name: String
    let title: String
    /// States the finding.
    let caption: String
    var x = Axis(label: "Time (s)")
    var y = Axis(label: "Throughput (Mbit/s)")
    var right: Axis?
    var series: [Series]
    /// Vertical lines: where, and what happened there.
    var events: [(at: Double, label: String)] = []
    /// Horizontal lines: where, and what it is.
    var levels: [(at: Double, label: String)] = []
}

extension Plot {
    func adding(_ series: Series) -> Plot {
        var plot = self
        plot.series.append(series)
        return plot
    }
}

extension Plot.Series {
    static func lines(_ file: String, _ y: String, _ title: String, _ style: Plot.Style = .lines) -> Self {
        Self(file: file, x: "seconds", y: [y], title: title, style: style)
    }

    /// What each link brings, and the sum.
    static func links(_ file: String) -> [Self] {
        [
            .lines(file, "wired_mbits", "wired"), .lines(file, "wireless_mbits", "wireless"),
            .lines(file, "total_mbits", "both"),
        ]
    }
}
