import Admin
import Converter
import Firewall
import Handshake
import Inspector
import LinuxSystem
import SessionLog
import SharedTracking
import Throttling
import Tracking
import Wire

// What the control socket is asked, answered from the modules' counters and descriptions.

extension Middlebox {
    var answers: ControlServer.Answers {
        ControlServer.Answers(
            status: { [self] in statusReport() }, connections: { [self] in await connectionReports() },
            close: { [self] order in try await close(order) }, throttles: throttleAnswers,
            paths: { [self] in await pathsReport() }, busiest: busiestAnswer,
            findings: { [self] in await findingReports() },
            reload: { [self] order in try await reload(order) }, traces: traceAnswers,
            upgrade: { [self] order in
                do {
                    return try await upgrade(order.program)
                } catch {
                    throw ControlRefusal(.conflict, "\(error)")
                }
            }, drain: { [self] in try await drain($0) }, metrics: { [self] in await metricsText() })
    }

    private func statusReport() -> StatusReport {
        let stream = converter.counters
        let tracked = watch.counters
        let anomalies = Anomaly.allCases.map { ($0.rawValue, tracked[$0]) }.filter { $0.1 > 0 }
        let used = Decision.allCases.filter { counters[$0] > 0 }
        return StatusReport(
            version: Self.version, state: stateName,
            programReplaced: ProgramStart.isReplaced(program.path),
            uptimeSeconds: MonotonicTime.now.nanoseconds(since: started) / 1_000_000_000,
            connections: .init(
                open: stream.open.load(ordering: .relaxed), pending: converter.pendingCount,
                accepted: stream.accepted.load(ordering: .relaxed), resets: stream.resets.load(ordering: .relaxed),
                idleTimeouts: stream.idleTimeouts.load(ordering: .relaxed),
                clientTimeouts: stream.clientTimeouts.load(ordering: .relaxed),
                closed: stream.closedByOperator.load(ordering: .relaxed),
                faults: stream.relayFaults.load(ordering: .relaxed),
                salvaged: stream.salvaged.load(ordering: .relaxed), lost: stream.lost.load(ordering: .relaxed),
                bytesToClient: stream.bytesToClient.load(ordering: .relaxed),
                bytesToServer: stream.bytesToServer.load(ordering: .relaxed)),
            dials: .init(
                started: stream.dials.load(ordering: .relaxed), failed: stream.dialFailures.load(ordering: .relaxed)),
            conversion: .init(
                syn: .init(stream.synConversion.snapshot), dataToServer: .init(stream.dataToServer.snapshot),
                dataToClient: .init(stream.dataToClient.snapshot)),
            listeners: converter.listenerCount,
            packets: .init(
                data: counters.dataPackets.load(ordering: .relaxed),
                dataBytes: counters.dataBytes.load(ordering: .relaxed),
                dataReads: counters.dataReads.load(ordering: .relaxed), held: counters.held.load(ordering: .relaxed),
                injectionFailures: counters.injectionFailures.load(ordering: .relaxed),
                refusedVerdicts: counters.refusedVerdicts.load(ordering: .relaxed),
                unreadable: counters.unreadablePackets.load(ordering: .relaxed)),
            tracking: .init(
                connections: watch.count, established: tracked.established, joins: tracked.joins,
                fallbacks: tracked.fallbacks, fastCloses: tracked.fastCloses,
                anomalies: Dictionary(uniqueKeysWithValues: anomalies),
                evicted: tracked.evictedEmbryonic + tracked.evictedLive,
                compared: agreement.compared.load(ordering: .relaxed),
                disagreements: agreement.disagreements.load(ordering: .relaxed),
                unseen: agreement.unseen.load(ordering: .relaxed)),
            healing: .init(
                repairs: Dictionary(uniqueKeysWithValues: repairs.filter { $0.1 > 0 }),
                degraded: healer.current.reasons,
                guarded: healer.guarded),
            sessionLog: .init(sessionLog.report),
            cluster: cluster.map { .init($0.report, .init($0.lookupTimes.snapshot)) },
            decisions: Dictionary(uniqueKeysWithValues: used.map { ($0.description, counters[$0]) }))
    }

    /// `degraded` is running, but for new connections.
    var stateName: String {
        let state = state.withLock(\.self)
        if state == .running, drainsByOrder.load(ordering: .relaxed) { return State.draining.rawValue }
        return state == .running && !healer.current.reasons.isEmpty ? "degraded" : state.rawValue
    }

    /// How often something was put back, by what it was.
    var repairs: [(String, UInt64)] {
        let counts = healer.current.repairs
        return Damage.Kind.allCases.map { ($0.rawValue, counts[$0] ?? 0) } + [("shaping", throttler.restorations)]
    }

    private func connectionReports() async -> [ConnectionReport] {
        reports(await converter.describe()) + watch.forwardedConnections().map(report)
    }

    func reports(_ connections: [ConnectionDescription]) -> [ConnectionReport] {
        let routes = InterfaceNames()
        return connections.map { ConnectionReport($0, routes, throttler) }
    }

    func report(_ connection: Connection) -> ConnectionReport { ConnectionReport(connection, at: .now, throttler) }
}

extension Middlebox {
    private func close(_ order: CloseOrder) async throws(ControlRefusal) -> CloseReport {
        let selection = try ConnectionSelection(order)
        let closed = await converter.close(selection)
        log.notice("\(closed) connections closed by order (\(order.text))")
        return CloseReport(closed: closed)
    }
}

extension CloseOrder {
    fileprivate var text: String {
        [("client", client), ("server", server), ("token", token)].compactMap { name, value in
            value.map { "\(name) \($0)" }
        }.joined(separator: ", ")
    }
}

