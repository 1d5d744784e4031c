import LinuxSystem
import Logging
import NetfilterQueue
import Policy
import Synchronization
import SystemPackage
import Trace
import Wire

/// Queue SYN: decides about every MPTCP SYN that the router would forward.
public final class SYNInspector: Sendable {
    enum Message: Sendable {
        case outcome(UInt64, DialOutcome)
        case policy(ConversionPolicy)
        case stage(Stage)
        case device(DeviceInTransit)
        case stop
    }

    /// A device on its way to the thread that will own it.
    final class DeviceInTransit: Sendable {
        private let device: Mutex<TunDevice?>

        init(_ device: consuming TunDevice) { self.device = Mutex(device) }

        func take() -> TunDevice? { device.withLock { $0.take() } }
    }

    enum Stage: Sendable {
        case starting
        case converting
        case draining
        /// Something that conversion needs is away.
        case aside
    }

    public let counters: InspectorCounters
    private let mailbox: Mailbox<Message>
    private let ending: LoopThread.Ending

    /// It lives on `thread`. `watchesEndToEnd`: `watch` is told of MPTCP connections that go past this box.
    public init(
        queue: PacketQueue, tun: consuming TunDevice, policy: ConversionPolicy, mark: PacketMark, door: Door,
        watch: ConnectionWatch, watchesEndToEnd: Bool, tap: TraceTap, history: DecisionHistory,
        counters: InspectorCounters, stream: any StreamPath, log: Logger, on thread: LoopThread
    ) throws(SystemError) {
        mailbox = door.mailbox
        self.counters = counters
        // The compiler doesn't know that the closure is called once.
        var device: TunDevice? = tun
        ending = try thread.add { place throws(SystemError) in
            try SYNDesk(
                queue: queue, tun: device.take()!, policy: policy, mark: mark, mailbox: door.mailbox, watch: watch,
                watchesEndToEnd: watchesEndToEnd, tap: tap, history: history, counters: counters, stream: stream,
                log: log, place: place)
        }
    }

    /// Where the answers to dials come in; made before the stream path, which gives them.
    public struct Door: Sendable {
        let mailbox: Mailbox<Message>

        public init() throws(SystemError) { mailbox = try Mailbox() }

        public func answer(_ id: UInt64, _ outcome: DialOutcome) { mailbox.post(.outcome(id, outcome)) }
    }

    /// For SYNs from now on.
    public func apply(_ policy: ConversionPolicy) { mailbox.post(.policy(policy)) }

    /// Converts new connections, once the rules and routes that they need are in place.
    public func open() { mailbox.post(.stage(.converting)) }

    /// Converts no new connection; subflows may still join those that there are.
    public func drain() { mailbox.post(.stage(.draining)) }

    /// Converts no new connection until `open` is called again: something that conversion needs is away.
    public func stepAside() { mailbox.post(.stage(.aside)) }

    /// SYNs go in by this device from now on, in place of one that is gone.
    public func replaceDevice(_ device: consuming TunDevice) { mailbox.post(.device(DeviceInTransit(device))) }

    /// Lets go what is held and ends; blocks until then. The queue is unbound with it.
    public func stop() {
        mailbox.post(.stop)
        ending.wait()
    }
}

/// What decides about SYNs, on its thread.
final class SYNDesk: LoopMember {
    private static let queueTag: UInt64 = 0
    private static let mailboxTag: UInt64 = 1

