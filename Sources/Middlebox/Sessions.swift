import Converter
import LinuxSystem
import SessionLog
import Settings
import SharedTracking
import Tracking
import Wire

// The session log: what the converter reports of a session, together with what the tracker has seen of its subflows.

extension SessionTarget {
    /// nil: there is none.
    init?(_ settings: Settings.Sessions) {
        switch settings.log {
        case nil: return nil
        case .journal: self = .journal
        case .file(let path):
            self = .file(
                RotatedFiles(path: path, count: settings.rotateCount), size: Int(clamping: settings.rotateSize.bytes))
        case .ipfix(let host, let port): self = .ipfix(host: host, port: port)
        }
    }
}

extension SessionObserver {
    /// Has sessions logged.
    init(_ log: SessionLog, _ watch: ConnectionWatch) {
        self.init(isWatching: { log.isOn }) { report in
            // Of the session before, or of the next one with the same ports, if the token is another.
            let tracked = report.end == nil ? nil : watch.connection(of: report.tuple)
            let isSame = tracked.map { report.token == nil || $0.token == nil || $0.token == report.token } ?? false
            log.note(SessionRecord(report, isSame ? tracked : nil, at: WallClock.nanoseconds))
        }
    }
}

extension SessionRecord {
    /// `tracked`: what the segments told of the connection; nil: nothing is known of that.
    init(_ report: SessionReport, _ tracked: Connection?, at time: Int64) {
        let end = report.end.map { end in
            End(
                time: max(time, report.established), reason: SessionEnd(end), bytesToClient: report.bytesToClient,
                bytesToServer: report.bytesToServer, subflows: Self.subflows(report, tracked))
        }
        self.init(
            number: report.number, started: report.established, client: report.tuple.client,
            server: report.tuple.server, upstream: report.upstream, token: report.token, interface: report.interface,
            end: end)
    }

    private static func subflows(_ report: SessionReport, _ tracked: Connection?) -> [Subflow] {
        let seen = (tracked?.subflows ?? []).filter { $0.isInitial || $0.streams.client.hasSpoken }.map {
            Subflow(
                client: $0.endpoints.client, server: $0.endpoints.server, interface: $0.interface,
                bytesToClient: $0.streams.server.bytes, bytesToServer: $0.streams.client.bytes)
        }
        let kernel = report.subflows.map {
            Subflow(
                client: $0.remote, server: $0.local,
                interface: $0.remote == report.tuple.client ? report.interface : 0,
                bytesToClient: $0.bytesAcknowledged, bytesToServer: $0.bytesReceived)
        }
        let all = merged(seen, kernel)
        guard all.isEmpty else { return all }
        // A client without MPTCP has one.
        return [
            Subflow(
                client: report.tuple.client, server: report.tuple.server, interface: report.interface,
                bytesToClient: report.bytesToClient, bytesToServer: report.bytesToServer)
        ]
    }

    /// The tracker has seen all that there were, and by which interface they came; the kernel knows, of those that it still has,
    /// also the bytes that went by unseen. It may name one twice, later with more.
    static func merged(_ seen: [Subflow], _ kernel: [Subflow]) -> [Subflow] {
        var all = seen
        for subflow in kernel {
            if let index = all.firstIndex(where: { $0.client == subflow.client && $0.server == subflow.server }) {
                all[index].bytesToClient = max(all[index].bytesToClient, subflow.bytesToClient)
                all[index].bytesToServer = max(all[index].bytesToServer, subflow.bytesToServer)
            } else {
                all.append(subflow)
            }
        }
        return all
    }
}

extension SessionEnd {
    init(_ end: SessionReport.End) {
        self =
            switch end {
            case .closed: .closed
            case .clientReset: .clientReset
            case .serverReset: .serverReset
            case .idle: .idle
            case .order: .order
            case .fault: .fault
            case .rulesGone: .rulesGone
            case .stop: .stop
            }
    }
}
