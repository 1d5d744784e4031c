import Tracking
import Wire

extension TextBuffer {
    /// The closing lines: counts, then each connection with a table of its subflows.
    mutating func append(_ report: DecodeReport) {
        appendCounts(report)
        for connection in report.connections {
            append("\n")
            append(connection.token)
            append(" ")
            append(connection.tuple.client)
            append(" > ")
            append(connection.tuple.server)
            appendState(connection, hasNanoseconds: report.hasNanoseconds)
            append(table: [Self.heading] + connection.subflows.map { Self.row($0, report) })
            appendAddresses(connection)
            appendAnomalies(connection)
        }
    }

    private mutating func appendCounts(_ report: DecodeReport) {
        let summary = report.summary
        append("\n", summary.packets)
        append(" packets")
        if let begin = summary.begin, let end = summary.end {
            append(" from ")
            append(date: begin)
            append(" UTC on, in ")
            append(seconds: end.subtractingReportingOverflow(begin).partialValue, hasNanoseconds: false)
            append(" s")
        }
        append("; ", summary.segments)
        append(" TCP segments, ", summary.outside)
        append(" of no MPTCP connection, ", summary.copies)
        append(" copies\n")
        appendLosses(summary)
        for (kind, count) in summary.errorCounts {
            append("  ", count)
            append(" ")
            append(kind.words)
            append("\n")
        }
        if report.counters.joinsOfUnknownToken > 0 {
            append("  ", report.counters.joinsOfUnknownToken)
            append(" SYNs with MP_JOIN for connections that weren't captured\n")
        }
        if report.evicted > 0 {
            append("  ", report.evicted)
            append(" connections are missing here: there were too many at a time\n")
        }
    }

    /// `  the capture says: 7 packets recorded, 3 dropped`, as far as it does.
    private mutating func appendLosses(_ summary: DecodeSummary) {
        var separator: StaticString = "  the capture says: "
        for (count, what) in [(summary.recorded, " packets recorded" as StaticString), (summary.dropped, " dropped")] {
            guard let count else { continue }
            append(separator, count)
            append(what)
            separator = ", "
        }
        if summary.recorded != nil || summary.dropped != nil { append("\n") }
    }

    private mutating func append(_ token: Token?) {
        if let token { append(hexadecimal: "", token.rawValue) } else { append("(no token)") }
    }

    private mutating func appendState(_ connection: Connection, hasNanoseconds: Bool) {
        append(", version ", connection.version)
        append(", ")
        append(connection.state.name)
        if let host = connection.state.fastCloser {
            append(" by the ")
            append(host.name)
        }
        if let reason = connection.fallback {
            append(connection.state.isOver ? " after fallback (" : " (")
            append(text: reason.rawValue)
            append(")")
        }
        if connection.isPartial { append(", beginning not captured") }
        append(", ")
        append(seconds: connection.duration, hasNanoseconds: hasNanoseconds)
        append(" s\n")
    }

    private static let heading = [
        "SUBFLOW", "CLIENT", "SERVER", "IFACE", "IDS", "BACKUP", "TO CLIENT", "TO SERVER", "RETRANSMITTED", "STATE",
    ]

    private static func row(_ subflow: Subflow, _ report: DecodeReport) -> [String] {
        var state = TextBuffer()
        state.append(subflow.state.name)
        if case .closed(let end) = subflow.state {
            state.append(": ")
            state.append(end)
        }
        var interface = TextBuffer()
        interface.append(printable: report.interface(of: subflow) ?? "-")
        let ids = Host.allCases.map { subflow.addressID[$0]?.description ?? "?" }
        let again = Host.allCases.map { String(subflow.streams[$0.peer].retransmittedBytes) }
        return [
            String(subflow.number), "\(subflow.endpoints.client)", "\(subflow.endpoints.server)",
            String(decoding: interface.bytes, as: UTF8.self), ids.joined(separator: "/"),
            subflow.isBackup ? "yes" : "-", String(subflow.streams.server.bytes), String(subflow.streams.client.bytes),
            again.joined(separator: "/"), String(decoding: state.bytes, as: UTF8.self),
        ]
    }

    /// Columns as wide as their widest cell, two blanks apart.
    private mutating func append(table rows: [[String]]) {
        let widths = Self.heading.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        for row in rows {
            for (cell, width) in zip(row.dropLast(), widths) {
                append("  ")
                append(text: cell)
                for _ in cell.count..<width { append(" ") }
            }
            append("  ")
            append(text: row.last ?? "")
            append("\n")
        }
    }

    private mutating func appendAddresses(_ connection: Connection) {
        for host in Host.allCases {
            for announced in connection.hosts[host].addresses {
                append("  address ", announced.id.rawValue)
                append(" of the ")
                append(host.name)
                append(": ")
                append(announced.address)
                if let port = announced.port { append(" port ", port) }
                append(announced.isEchoed ? ", echoed\n" : "\n")
            }
        }
    }

    private mutating func appendAnomalies(_ connection: Connection) {
        for anomaly in connection.anomalies.all {
            append("  went wrong: ")
            append(text: anomaly.rawValue)
            append("\n")
        }
    }
}
