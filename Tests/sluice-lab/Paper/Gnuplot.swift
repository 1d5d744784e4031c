import Foundation
import Lab

/// Plots drawn by gnuplot. The scripts stay beside the pictures: `gnuplot NAME.gp` in the folder draws them again.
enum Gnuplot {
    /// Throws unless gnuplot is there.
    static func require() throws {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        guard folders.contains(where: { FileManager.default.isExecutableFile(atPath: "\($0)/gnuplot") }) else {
            throw LabCommandError(
                description:
                    "the plots need gnuplot: apt-get install gnuplot-nox, or Scripts/setup, which installs it too")
        }
    }

    static func draw(_ plot: Plot, in folder: ResultFolder) throws {
        try folder.write(script(plot), to: "\(plot.name).gp")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["gnuplot", "\(plot.name).gp"]
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path, isDirectory: true)
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw LabCommandError(description: "gnuplot \(plot.name).gp: \(text)")
        }
    }

    static func script(_ plot: Plot) -> String {
        var lines = [
            "# Draws \(plot.name).svg and \(plot.name).png from the CSV files in this folder.",
            "set datafile separator ','", "set title \(quoted(plot.title))", "set grid lc rgb '#dddddd'",
            "set key above", "set xlabel \(quoted(plot.x.label))", "set ylabel \(quoted(plot.y.label))",
        ]
        lines += axis("x", plot.x) + axis("y", plot.y)
        if let right = plot.right {
            lines += ["set ytics nomirror", "set y2tics", "set y2label \(quoted(right.label))"] + axis("y2", right)
        }
        if plot.series.contains(where: { $0.style == .boxes }) { lines.append("set style data histograms") }
        for (index, (at, label)) in plot.events.enumerated() {
            lines.append("set arrow from \(at), graph 0 to \(at), graph 1 nohead dt 2 lc rgb '#555555'")
            lines.append(
                "set label \(quoted(label)) at \(at), graph \(index % 2 == 0 ? 0.96 : 0.9) offset 0.5,0 font ',10'")
        }
        for (at, label) in plot.levels {
            lines.append("set arrow from graph 0, first \(at) to graph 1, first \(at) nohead dt 3 lc rgb '#555555'")
            lines.append("set label \(quoted(label)) at graph 0.99, first \(at) right offset 0,0.5 font ',10'")
        }
        let curves = plot.series.enumerated().map { curve($1, $0) }.joined(separator: ", \\\n    ")
        lines += [
            "set terminal svg size 800,420 font 'Helvetica,12' background 'white'", "set output '\(plot.name).svg'",
            "plot \(curves)", "set terminal pngcairo size 800,420 font 'Helvetica,11'",
            "set output '\(plot.name).png'", "replot", "set output", "",
        ]
        return lines.joined(separator: "\n")
    }

    private static func axis(_ name: String, _ axis: Plot.Axis) -> [String] {
        let range = axis.range.map { "set \(name)range [\($0.lowerBound):\($0.upperBound)]" }
        let least = axis.isLogarithmic || name == "x" ? nil : "set \(name)range [0:*]"
        return [range ?? least, axis.isLogarithmic ? "set logscale \(name)" : nil].compactMap(\.self)
    }

    /// Colours that people who can't tell red from green can tell apart (Okabe and Ito).
    private static let colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]

    private static func curve(_ series: Plot.Series, _ index: Int) -> String {
        let columns = series.y.map { "'\($0)'" }
        let using =
            series.style == .boxes
            ? "\(columns[0]):xtic(stringcolumn('\(series.x)'))" : (["'\(series.x)'"] + columns).joined(separator: ":")
        return
            "'\(series.file)' using \(using) with \(series.style.rawValue) lc rgb '\(colours[index % colours.count])'"
            + (series.onRight ? " axes x1y2" : "") + " title \(quoted(series.title))"
    }

    /// In gnuplot's double quotes; enhanced text would take `_`, `^`, `{` and `@` as markup.
    private static func quoted(_ text: String) -> String {
        let escaped = text.map { "_^{}@&~".contains($0) ? "\\\\\($0)" : $0 == "\"" ? "\\\"" : String($0) }.joined()
        return "\"\(escaped)\""
    }
}
