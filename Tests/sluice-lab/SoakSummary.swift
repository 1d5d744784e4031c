import Lab

/// A soak's report in words.
struct SoakSummary {
    private let report: SoakReport

    init(_ report: SoakReport) { self.report = report }

    var text: String {
        let rate = Double(report.bytes) / max(report.seconds, 1e-9)
        var lines = [
            "",
            report.hasBox ? "through the box" : "end to end, without Sluice",
            "verified     \(size(report.bytesDown)) down, \(size(report.bytesUp)) up",
            "transfers    \(report.transfers), \(report.transfersByMPTCP) of them by MPTCP clients",
            "MPTCP        \(report.multipathConnections) connections, \(report.joins) joins",
            "time         \(decimal(report.seconds, places: 0)) s, \(size(UInt64(rate)))/s, \(report.phases) phases, "
                + "seed \(report.seed)",
            "disturbances "
                + (report.disturbances.isEmpty
                    ? "none"
                    : report.disturbances.sorted { $0.key < $1.key }.map { "\($0.value) x \($0.key)" }
                        .joined(separator: ", ")),
        ]
        if let before = report.before, let after = report.after {
            lines += ["", resources(before, report.peak ?? after, after)]
        }
        if !report.status.isEmpty { lines += ["", report.status] }
        lines += ["", report.isClean ? "no fault" : "\(report.faultCount) FAULTS"]
        lines += report.faults.map(\.description)
        if report.wasInterrupted { lines.append("interrupted") }
        return lines.joined(separator: "\n")
    }

    private func resources(_ before: SoakResources, _ peak: SoakResources, _ after: SoakResources) -> String {
        var rows = [["", "before", "most", "\(decimal(report.rest, places: 0)) s after"]]
        let row = { (name: String, value: (SoakResources) -> String?) in
            let cells = [before, peak, after].map { value($0) ?? "-" }
            return [name] + cells
        }
        rows.append(row("daemon's memory") { $0.residentBytes.map { "\($0 >> 10) KiB" } })
        rows.append(row("daemon's descriptors") { $0.descriptors.map { "\($0)" } })
        rows.append(row("box's conntrack entries") { "\($0.conntrack)" })
        rows.append(row("machine's TCP memory") { "\($0.tcpMemory >> 10) KiB" })
        rows.append(row("machine's orphaned sockets") { "\($0.orphans)" })
        return textTable(rows)
    }

    /// Decimal prefixes.
    private func size(_ bytes: UInt64) -> String {
        let units: [(UInt64, String)] = [
            (1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB"),
        ]
        guard let (factor, unit) = units.first(where: { bytes >= $0.0 }) else { return "\(bytes) B" }
        return "\(decimal(Double(bytes) / Double(factor), places: 2)) \(unit)"
    }
}
