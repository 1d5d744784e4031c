import Admin
import ArgumentParser
import Foundation

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "What the daemon is doing, in counts.")

    @OptionGroup var output: JSONOption
    @OptionGroup var control: ControlOption
    @ParentCommand var parent: Sluice

    func run() async throws {
        let client = control.client(parent.control)
        if output.json {
            let body = try await asking { () throws(ControlError) in try await client.get("/v1/status") }
            FileHandle.standardOutput.write(body)
        } else {
            print(try await asking { () throws(ControlError) in try await client.status() }.text)
        }
    }
}

extension StatusReport {
    fileprivate var text: String {
        let anomalies = tracking.anomalies.sorted { $0.key < $1.key }.map { "\n             \($0.value)  \($0.key)" }
            .joined()
        let repairs = healing.repairs.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        let reasons = healing.degraded.map { "\ndegraded     \($0)" }.joined()
        let replaced =
            programReplaced ? "\nprogram      its file is another one now; sluice upgrade puts that in its place" : ""
        let decisions = self.decisions.sorted { $0.key < $1.key }.map { "  \($0.value)  \($0.key)" }
        return """
            sluice \(version), \(state) for \(duration(seconds: uptimeSeconds))\(reasons)\(replaced)
            connections  \(connections.open) open, \(connections.pending) of them pending; \
            \(connections.accepted) accepted so far, \(connections.resets) reset, \
            \(connections.clientTimeouts) clients never came, \(connections.idleTimeouts) idle too long, \
            \(connections.closed) closed by order\(connections.faults == 0 ? "" : ", \(connections.faults) lost bytes here")\
            \(connections.crashText)
            bytes        \(bytes(connections.bytesToClient)) to clients, \(bytes(connections.bytesToServer)) to servers
            dials        \(dials.started), \(dials.failed) failed
            conversion   SYNs \(conversion.syn.text); data to servers \(conversion.dataToServer.text), to clients \
            \(conversion.dataToClient.text)
            listeners    \(listeners)
            packets      \(packets.data) data segments (\(bytes(packets.dataBytes))); \(packets.held) SYNs held now
            tracking     \(tracking.connections) connections; so far \(tracking.established) established, \
            \(tracking.joins) joins, \(tracking.fallbacks) fallbacks, \(tracking.fastCloses) fast closes, \
            \(tracking.evicted) evicted\(anomalies)
            kernel       compared \(tracking.compared) times, \(tracking.disagreements) disagreements, \
            \(tracking.unseen) handshakes not seen
            put back     \(repairs.isEmpty ? "nothing" : repairs)\
            \(healing.guarded ? "" : "; running connections are reset while rules are away")\(sessionLog.text)\(cluster.map(\.text) ?? "")
            SYNs so far\(decisions.isEmpty ? "  none" : "\n" + decisions.joined(separator: "\n"))
            """
    }
}

extension StatusReport.Connections {
    /// A line of its own; nothing where no daemon has died before.
    fileprivate var crashText: String {
        guard salvaged + lost > 0 else { return "" }
        return "\ncrash        the daemon before died; \(salvaged) of its connections went on, \(lost) were reset"
    }
}

extension StatusReport.SessionLog {
    /// A line of its own; nothing where there is no log.
    fileprivate var text: String {
        guard let target else { return "" }
        let lost = overflowed + failed
        return
            "\nsession log  \(target), \(state)\(error.map { " (\($0))" } ?? ""); \(written) records written, \(lost) lost"
    }
}

extension StatusReport.Cluster {
    /// Two lines of their own.
    fileprivate var text: String {
        let state = error.map { "can't be used (\($0))" } ?? "is there"
        let twice = usedTwice ? "; ANOTHER BOX HAS THIS ID" : ""
        let others = peers.map { "\($0.id)\($0.alive ? "" : " (gone)")" }.joined(separator: ", ")
        let asked = lookups.reduce(0) { $0 + $1.value }
        return """

            cluster      \(id)\(twice)\(others.isEmpty ? "" : " with \(others)"); \(directory) \(state)
                         \(tokens) tokens, \(told) told so far, \(lost) lost; \(asked) joins asked about, \
            \(lookups["found"] ?? 0) found; \(lookup.text)
            """
    }
}

extension StatusReport.Latency {
    /// `p50 90us, p99 420us (212 measured)`
    fileprivate var text: String {
        guard let p50Us, let p99Us else { return "none measured" }
        return "p50 \(Self.text(p50Us)), p99 \(Self.text(p99Us)) (\(count) measured)"
    }

    private static func text(_ microseconds: Double) -> String {
        microseconds < 10_000 ? "\(Int(microseconds.rounded()))us" : duration(microseconds: UInt64(microseconds))
    }
}

struct Connections: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The MPTCP connections, converted and end to end.")

    @OptionGroup var output: JSONOption
    @Flag(name: .long, help: "Print again every second, until interrupted.")
    var watch = false
    @OptionGroup var control: ControlOption
    @ParentCommand var parent: Sluice

    func run() async throws {
        let client = control.client(parent.control)
        repeat {
            try await print(client)
            if watch { try await Task.sleep(for: .seconds(1)) }
        } while watch
    }

    private func print(_ client: ControlClient) async throws {
        if output.json {
            let body = try await asking { () throws(ControlError) in try await client.get("/v1/connections") }
            FileHandle.standardOutput.write(body)
        } else {
            let connections = try await asking { () throws(ControlError) in try await client.connections() }
            let clear = watch && isatty(STDOUT_FILENO) == 1 ? "\u{1b}[H\u{1b}[2J" : ""
            Swift.print(clear + Self.text(connections))
        }
    }

    private static func text(_ connections: [ConnectionReport]) -> String {
        let heading = [
            "TOKEN", "CLIENT", "SERVER", "MODE", "STATE", "TO CLIENT", "TO SERVER", "AGE", "IFACE", "RTT", "BACKUP",
            "THROTTLE",
        ]
        return table([heading] + connections.flatMap(rows))
    }

    /// One row for the connection, one for each of its subflows.
    private static func rows(_ connection: ConnectionReport) -> [[String]] {
        let summary = [
            connection.token ?? "-", connection.client, connection.server, connection.mode, connection.state,
            bytes(connection.bytesToClient), bytes(connection.bytesToServer),
            duration(microseconds: connection.ageUs), "", "", "", "",
        ]
        let subflows = connection.subflows.map { subflow in
            [
                "  subflow \(subflow.id)", subflow.remote, subflow.local, "", subflow.state,
                bytes(subflow.bytesToClient),
                bytes(subflow.bytesToServer), "", subflow.interface ?? "-",
                subflow.rttUs.map { "\(Double($0 / 10) / 100)ms" } ?? "-", subflow.backup ? "yes" : "",
                subflow.class ?? "",
            ]
        }
        return [summary] + subflows
    }
}
