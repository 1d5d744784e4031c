import Admin
import Foundation
import Synchronization

/// Answers without a daemon, which count how often they are asked for.
final class MadeUpAnswers: Sendable {
    private let counts = Mutex<[String: Int]>([:])
    private let open = Mutex(3)
    private let padding = Mutex(0)

    func count(_ name: String) -> Int { counts.withLock { $0[name] ?? 0 } }

    /// Connections that are said to be open.
    func setOpen(_ count: Int) { open.withLock { $0 = count } }

    /// The status gets longer by so many bytes.
    func setPadding(_ bytes: Int) { padding.withLock { $0 = bytes } }

    private func note(_ name: String) { counts.withLock { $0[name, default: 0] += 1 } }

    var answers: ControlServer.Answers {
        ControlServer.Answers(
            status: { [self] in
                note("status")
                return Self.status(open: open.withLock(\.self), padding: padding.withLock(\.self))
            },
            connections: { [self] in
                note("connections")
                return [Self.connection]
            },
            close: { _ in CloseReport(closed: 0) },
            throttles: .init(list: { [] }, add: { _ in }, set: { _, _ in }, clear: { _ in }),
            paths: {
                let decisions = (0..<50).map {
                    PathsReport.Decision(time: Double($0), rule: "r", path: "p", effect: "active", reason: "")
                }
                return PathsReport(paths: [], rules: [], decisions: decisions, longestTurnUs: 1)
            },
            busiest: { [self] limit in
                note("busiest \(limit)")
                return BusiestReport(
                    total: 7, connections: [Self.connection], otherBytesToClient: 1, otherBytesToServer: 2)
            },
            findings: { [self] in
                note("findings")
                return [FindingReport(severity: "warning", check: "kernel", message: "old", mend: "renew")]
            },
            reload: { _ in ReloadReport(applied: false, changes: []) },
            traces: .init(
                open: { _, _ in throw ControlRefusal(.conflict, "none") }, close: { _ in nil }, list: { [] },
                decisions: { _ in DecisionsReport(remembered: 0, decisions: [], steering: []) }),
            upgrade: { _ in throw ControlRefusal(.conflict, "none") },
            drain: { DrainReport(state: $0.on ? "draining" : "running", open: 3) },
            metrics: { [self] in
                note("metrics")
                return "sluice_info 1\n"
            })
    }

    private static func status(open: Int, padding: Int) -> StatusReport {
        let latency = StatusReport.Latency(count: 0, p50Us: nil, p99Us: nil, maxUs: nil)
        return StatusReport(
            version: "t" + String(repeating: " ", count: padding), state: "running", programReplaced: false,
            uptimeSeconds: 1,
            connections: .init(
                open: open, pending: 0, accepted: 0, resets: 0, idleTimeouts: 0, clientTimeouts: 0, closed: 0,
                faults: 0,
                bytesToClient: 0, bytesToServer: 0),
            dials: .init(started: 0, failed: 0),
            conversion: .init(syn: latency, dataToServer: latency, dataToClient: latency), listeners: 0,
            packets: .init(
                data: 0, dataBytes: 0, dataReads: 0, held: 0, injectionFailures: 0, refusedVerdicts: 0, unreadable: 0),
            tracking: .init(
                connections: 0, established: 0, joins: 0, fallbacks: 0, fastCloses: 0, anomalies: [:], evicted: 0,
                compared: 0, disagreements: 0, unseen: 0),
            healing: .init(repairs: [:], degraded: [], guarded: true),
            sessionLog: .init(
                target: nil, state: "off", written: 0, overflowed: 0, failed: 0, waiting: 0, error: nil),
            cluster: nil, decisions: [:])
    }

    private static var connection: ConnectionReport {
        ConnectionReport(
            mode: "converted", token: nil, client: "10.1.0.2:1", server: "10.9.0.2:80", state: "established",
            upstream: nil, bytesToClient: 1, bytesToServer: 2, ageUs: 3, subflows: [])
    }
}
