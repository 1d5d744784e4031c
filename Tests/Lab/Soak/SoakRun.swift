import Glibc
import LinuxSystem
import Synchronization
import Wire

/// Ends a soak before its time: no transfer begins any more, those under way are cut, and what has been seen is reported.
public final class SoakStop: Sendable {
    private let isFired = Atomic(false)
    private let heedsInterrupt: Bool

    public convenience init() { self.init(heedsInterrupt: false) }

    private init(heedsInterrupt: Bool) { self.heedsInterrupt = heedsInterrupt }

    public func fire() { isFired.store(true, ordering: .relaxed) }

    var hasFired: Bool {
        isFired.load(ordering: .relaxed) || heedsInterrupt && Self.wasInterrupted.load(ordering: .relaxed)
    }

    private static let wasInterrupted = Atomic(false)

    /// One that the next SIGINT fires. The one after that takes its usual course: the lab is removed at once.
    public static func atInterrupt() throws -> SoakStop {
        // The lab's handler first, so that it is there for the second signal.
        try Interruption.install()
        previous = signal(SIGINT) { _ in
            SoakStop.wasInterrupted.store(true, ordering: .relaxed)
            _ = signal(SIGINT, SoakStop.previous)
        }
        return SoakStop(heedsInterrupt: true)
    }

    /// Written before the handler that reads it is in place.
    private nonisolated(unsafe) static var previous: __sighandler_t?
}

extension SoakPlan {
    /// Builds a lab, soaks it, and removes it.
    ///
    /// `note` is told what happens as it happens, on any thread: a line a minute, phases, each fault.
    public func run(
        stop: SoakStop = SoakStop(), note: @escaping @Sendable (SoakNote) -> Void = { _ in }
    ) async throws -> SoakReport {
        guard bytes ?? 1 > 0, parallel.lowerBound > 0, longest > 0 else {
            throw LabError.configuration("a soak takes at least a byte and a transfer")
        }
        guard !corruptsOneByte || links != .unshaped else {
            throw LabError.configuration("a byte is changed in a hop, which unshaped links don't have")
        }
        // A hop by its MTU; what happens in it changes with the phases.
        let clients = kinds.map { kind in
            LabConfiguration.Client(
                links: (0..<SoakSchedule.linkCount).map { _ in kind == .shaped ? .init(mtu: 1500) : .init() })
        }
        var configuration = LabConfiguration(clients: clients)
        configuration.congestionControl = "cubic"
        return try await Lab.with(configuration) { lab in
            let daemon =
                hasBox
                ? try await lab.startSluice(configuration: lab.sluiceDefaults + "\n" + self.configuration + "\n") : nil
            return try await SoakRun(self, lab, daemon, stop, note).run()
        }
    }
}

/// What a soak tells while it goes on.
public enum SoakNote: Sendable {
    case phase(String)
    case disturbance(String)
    case minute(String)
    case fault(SoakFault)
}

/// One soak in a lab that is up.
private final class SoakRun: Sendable {
    private let plan: SoakPlan
    private let lab: Lab
    private let daemon: SluiceDaemon?
    private let stop: SoakStop
    private let note: @Sendable (SoakNote) -> Void
    private let ledger: SoakLedger
    private let traffic: SoakTraffic
    private let links: [SoakLinks]
    /// The client whose links the present phase uses.
    private let client = Atomic(0)
    private let disturbances = Mutex<[String: Int]>([:])

    init(
        _ plan: SoakPlan, _ lab: Lab, _ daemon: SluiceDaemon?, _ stop: SoakStop,
        _ note: @escaping @Sendable (SoakNote) -> Void
    ) throws {
        self.plan = plan
        self.lab = lab
        self.daemon = daemon
        self.stop = stop
        self.note = note
        ledger = SoakLedger { note(.fault($0)) }
        traffic = SoakTraffic(plan, ledger)
        links = plan.kinds.indices.map { SoakLinks(lab, client: $0) }
    }

    func run() async throws -> SoakReport {
        var report = SoakReport()
        report.seed = plan.seed
        report.hasBox = plan.hasBox
        for links in links { try links.prepare() }
        report.before = try SoakResources(lab, daemon)
        var loops: [SoakLoop] = []
        do {
            loops = try await startLoops()
            try await soak(&report)
            try await end(&loops, &report)
        } catch {
            ledger.abort()
            let started = loops
            try? await onThread(named: "soak end") { started.forEach { $0.stop() } }
            for links in links { links.stop() }
            throw error
        }
        return report
    }