    let queue: PacketQueue
    private(set) var tun: TunDevice
    let mark: PacketMark
    let stream: any StreamPath
    let watch: ConnectionWatch
    let watchesEndToEnd: Bool
    let tap: TraceTap
    let history: DecisionHistory
    let counters: InspectorCounters
    let log: Logger
    var policy: ConversionPolicy
    var stage = SYNInspector.Stage.starting
    /// In this turn of the loop: the sentinel answers, or has just done so.
    var isSubstituted = false
    var held = HeldSYNs()
    /// SYNs that went on for a reason that may be over.
    var passed = BoundedMemory<SYNIdentity, Bool>(capacity: 16384)
    var injected = InjectedSYNs()
    /// SYNs of our own that were sent on with the question.
    var asked = BoundedMemory<SYNIdentity, Bool>(capacity: 16384)
    /// For packets that go on, or in, with other bytes than they came with.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 2048, alignment: 8)
    var trackingRoom = TrackingRoom()
    var interfaces: InterfaceCache
    var exits: ExitCheck
    var occupiedPorts: Set<UInt16> = []
    var malformedLog = RateLimit(every: .seconds(10))
    var notTakenLog = RateLimit(every: .seconds(10))
    var errorLog = RateLimit(every: .seconds(10))
    let diagnostics: SocketDiagnostics
    private let mailbox: Mailbox<SYNInspector.Message>
    private let place: LoopThread.Place
    private var isStopped = false

    /// As long as a client may go on to send the same SYN: tcp_syn_retries of 6 makes 127 s.
    static let passedLifetime: UInt64 = 130_000_000_000

    init(
        queue: PacketQueue, tun: consuming TunDevice, policy: ConversionPolicy, mark: PacketMark,
        mailbox: Mailbox<SYNInspector.Message>, watch: ConnectionWatch, watchesEndToEnd: Bool, tap: TraceTap,
        history: DecisionHistory, counters: InspectorCounters, stream: any StreamPath, log: Logger,
        place: LoopThread.Place
    ) throws(SystemError) {
        try place.watch(queue.descriptor, .readable, tag: Self.queueTag)
        try place.watch(mailbox, tag: Self.mailboxTag)
        diagnostics = try SocketDiagnostics()
        exits = try ExitCheck()
        interfaces = InterfaceCache(policy.interfaces)
        self.queue = queue
        self.tun = tun
        self.policy = policy
        self.mark = mark
        self.mailbox = mailbox
        self.watch = watch
        self.watchesEndToEnd = watchesEndToEnd
        self.tap = tap
        self.history = history
        self.counters = counters
        self.stream = stream
        self.log = log
        self.place = place
    }

    deinit { scratch.deallocate() }

    func handle(_ tag: UInt64, _ events: EventLoop.Events) {
        // What other members had to do may have taken long.
        heedSentinel()
        if tag == Self.queueTag { readQueue() } else { readMailbox() }
    }

    func endTurn() -> Int32? {
        heedSentinel()
        guard !isStopped else {
            settleAll()
            // The sentinel has the queue's socket, too.
            place.unwatch(queue.descriptor)
            place.unwatch(mailbox.descriptor)
            return nil
        }
        releaseOverdue()
        return held.count > 0 ? 50 : 1000
    }

    /// What was held has reached its server when the sentinel has answered: it must not go into the TUN device as well.
    private func heedSentinel() {
        let answered = queue.beat()
        if answered, !isSubstituted {
            log.warning("queue SYN stood still: the sentinel has let SYNs go in its place")
        }
        isSubstituted = answered
        if answered { settleAll() }
    }

    private func settleAll() {
        for id in held.overdue(MonotonicTime(nanoseconds: .max)) { giveUp(id) }
        queue.flush()
    }

    private func readQueue() {
        do {
            try queue.receive(decide)
        } catch {
            log.error("\(error)")
        }
    }

    private func readMailbox() {
        for message in mailbox.take() {
            switch message {
            case .outcome(let id, let outcome): settle(id, outcome)
            case .policy(let policy):
                self.policy = policy
                interfaces = InterfaceCache(policy.interfaces)
            case .stage(let stage): self.stage = stage
            case .device(let device): if let new = device.take() { tun = new }
            case .stop: isStopped = true
            }
        }
        queue.flush()
    }

    /// A SYN is let go when its answer doesn't come, whatever has become of the stream path: a client gives up MPTCP
    /// when its SYN is lost or late.
    private func releaseOverdue() {
        counters.held.store(held.count, ordering: .relaxed)
        counters.refusedVerdicts.store(queue.refusedVerdicts, ordering: .relaxed)
        guard held.count > 0 else { return }
        for id in held.overdue(.now) { giveUp(id) }
        queue.flush()
    }
}
