import Lab

extension CoresReport {
    var text: String {
        var parts = [machine, costsTable]
        if !missing.isEmpty {
            parts.append(
                missing.sorted { $0.key < $1.key }.map { "not measured: \($0.key): \($0.value)" }.joined(
                    separator: "\n"))
        }
        parts.append(
            "simulated, a worker for each core, a queue for each up to 16, 10,000 pairs of addresses\n"
                + table(scaling) { "\($0.cores)" })
        parts.append("simulated, 16 cores\n" + table(variants) { $0.variant })
        parts.append("simulated, 16 cores and queues, by pairs of addresses\n" + table(pairs) { $0.variant })
        parts.append(
            "16 queues: what the busiest one has, and connections whose two subflows are on different queues\n"
                + spreadsTable)
        return parts.joined(separator: "\n\n")
    }

    private var costsTable: String {
        textTable(
            [["ns of a use", "alone", "two at once, each", "taken over"]]
                + costs.map { row in
                    [row.name] + [row.alone, row.atOnce, row.inTurns].map { decimal($0, places: $0 < 100 ? 1 : 0) }
                })
    }

    private func table(_ rows: [CoreStudy.Row], _ name: (CoreStudy.Row) -> String) -> String {
        let heading = [
            "load", "", "a second", "times one core", "busy", "tracker held", "waits: tracker", "others",
            "limit",
        ]
        return textTable(
            [heading]
                + rows.map { row in
                    let tracker = SharedLock.tracker.rawValue
                    let others = row.waiting.filter { $0.key != tracker }.values.reduce(0, +)
                    return [
                        row.load.rawValue, name(row), decimal(row.perSecond, places: 0),
                        decimal(row.speedup, places: 1),
                    ]
                        + [row.busy, row.held[tracker] ?? 0, row.waiting[tracker] ?? 0, others].map(
                            percent)
                        + [row.limit ?? "-"]
                })
    }

    private var spreadsTable: String {
        textTable(
            [["by", "pairs", "busiest", "parted"]]
                + spreads.map { [$0.selection, "\($0.pairs)", percent($0.busiest), percent($0.parted)] })
    }

    private func percent(_ share: Double) -> String { decimal(100 * share, places: 1) + " %" }
}
