// Middlebox: puts it together. It alone knows all modules; none knows it. Start order, reload, drain and shutdown are
// here, and the translation of settings into what each module takes.
//
//     start   TUN ─ queues bound ─ sentinel ─ workers ─ inspectors ─ throttles ─ rules ─ control socket last
//     run     Healer puts back what other hands remove; orders pass one at a time (OrderQueue)
//     stop    no new conversions ─ running connections drain ─ rules removed ─ throttles lifted ─ queues unbound ─
//             sockets closed
//
// Taking the rules away before the running connections have drained would cut those: their packets find our sockets by
// the rules. So the rules stay until then; a new connection is let through as if there were none.

import Admin
import Converter
import Firewall
import Handshake
import Inspector
import LinuxSystem
import Logging
import NetfilterQueue
import PacketTap
import Recorder
import SessionLog
import Settings
import SharedTracking
import Synchronization
import Throttling
import TrafficControl
import Wire

/// What a running box is told from outside.
public enum RunEvent: Sendable {
    /// Read the settings anew.
    case reload
    /// Drain, then stop; said again, stop at once.
    case stop
}

extension Converter: StreamPath {}

public final class Middlebox: Sendable {
    public static let version = "0.1.0"

    /// As the daemon was started: what a reload can't change is as it is here.
    let initial: Settings
    /// As they were read last.
    let settings: Mutex<Settings>
    let orders = OrderQueue()
    let converter: Converter
    let counters = InspectorCounters()
    let watch: ConnectionWatch
    let history = DecisionHistory()
    let recorder: Recorder
    let sessionLog: SessionLog
    /// The trace that goes to the file of [trace], if there is one.
    let fileTrace = Mutex<(id: UInt64, setting: Settings.Trace)?>(nil)
    let agreement: Agreement
    let state = Mutex(State.starting)
    let started = MonotonicTime.now
    let log: Logger
    let throttler: Throttler
    private let volumes: VolumeFile
    let rules: InstalledRules
    let queueNumbers: ClosedRange<UInt16>
    let healer: Healer
    /// nil where the kernel allows none.
    private let strayGuard: Mutex<StrayGuard?>
    /// What the router's own rules ask of connection tracking.
    private let trackingRules = Mutex(TrackingRules())
    private let synInspector: SYNInspector
    private let dataInspectors: [DataInspector]
    private let acknowledgements: AcknowledgementInspector
    private let sentinel: Sentinel
    let pathThreads: [LoopThread]
    /// Reads the settings anew; and is told of them, once they count.
    let reread: @Sendable () throws -> Settings
    let adopted: @Sendable (Settings) -> Void

    enum State: String {
        /// The rules are not in place yet.
        case starting
        case running
        case draining
    }

    /// Runs until it is told to stop and has stopped. Queues, TUN device and sockets are taken in the network namespace
    /// of this process. Throws when it can't start, with nothing left behind.
    ///
    /// - Parameters:
    ///   - service: told how the daemon fares.
    ///   - reload: reads the settings anew.
    ///   - adopted: told of settings that were read anew, once they count.
    public static func run(
        _ settings: Settings, log: Logger, events: AsyncStream<RunEvent>, service: ServiceManager? = nil,
        reload: @escaping @Sendable () throws -> Settings, adopted: @escaping @Sendable (Settings) -> Void
    ) async throws {
        let service = ServiceReporter(service, log: log)
        do {
            try await run(settings, log: log, events: events, service: service, reload: reload, adopted: adopted)
        } catch {
            service.hasFailed(error)
            throw error
        }
    }

    private static func run(
        _ settings: Settings, log: Logger, events: AsyncStream<RunEvent>, service: ServiceReporter,
        reload: @escaping @Sendable () throws -> Settings, adopted: @escaping @Sendable (Settings) -> Void
    ) async throws {
        try await ControlServer.checkFree(settings.admin.control)
        let http = try HTTPSetting(settings.admin)
        let box = try Middlebox(settings, log: log, reload: reload, adopted: adopted)
        defer { box.stopThreads() }
        let admin = try await AdminService.start(
            control: settings.admin.control, http: http, answers: box.answers)
        do {
            if let http = settings.admin.http {
                log.notice("http://\(http)/ has a page, http://\(http)/metrics metrics")
            }
            await box.applyTrace(settings.trace)
            box.sessionLog.apply(SessionTarget(settings.sessions))
            let watch = try await box.orders.run {
                try await box.applyThrottles(settings)
                try await box.rules.apply()
                return try await box.rules.watch(box.healer.tell)
            }
            defer { watch.stop() }
            await box.tellOfLimits()
            // Before the first connection is converted.
            box.heed(await box.rules.trackingRules() ?? TrackingRules())
            box.synInspector.open()
            box.state.withLock { $0 = .running }
            // Whoever waits for the socket may rely on the rules.
            try admin.appear()
            log.notice("sluice \(version) converts on \(settings.intercept.interfaces.joined(separator: ", "))")
            service.isReady(box.statusLine)
            let reporting = Task { await service.run(box.subjects(watch)) { box.statusLine } }
            defer { reporting.cancel() }
            let healing = Task { await box.healer.run(box.hands) }
            let comparing = Task { await box.agreement.run(box.converter) }
            let tidying = Task {
                var upkeep = Upkeep(box.watch, box.converter)
                await upkeep.run()
            }
            await box.serve(events, service)
            comparing.cancel()
            tidying.cancel()
            healing.cancel()
            // No order and no repair may put rules back behind their removal.
            await healing.value
            await admin.stop()
            try await box.orders.run { try await Firewall.remove() }
        } catch {
            await admin.stop()
            // They may be in place already: the socket's name comes behind them.
            try? await Firewall.remove()
            throw error
        }
        log.notice("sluice has stopped")
    }

