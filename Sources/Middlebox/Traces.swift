import Admin
import Handshake
import LinuxSystem
import PacketTap
import Recorder
import Settings
import SharedTracking
import TraceOutput
import Tracking
import Wire

// Traces: what looks on over the control socket, and the file of [trace].

extension Middlebox {
    var traceAnswers: ControlServer.TraceAnswers {
        ControlServer.TraceAnswers(
            open: { [self] filter, format in try await openTrace(filter, format) },
            close: { [self] id in await recorder.close(id).map(TraceReport.init) },
            list: { [self] in await recorder.totals().map(TraceReport.init) },
            decisions: { [self] client in try await decisionsReport(client) })
    }

    private func openTrace(_ filter: String, _ format: String) async throws -> TraceStream {
        guard let format = TraceFormat(rawValue: format) else {
            throw ControlRefusal(.invalid, "format: \(format) is none of pcapng, json, text")
        }
        let sink = LiveSink()
        do {
            let filter = try TraceFilter(filter).compiled { NetworkInterface.index($0) }
            let id = try await recorder.open(filter, .live(sink, format))
            return TraceStream(id: id, next: { await sink.next() }, abandon: { [recorder] in recorder.abandon(id) })
        } catch let error as TraceFilterError {
            throw ControlRefusal(.invalid, "\(error)")
        } catch {
            throw ControlRefusal(.conflict, "\(error)")
        }
    }

    /// Writes the file that [trace] names, instead of the one before. What can't be written is said, and nothing else
    /// depends on it.
    func applyTrace(_ new: Settings.Trace) async {
        let old = fileTrace.withLock { $0 }
        let isRunning = await recorder.totals().contains { $0.id == old?.id }
        guard new != old?.setting || !isRunning else { return }
        if let old { await recorder.close(old.id) }
        fileTrace.withLock { $0 = nil }
        guard let file = TraceFile(new) else { return }
        do {
            let id = try await recorder.open(packetFilter(new.filter), .file(file))
            fileTrace.withLock { $0 = (id, new) }
            log.notice("packets are traced to \(file.path)")
        } catch {
            log.error("no trace is written: \(error); mend [trace] and reload (systemctl reload sluice)")
        }
    }

    /// An interface that isn't there (yet) has no packets.
    private func packetFilter(_ filter: TraceFilter) throws(TraceFilterError) -> PacketFilter {
        try filter.compiled { name in
            if let index = NetworkInterface.index(name) { return index }
            log.warning("[trace] filter: there is no interface \(name); reload when it is there")
            return .max
        }
    }

    /// Puts what is decided about paths from now on between the packets of the traces.
    func traceSteering() {
        throttler.follow { [recorder] decisions in
            let clock = WallClock.nanoseconds - Int64(bitPattern: MonotonicTime.now.nanoseconds)
            for decision in decisions {
                let event = SteeringEvent(
                    time: Int64(bitPattern: decision.time) + clock, rule: decision.rule, path: decision.path,
                    effect: decision.effect.rawValue, reason: decision.reason)
                recorder.note(event, decided: MonotonicTime(nanoseconds: decision.time))
            }
        }
    }

    private func decisionsReport(_ client: String) async throws(ControlRefusal) -> DecisionsReport {
        guard let (clients, port) = ClientQuestion.parse(client) else {
            throw ControlRefusal(
                .invalid, "\(client) is no client; give ADDRESS, ADDRESS:PORT, [ADDRESS]:PORT or a prefix")
        }
        let past = history.last(200, clients: clients, port: port)
        let steering = await pathsReport().decisions.suffix(16).reversed()
        return DecisionsReport(remembered: history.count, decisions: past.map(report), steering: Array(steering))
    }

    private func report(_ past: PastDecision) -> DecisionsReport.Decision {
        // Of what ends here the tracker sees all, and what it knows may be of a later connection of the same ports.
        let connection = past.decision.verdict == .intercept ? watch.connection(of: past.tuple) : nil
        // Peers have the numbers that the file gave them at the start.
        let owner = past.peer.flatMap { initial.peers.indices.contains($0) ? initial.peers[$0].id : nil }
        return DecisionsReport.Decision(
            time: Double(past.time / 1000) / 1_000_000, client: past.tuple.client.description,
            server: past.tuple.server.description, interface: NetworkInterface.name(past.interface),
            token: past.token?.description, verdict: "\(past.decision.verdict.name)",
            reason: owner.map { "join: owned by \($0)" } ?? "\(past.decision.reason)",
            heldUs: past.held.map { Double($0) / 1000 },
            explanation: past.decision.explanation, state: connection.map(Self.state))
    }

    private static func state(_ connection: Connection) -> String {
        connection.fallback.map { "plain TCP since a fallback: \($0.rawValue)" } ?? "\(connection.state.name)"
    }
}

extension TraceFile {
    /// nil: there is none.
    fileprivate init?(_ trace: Settings.Trace) {
        guard let path = trace.file else { return nil }
        self.init(
            path: path, format: TraceFormat(rawValue: trace.format.rawValue) ?? .pcapng,
            size: Int(clamping: trace.rotateSize.bytes), count: trace.rotateCount)
    }
}

/// `10.1.0.2`, `10.1.0.2:40000`, `[2001:db8::2]:40000`, `10.1.0.0/16`; nothing: all.
enum ClientQuestion {
    static func parse(_ text: String) -> (clients: [IPPrefix], port: UInt16?)? {
        if text.isEmpty { return ([], nil) }
        if let prefix = IPPrefix(text) { return ([prefix], nil) }
        guard let endpoint = Endpoint(text) else { return nil }
        return IPPrefix(endpoint.address.description).map { ([$0], endpoint.port) }
    }
}

extension TraceReport {
    fileprivate init(_ totals: TraceTotals) {
        self.init(
            id: totals.id, kind: totals.kind.rawValue, matched: totals.matched, written: totals.written,
            dropped: totals.dropped, events: totals.events, eventsDropped: totals.droppedEvents)
    }
}