    private func startLoops() async throws -> [SoakLoop] {
        let (plan, ledger, traffic) = (plan, ledger, traffic)
        let servers = IPFamily.allCases.reduce(into: [:]) { $0[$1] = lab.endpoint(.server(0), port: SoakLoop.port, $1) }
        var loops = [
            try await lab.inside(.server(0)) {
                try SoakLoop(serverSpeaking: plan.hasBox ? .tcp : .mptcp, ledger, limit: plan.limit)
            }
        ]
        for client in plan.kinds.indices {
            loops.append(
                try await lab.inside(.client(client)) {
                    try SoakLoop(client: client, traffic, servers: servers, ledger, limit: plan.limit)
                })
        }
        return loops
    }

    // MARK: - The course of it

    private func soak(_ report: inout SoakReport) async throws {
        let start = ContinuousClock.now
        let disturber = Task { await disturb() }
        defer { disturber.cancel() }
        var (phaseEnd, minute, second) = (start, start + .seconds(60), start)
        var minuteBytes: UInt64 = 0
        var isCorrupting = plan.corruptsOneByte
        while !stop.hasFired, daemonLives() {
            let now = ContinuousClock.now
            if let duration = plan.duration, now - start >= duration { traffic.end() }
            if traffic.isOver {
                if ledger.totals.live == 0 { break }
            } else if now >= phaseEnd || traffic.isPhaseSpent {
                let phase = traffic.nextPhase()
                try enter(phase, number: report.phases)
                report.phases += 1
                phaseEnd = now + phase.duration
            }
            if isCorrupting, ledger.totals.completed > 0, let hop = lab.links.first(where: { $0.hop != nil }) {
                try lab.corruptOneSegment(on: hop, .towardsNode)
                isCorrupting = false
            }
            if now >= second {
                second = now + .seconds(1)
                let resources = try SoakResources(lab, daemon)
                report.peak = report.peak ?? resources
                report.peak?.raise(to: resources)
            }
            if now >= minute {
                minute += .seconds(60)
                let totals = ledger.totals
                note(.minute(line(totals, start, (totals.up + totals.down - minuteBytes) / 60)))
                minuteBytes = totals.up + totals.down
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        traffic.end()
        disturber.cancel()
        await disturber.value
        if stop.hasFired {
            report.wasInterrupted = true
            ledger.abort()
        }
        report.seconds = (ContinuousClock.now - start).inSeconds
    }

    private func enter(_ phase: SoakPhase, number: Int) throws {
        let index = number % plan.kinds.count
        if phase.kind == .shaped { try links[index].apply(phase.shapes) }
        traffic.enter(phase, client: index)
        client.store(index, ordering: .relaxed)
        note(.phase("\(now): \(phase)"))
    }

    private func line(_ totals: SoakLedger.Totals, _ start: ContinuousClock.Instant, _ rate: UInt64) -> String {
        let minutes = Int((ContinuousClock.now - start).inSeconds) / 60
        let resident =
            daemon.flatMap { ProcessUsage(of: $0.process.pid) }.map { ", \($0.residentBytes >> 20) MiB" } ?? ""
        return "\(minutes) min: \(totals.down / 1_000_000) MB down, \(totals.up / 1_000_000) MB up, "
            + "\(rate / 1_000_000) MB/s, \(totals.completed) transfers, \(totals.live) under way, "
            + "\(totals.faults) faults\(resident)"
    }

    private var now: String { SoakFault.text(ledger.seconds) }

    private func daemonLives() -> Bool {
        guard let status = daemon?.process.status else { return true }
        ledger.add(
            SoakFault(.daemon, nil, "the daemon has ended: \(status)\n\(daemon?.process.errors.suffix(2000) ?? "")"))
        return false
    }

    // MARK: - Disturbances

    private func disturb() async {
        while !Task.isCancelled, let (calm, disturbance) = traffic.nextDisturbance() {
            do { try await Task.sleep(for: calm) } catch { return }
            do {
                try await make(disturbance)
            } catch is CancellationError {
                return
            } catch {
                ledger.add(SoakFault(.disturbance, nil, "\(disturbance): \(error)"))
            }
        }
    }

    private func make(_ disturbance: SoakDisturbance) async throws {
        note(.disturbance("\(now): \(disturbance)"))
        let name: String
        switch disturbance {
        case .reload:
            name = "reload"
            daemon?.process.signal(SIGHUP)
        case .trace(let duration):
            name = "trace"
            try await trace(for: duration)
        case .outage(let link, let duration):
            name = "outage"
            try await links[client.load(ordering: .relaxed)].fail(link, for: duration)
        case .busy(let duration):
            name = "busy"
            try await keepBusy(for: duration)
        }
        disturbances.withLock { $0[name, default: 0] += 1 }
    }

    /// What it writes is thrown away; that it wrote something, and ended in order, is not.
    private func trace(for duration: Duration) async throws {
        guard let daemon else { return }
        let file = try lab.scratchFile("trace.pcapng")
        defer { unlink(file) }
        let trace = try lab.spawn(
            in: .box,
            [try Lab.programBeside("sluice"), "trace", "--write", file, "--control", daemon.controlPath])
        // The file's head comes once it is ready for a signal, which on a busy machine takes a while.
        try? await Task { [lab] in
            try await lab.wait(for: "a trace to begin", within: .seconds(60)) {
                trace.status != nil || Self.hasContent(file)
            }
        }.value
        try? await Task.sleep(for: duration)
        trace.signal(SIGINT)
        // Not with this task, which may have been cancelled.
        let status = try await Task { try await trace.wait(within: .seconds(60)) }.value
        guard status.isSuccess else { throw LabError.command(trace.command, status, errors: trace.errors) }
    }

    private static func hasContent(_ file: String) -> Bool {
        var status = stat()
        return stat(file, &status) == 0 && status.st_size > 0
    }

    private func keepBusy(for duration: Duration) async throws {
        let end = MonotonicTime.now + duration
        let threads = try (0..<plan.busyLoops).map { _ in
            try SystemThread(named: "busy") { [stop] in while .now < end, !stop.hasFired {} }
        }
        try await onThread(named: "busy end") { threads.forEach { $0.join() } }
    }

    // MARK: - The end

    private func end(_ loops: inout [SoakLoop], _ report: inout SoakReport) async throws {
        let started = loops
        loops = []
        if !report.wasInterrupted, ledger.totals.live == 0 { try await rest(&report) }
        try await onThread(named: "soak end") { started.forEach { $0.stop() } }
        for links in links { links.stop() }
        report.after = try SoakResources(lab, daemon)
        try count(&report)
        try await judge(&report)
        let totals = ledger.totals
        report.bytesUp = totals.up
        report.bytesDown = totals.down
        report.transfers = totals.completed
        report.transfersByMPTCP = totals.completedByMPTCP
        report.disturbances = disturbances.withLock(\.self)
        report.faults = ledger.faults
        report.faultCount = totals.faults
    }

    private func rest(_ report: inout SoakReport) async throws {
        let start = ContinuousClock.now
        while !stop.hasFired, ContinuousClock.now - start < plan.rest { try await Task.sleep(for: .milliseconds(100)) }
        report.rest = (ContinuousClock.now - start).inSeconds
    }

    private func count(_ report: inout SoakReport) throws {
        let counters = try lab.counters(in: plan.hasBox ? .box : .server(0))
        report.multipathConnections = counters["MPTcpExtMPCapableACKRX"] ?? 0
        report.joins = counters["MPTcpExtMPJoinAckRx"] ?? 0
    }

    /// What is wrong although each transfer went well.
    private func judge(_ report: inout SoakReport) async throws {
        if ledger.totals.completedByMPTCP > 0, report.multipathConnections == 0 {
            ledger.add(SoakFault(.daemon, nil, "not one of the MPTCP connections was one beyond the client"))
        }
        guard let daemon, daemon.process.status == nil else { return }
        report.status = try await daemon.command("status", within: .seconds(60)).output
        if let before = report.before?.descriptors, let after = report.after?.descriptors, report.rest >= 120,
            after > before + Self.toleratedDescriptors
        {
            ledger.add(SoakFault(.daemon, nil, "descriptors: \(before) before, \(after) after"))
        }
        let status = try await daemon.stop(within: .seconds(60))
        if !status.isSuccess {
            ledger.add(SoakFault(.daemon, nil, "the daemon's stop: \(status)\n\(daemon.process.errors.suffix(2000))"))
        }
    }

    /// Threads and libraries open some of their own in the course of time.
    private static let toleratedDescriptors = 16
}
