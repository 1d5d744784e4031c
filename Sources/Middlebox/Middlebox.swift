// Middlebox: puts it together. It alone knows all modules; none knows it. Start order, reload, drain and shutdown are
// here, and the translation of settings into what each module takes.
//
//     start   TUN ─ queues bound ─ sentinel ─ workers ─ inspectors ─ throttles ─ rules ─ control socket last
//     run     Healer puts back what other hands remove; orders pass one at a time (OrderQueue)
//     crash   the sentinel keeps sessions; the next start takes them up (Crash)
//     upgrade another process takes all of it over, and goes on (Upgrade)
//     stop    no new conversions ─ running connections drain ─ rules removed ─ throttles lifted ─ queues unbound ─
//             sockets closed
//
// Taking the rules away before the running connections have drained would cut those: their packets find our sockets by
// the rules. So the rules stay until then; a new connection is let through as if there were none.

import Admin
import Cluster
import Converter
import Firewall
import HandOver
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
    /// nil: this box is alone.
    let cluster: Cluster?
    /// nil: there are no other boxes.
    let peerRoutes: PeerRoutes?
    /// The trace that goes to the file of [trace], if there is one.
    let fileTrace = Mutex<(id: UInt64, setting: Settings.Trace)?>(nil)
    let agreement: Agreement
    let state = Mutex(State.starting)
    let started = MonotonicTime.now
    var log: Logger { surroundings.log }
    let throttler: Throttler
    let volumes: VolumeFile
    let rules: InstalledRules
    let queueNumbers: ClosedRange<UInt16>
    let healer: Healer
    /// nil where the kernel allows none.
    let strayGuard: Mutex<StrayGuard?>
    /// What the router's own rules ask of connection tracking.
    private let trackingRules = Mutex(TrackingRules())
    let synInspector: SYNInspector
    let dataInspectors: [DataInspector]
    let acknowledgements: AcknowledgementInspector
    /// nil once it has been dismissed.
    let sentinel: Mutex<Sentinel?>
    /// What it keeps if this daemon dies; nil: nothing.
    let keeping: Sentinel.Keeping?
    let pathThreads: [LoopThread]
    let surroundings: Surroundings

    // For an upgrade.

    /// How this daemon was started.
    let program: (path: String, arguments: [String])
    let ruleSetting: RuleSetting
    /// Of the path threads.
    let gates: [Gate]
    /// The SYN queues, then as many data queues.
    let queues: [StandingMember<PacketQueue>]
    let admin = Mutex<AdminService?>(nil)
    let runtimeOrders = Mutex(RuntimeOrders())
    /// Are connections left to a path manager in user space?
    let steering: Atomic<Bool>
    let isFrozen = Atomic(false)
    /// Do new connections pass since an operator wants it so?
    let drainsByOrder = Atomic(false)
    /// Has it been told to stop? A successor is told so, too.
    let isToStop = Atomic(false)
    /// Reloads that it has been told of by a signal, and not yet done.
    let reloadsToCome = Atomic(0)
    let frozenAt = Mutex(MonotonicTime(nanoseconds: 0))
    /// What the daemon before knew of paths, until throttles are set: it may carry something until its end.
    let inheritedMemory = Mutex<[UInt8]>([])
    /// Clients whose probes the daemon before has left unanswered.
    let silenced = Mutex<[FourTuple]>([])

    var dataQueues: ArraySlice<StandingMember<PacketQueue>> { queues.suffix(queues.count / 2) }

    var isSteering: Bool { steering.load(ordering: .relaxed) }

    enum State: String {
        /// The rules are not in place yet.
        case starting
        case running
        case draining
    }

    /// Removes whatever a run has put in place, also one that was killed: rules, routes, qdiscs.
    public static func removeLeftovers() async throws {
        try await Firewall.remove()
        try TrafficControl.removeAll()
    }

    /// The path threads run once `startThreads` is called.
    ///
    /// - Parameters:
    ///   - inherited: what the daemon before offers, and its descriptors; nil: all is made anew.
    ///   - isAfterCrash: the daemon before has died.
    init(
        _ settings: Settings, _ surroundings: Surroundings, _ inherited: (HandOverOffer, ReceivedDescriptors)? = nil,
        isAfterCrash: Bool = false
    ) throws {
        let log = surroundings.log
        program = try ProgramStart.own()
        initial = settings
        self.settings = Mutex(settings)
        self.surroundings = surroundings
        FreeMemory.returnLargeBlocks()
        let descriptors = ProcessRights.raiseDescriptorLimit()
        var rules = try RuleSetting(settings)
        guard rules.groups.all.allSatisfy(FileGroup.isAvailable) else {
            throw UnusableSetting.socketGroup(rules.groups)
        }
        rules.addExits(NetworkInterface.routed)
        if let (offer, _) = inherited {
            let differences = offer.differences(from: settings.fixed(rules))
            guard differences.isEmpty else { throw UnusableSetting.fixed(differences) }
            rules.steersSubflows = rules.steersSubflows || offer.steersSubflows
        }
        steering = Atomic(rules.steersSubflows)
        ruleSetting = rules
        let installed = try InstalledRules(rules)
        self.rules = installed
        queueNumbers = rules.synQueue...rules.lastQueue
        let conversion = ConverterSetting(settings, mark: rules.mark, descriptorLimit: descriptors)
        let foundations =
            if let (offer, descriptors) = inherited {
                try Foundations(rules, settings, offer, descriptors)
            } else {
                try Foundations(rules, settings)
            }
        let (guarding, synQueues, dataQueues) = (foundations.guarding, foundations.synQueues, foundations.dataQueues)
        let peerRoutes = foundations.peers
        strayGuard = Mutex(guarding)
        self.peerRoutes = peerRoutes
        let acknowledgementQueue = rules.acknowledgementQueue
        queues = (synQueues + dataQueues).map { StandingMember($0) }
        let clusterNonce = inherited?.0.clusterNonce ?? .random(in: 1 ... .max)
        let keeping = Self.keeping(settings, conversion, log)
        self.keeping = keeping
        Self.note(
            keeping,
            [guarding?.descriptor, foundations.tun.rawValue] + (synQueues + dataQueues).map(\.descriptor),
            // The ways to peers aren't kept: what they lead to is noted nowhere.
            HandOverOffer(
                hasGuard: guarding != nil, hasPeers: false, clusterNonce: clusterNonce, dataQueues: dataQueues.count,
                fixed: settings.fixed(rules), steersSubflows: rules.steersSubflows))
        sentinel = Mutex(try Self.startSentinel(synQueues + dataQueues, keeping, log))
        let door = try SYNInspector.Door(queues: synQueues.count)
        let watch = ConnectionWatch(connections: settings.advanced.maxTracked)
        let sessionLog = try SessionLog(version: Self.version, log: log, isStart: inherited == nil)
        self.sessionLog = sessionLog
        let cluster = try ClusterSetting(settings).map {
            try Cluster(
                $0, log: log, nonce: clusterNonce,
                answer: { door.locate($0, JoinOwner($1)) },
                gone: { gone in
                    guard let peerRoutes else { return }
                    peerRoutes.note(gone: gone)
                    // A transaction takes longer than the cluster's thread has.
                    Task.detached { try? peerRoutes.refresh() }
                })
        }
        self.cluster = cluster
        let agreement = Agreement(watch, log: log)
        let segmentSizes = SegmentSizes()
        let board = TraceBoard()
        let taps = (0...synQueues.count + dataQueues.count).map { _ in TraceTap(board) }
        let (counters, tap) = (counters, taps.last!)
        let acknowledgements = AcknowledgementInspector(log: log) { thread in
            try DataInspector(
                queue: PacketQueue(acknowledgementQueue, .data()), watch: watch, segmentSizes: segmentSizes, tap: tap,
                counters: counters, log: log, on: thread)
        }
        self.acknowledgements = acknowledgements
        let threads = try (0..<max(dataQueues.count, conversion.workers)).map { try LoopThread(named: "path \($0)") }
        let converter = try Converter(
            conversion, log: log, outcome: door.answer,
            accepted: { tuple, token in
                agreement.check(tuple, token: token)
                guard let cluster else { return }
                if let token { cluster.opened(tuple, token) } else { cluster.ended(tuple) }
            },
            ended: { tuple in
                cluster?.ended(tuple)
                watch.release(tuple)
                acknowledgements.release(tuple)
            },
            silence: { tuple, on in
                watch.silence(tuple, on)
                acknowledgements.silence(tuple, on)
            }, observer: SessionObserver(sessionLog, watch), register: keeping?.register, spread: rules.spread,
            on: threads)
        watch.listen(
            .init(
                clientJoins: converter.clientJoins, clientSends: converter.clientSends,
                serverSends: converter.serverSends,
                isAnswered: cluster.map { cluster in
                    { @Sendable (tuple: FourTuple, token: Token) in cluster.announced(tuple, token) }
                }))
        self.converter = converter
        let peerLink: PeerLink? =
            if let cluster, let interface = settings.peerInterface, let peerRoutes {
                PeerLink(cluster, interface, peerRoutes)
            } else {
                nil
            }
        let synInspector = try SYNInspector(
            queues: synQueues, tun: foundations.tun, policy: ConversionPolicy(settings), door: door, watch: watch,
            watchesEndToEnd: rules.inspectsEndToEnd, segmentSizes: segmentSizes, taps: Array(taps[..<synQueues.count]),
            history: history, counters: counters, stream: converter, peers: peerLink, log: log, on: threads)
        self.synInspector = synInspector
        dataInspectors = try dataQueues.indices.map {
            try DataInspector(
                queue: dataQueues[$0], watch: watch, segmentSizes: segmentSizes, tap: taps[synQueues.count + $0],
                counters: counters, log: log, on: threads[$0])
        }
        gates = try threads.map { try Gate(on: $0) }
        pathThreads = threads
        volumes = VolumeFile(directory: settings.advanced.stateDirectory, log: log)
        throttler = try Throttler(
            mark: rules.mark, device: settings.advanced.ifb, offloads: !rules.inspectsBulk, watch: watch,
            volumes: volumes.read(), log: log, isAfterAnother: inherited != nil && !isAfterCrash,
            downloadsHeld: converter.sendByMeasuredRate, saveVolumes: volumes.write)
        let throttler = throttler
        let peers = settings.peers
        recorder = try Recorder(
            taps, board, application: "Sluice \(Self.version)", log: log, hasReaders: acknowledgements.trace,
            peerName: { peers.indices.contains(Int($0)) ? peers[Int($0)].id : nil }
        ) { throttler.rule(of: $0) }
        self.watch = watch
        self.agreement = agreement
        healer = Healer(guarded: guarding != nil, log: log)
        traceSteering()
    }

    /// What repairs are carried out by.
    var hands: Healer.Hands {
        Healer.Hands(
            rules: rules, orders: orders, device: initial.advanced.tun,
            replaceDevice: { [self] device in
                keeping?.register.replaceFoundation(synInspector.deviceDescriptor, by: device.rawValue)
                synInspector.replaceDevice(device)
            },
            stepAside: { [self] isAside in
                // One that drains converts no new connection anyway.
                guard state.withLock({ $0 != .draining }), !drainsByOrder.load(ordering: .relaxed) else { return }
                if isAside { synInspector.stepAside() } else { synInspector.open() }
            },
            reset: { [self] in converter.resetAll(ipv4: $0.contains(.ipv4), ipv6: $0.contains(.ipv6)) },
            heed: { [self] in heed($0) })
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
        peerRoutes?.note(clients: policy.interfaces)
        // Before a hand-over's commit nothing is changed.
        if state.withLock({ $0 == .running }) { refreshPeerRoutes() }
    }

    func startThreads() throws {
        for thread in pathThreads { try thread.start() }
    }

    static func startSentinel(_ queues: [PacketQueue], _ keeping: Sentinel.Keeping?, _ log: Logger) throws -> Sentinel {
        try Sentinel(queues, keeping: keeping) {
            log.warning("the sentinel has died; should this process hang or be killed, packets may be lost. Restart it")
        }
    }

    func stopThreads() {
        throttler.stop()
        volumes.finish()
        synInspector.stop()
        for inspector in dataInspectors { inspector.stop() }
        recorder.stop()
        acknowledgements.stop()
        sentinel.withLock { $0.take() }?.stop()
        converter.stop()
        for gate in gates { gate.stop() }
        for thread in pathThreads { thread.join() }
        // Behind the last ends.
        sessionLog.stop()
        cluster?.stop()
        strayGuard.withLock { $0 = nil }
    }
}