extension ConnectionSelection {
    init(_ order: CloseOrder) throws(ControlRefusal) {
        guard order.client != nil || order.server != nil || order.token != nil else {
            throw ControlRefusal(.invalid, "say which connections: by client, server or token")
        }
        self.init(
            client: try order.client.map { (text) throws(ControlRefusal) in try End(text, "client") },
            server: try order.server.map { (text) throws(ControlRefusal) in try End(text, "server") },
            token: try order.token.map { (text) throws(ControlRefusal) in try Self.token(text) })
    }

    /// In hexadecimal, as it is listed.
    private static func token(_ text: String) throws(ControlRefusal) -> Token {
        guard text.hasPrefix("0x"), let value = UInt32(text.dropFirst(2), radix: 16) else {
            throw ControlRefusal(
                .invalid, "\(text) is no token; give one as `sluice connections` lists it, such as 0x31b268da")
        }
        return Token(value)
    }
}

extension ConnectionSelection.End {
    fileprivate init(_ text: String, _ role: String) throws(ControlRefusal) {
        guard let (prefixes, port) = ClientQuestion.parse(text), let prefix = prefixes.first else {
            throw ControlRefusal(
                .invalid, "\(text) is no \(role); give ADDRESS, ADDRESS:PORT, [ADDRESS]:PORT or a prefix")
        }
        self.init(prefix: prefix, port: port)
    }
}

extension StatusReport.SessionLog {
    fileprivate init(_ report: SessionLogReport) {
        self.init(
            target: report.target, state: report.state.rawValue, written: report.written,
            overflowed: report.overflowed, failed: report.failed, waiting: report.waiting, error: report.error)
    }
}

extension StatusReport.Latency {
    fileprivate init(_ snapshot: LatencySnapshot) {
        let microseconds = { (share: Double) in snapshot.quantile(share).map { Double($0) / 1000 } }
        self.init(
            count: snapshot.count, p50Us: microseconds(0.5), p99Us: microseconds(0.99), maxUs: microseconds(1))
    }
}

/// The interfaces that lead to clients; asked of the kernel once for each address.
private final class InterfaceNames {
    private let routes = try? RouteLookup()
    private var known: [IPAddress: String?] = [:]

    func name(towards address: IPAddress) -> String? {
        if let name = known[address] { return name }
        let name = routes?.interface(to: address).flatMap(NetworkInterface.name)
        known[address] = .some(name)
        return name
    }
}

extension ConnectionReport {
    fileprivate init(_ connection: ConnectionDescription, _ routes: InterfaceNames, _ throttler: Throttler) {
        self.init(
            mode: "converted", token: connection.token?.description, client: connection.tuple.client.description,
            server: connection.tuple.server.description, state: connection.state,
            upstream: Upstream(local: connection.upstream?.description, protocol: "tcp"),
            bytesToClient: connection.bytesToClient, bytesToServer: connection.bytesToServer,
            ageUs: connection.ageNanoseconds / 1000,
            subflows: connection.subflows.map { Subflow($0, routes, throttler) })
    }
}

extension ConnectionReport.Subflow {
    fileprivate init(
        _ subflow: ConnectionDescription.Subflow, _ routes: InterfaceNames, _ throttler: Throttler
    ) {
        let kernel = subflow.kernel
        self.init(
            id: kernel.id, local: kernel.local.description, remote: kernel.remote.description,
            localId: subflow.diagnostics?.localID, remoteId: subflow.diagnostics?.remoteID,
            interface: routes.name(towards: kernel.remote.address), state: kernel.stateName, backup: subflow.isBackup,
            class: throttler.rule(of: FourTuple(client: kernel.remote, server: kernel.local)),
            bytesToClient: kernel.bytesAcknowledged, bytesToServer: kernel.bytesReceived,
            bytesRetrans: kernel.bytesRetransmitted, rttUs: kernel.roundTripTime)
    }
}

// MPTCP connections that go past the box, as their segments tell.

extension ConnectionReport {
    fileprivate init(_ connection: Connection, at now: MonotonicTime, _ throttler: Throttler) {
        let bytes = { (host: Host) in connection.subflows.reduce(0) { $0 + $1.streams[host].bytes } }
        self.init(
            mode: "end-to-end", token: connection.token?.description, client: connection.tuple.client.description,
            server: connection.tuple.server.description, state: "\(connection.state.name)", upstream: nil,
            bytesToClient: bytes(.server), bytesToServer: bytes(.client),
            ageUs: now.nanoseconds(since: MonotonicTime(nanoseconds: connection.openedAt)) / 1000,
            subflows: connection.subflows.filter { !$0.state.isClosed }.map { Subflow($0, throttler) })
    }
}

extension ConnectionReport.Subflow {
    fileprivate init(_ subflow: Tracking.Subflow, _ throttler: Throttler) {
        self.init(
            id: UInt32(clamping: subflow.number), local: subflow.endpoints.server.description,
            remote: subflow.endpoints.client.description, localId: subflow.addressID.server?.rawValue,
            remoteId: subflow.addressID.client?.rawValue, interface: NetworkInterface.name(subflow.interface),
            state: "\(subflow.state.name)", backup: subflow.isBackup,
            class: throttler.rule(of: FourTuple(client: subflow.endpoints.client, server: subflow.endpoints.server)),
            bytesToClient: subflow.streams.server.bytes,
            bytesToServer: subflow.streams.client.bytes, bytesRetrans: subflow.streams.server.retransmittedBytes,
            rttUs: nil)
    }
}