    private func tellOfLimits() async {
        if await !rules.separatesAcknowledgements {
            log.notice(
                """
                acknowledgements pass the data queues, which costs about a fifth of the throughput: rules that tell them from \
                other packets could not be put in place; modprobe xt_bpf and restart
                """)
        }
        if await !rules.families.contains(.ipv6) { log.notice("this kernel's IPv6 is off: IPv4 alone is converted") }
        guard strayGuard.withLock({ $0 == nil }) else { return }
        log.notice(
            """
            running connections are reset when others remove Sluice's rules: the kernel lacks what keeps their packets \
            here meanwhile (nf_tables with its socket expression, Linux 5.12: modprobe nft_socket)
            """)
    }

    /// Removes whatever a run has put in place, also one that was killed: rules, routes, qdiscs.
    public static func removeLeftovers() async throws {
        try await Firewall.remove()
        try TrafficControl.removeAll()
    }

    private init(
        _ settings: Settings, log: Logger, reload: @escaping @Sendable () throws -> Settings,
        adopted: @escaping @Sendable (Settings) -> Void
    ) throws {
        initial = settings
        reread = reload
        self.adopted = adopted
        self.settings = Mutex(settings)
        self.log = log
        FreeMemory.returnLargeBlocks()
        let descriptors = ProcessRights.raiseDescriptorLimit()
        var rules = try RuleSetting(settings)
        guard rules.groups.all.allSatisfy(FileGroup.isAvailable) else {
            throw UnusableSetting.socketGroup(rules.groups)
        }
        rules.addExits(NetworkInterface.routed)
        let installed = try InstalledRules(rules)
        self.rules = installed
        queueNumbers = rules.synQueue...rules.acknowledgementQueue
        let conversion = ConverterSetting(settings, mark: rules.mark, descriptorLimit: descriptors)
        // Before all else: a killed process closes its descriptors in their order. Once the TUN device is gone the router's
        // rules reset the clients (rules.template), and the guard would drop the packets that they answer.
        let guarding = try? StrayGuard(rules.mark)
        strayGuard = Mutex(guarding)
        let tun = try TunDevice(rules.tun)
        let synQueue = try PacketQueue(
            rules.synQueue, .syn(held: settings.advanced.maxHeld), patience: .seconds(2))
        let dataQueues = try rules.dataQueues.map { try PacketQueue($0, .data(), patience: .seconds(2)) }
        let acknowledgementQueue = rules.acknowledgementQueue
        // Nobody else's: what has no reader passes it by, but another program's packets would be mixed with these.
        _ = try PacketQueue(acknowledgementQueue, .data(), patience: .seconds(2))
        sentinel = try Sentinel([synQueue] + dataQueues) {
            log.warning("the sentinel has died; should this process hang or be killed, packets may be lost. Restart it")
        }
        let door = try SYNInspector.Door()
        let watch = ConnectionWatch(connections: settings.advanced.maxTracked)
        let sessionLog = try SessionLog(version: Self.version, log: log)
        self.sessionLog = sessionLog
        let agreement = Agreement(watch, log: log)
        let segmentSizes = SegmentSizes()
        let board = TraceBoard()
        let taps = ([synQueue.number] + rules.dataQueues + [acknowledgementQueue]).map { _ in TraceTap(board) }
        let (counters, tap) = (counters, taps.last!)
        let acknowledgements = AcknowledgementInspector(log: log) { thread in
            try DataInspector(
                queue: PacketQueue(acknowledgementQueue, .data()), watch: watch, segmentSizes: segmentSizes, tap: tap,
                counters: counters, log: log, on: thread)
        }
        self.acknowledgements = acknowledgements
        let threads = try (0..<max(dataQueues.count, conversion.workers)).map { try LoopThread(named: "path \($0)") }
        let converter = try Converter(
            conversion, log: log, outcome: door.answer, accepted: agreement.check,
            ended: { tuple in
                watch.release(tuple)
                acknowledgements.release(tuple)
            },
            silence: { tuple, on in
                watch.silence(tuple, on)
                acknowledgements.silence(tuple, on)
            }, observer: SessionObserver(sessionLog, watch), on: threads)
        watch.listen(
            .init(
                clientJoins: converter.clientJoins, clientSends: converter.clientSends,
                serverSends: converter.serverSends))
        self.converter = converter
        let synInspector = try SYNInspector(
            queue: synQueue, tun: tun, policy: ConversionPolicy(settings), door: door, watch: watch,
            watchesEndToEnd: rules.inspectsEndToEnd, segmentSizes: segmentSizes, tap: taps[0], history: history,
            counters: counters, stream: converter, log: log, on: threads.last!)
        self.synInspector = synInspector
        dataInspectors = try dataQueues.indices.map {
            try DataInspector(
                queue: dataQueues[$0], watch: watch, segmentSizes: segmentSizes, tap: taps[1 + $0],
                counters: counters, log: log, on: threads[$0])
        }
        for thread in threads { try thread.start() }
        pathThreads = threads
        volumes = VolumeFile(directory: settings.advanced.stateDirectory, log: log)
        throttler = try Throttler(
            mark: rules.mark, device: settings.advanced.ifb, offloads: !rules.inspectsBulk, watch: watch,
            volumes: volumes.read(), log: log, downloadsHeld: converter.sendByMeasuredRate, saveVolumes: volumes.write)
        let throttler = throttler
        recorder = try Recorder(
            taps, board, application: "Sluice \(Self.version)", log: log, hasReaders: acknowledgements.trace
        ) { throttler.rule(of: $0) }
        self.watch = watch
        self.agreement = agreement
        healer = Healer(guarded: guarding != nil, log: log)
        traceSteering()
    }

    /// What repairs are carried out by.
    private var hands: Healer.Hands {
        Healer.Hands(
            rules: rules, orders: orders, device: initial.advanced.tun,
            replaceDevice: { [self] device in
                synInspector.replaceDevice(device)
            },
            stepAside: { [self] isAside in
                // One that drains converts no new connection anyway.
                guard state.withLock({ $0 != .draining }) else { return }
                if isAside { synInspector.stepAside() } else { synInspector.open() }
            },
            reset: { [self] in converter.resetAll(ipv4: $0.contains(.ipv4), ipv6: $0.contains(.ipv6)) },
            heed: { [self] in heed($0) })
    }

    /// Returns when the box has been told to stop, and has drained or been told again.
    private func serve(_ events: AsyncStream<RunEvent>, _ service: ServiceReporter) async {
        for await event in events {
            guard event == .reload else { break }
            service.isReloading()
            do {
                _ = try await reload(ReloadOrder(dryRun: false))
                service.isReady(statusLine)
            } catch {
                // Whoever sends a signal reads the log.
                service.isReady("\(statusLine); the last reload changed nothing: \(error.message)")
            }
        }
        await orders.run {
            state.withLock { $0 = .draining }
            synInspector.drain()
        }
        service.isStopping(statusLine, drain: initial.advanced.drainTimeout)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.drain() }
            group.addTask { for await event in events where event == .stop { return } }
            await group.next()
            group.cancelAll()
        }
    }

    /// Has connections pass for which the router's rules ask something of connection tracking, besides what the settings say.
    func heed(_ rules: TrackingRules) {
        let before = trackingRules.withLock { known in
            defer { known = rules }
            return known
        }
        guard rules != before else { return }
        let ports = rules.helperPorts
        if !ports.isEmpty, ports != before.helperPorts {
            log.notice(
                """
                connections to \(ports.sorted().prefix(16).map(String.init).joined(separator: ", ")) pass: the router's \
                rules give these ports to helpers of connection tracking (-j CT --helper)
                """)
        }
        if rules.hasZonesByDirection != before.hasZonesByDirection {
            log.notice(
                rules.hasZonesByDirection
                    ? "all connections pass: the router's rules track their directions in different zones (-j CT --zone-orig)"
                    : "connections are converted: the rules with zones for one direction are gone")
        }
        applyPolicy()
    }

    func applyPolicy() {
        var policy = ConversionPolicy(settings.withLock(\.self))
        let tracking = trackingRules.withLock(\.self)
        policy.passedPorts = tracking.helperPorts
        policy.hasZonesByDirection = tracking.hasZonesByDirection
        synInspector.apply(policy)
    }

    /// Waits for the running connections to end, for the time allowed.
    private func drain() async {
        let deadline = MonotonicTime.now + initial.advanced.drainTimeout
        let open = converter.counters.open.load(ordering: .relaxed)
        if open > 0 { log.notice("draining \(open) connections") }
        while converter.counters.open.load(ordering: .relaxed) > 0, MonotonicTime.now < deadline, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    private func stopThreads() {
        throttler.stop()
        volumes.finish()
        synInspector.stop()
        for inspector in dataInspectors { inspector.stop() }
        recorder.stop()
        acknowledgements.stop()
        sentinel.stop()
        converter.stop()
        for thread in pathThreads { thread.join() }
        // Behind the last ends.
        sessionLog.stop()
        strayGuard.withLock { $0 = nil }
    }
}
