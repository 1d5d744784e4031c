import Base
import Handshake
import LinuxSystem
import Logging
import NetfilterQueue
import PacketTap
import SharedTracking
import Wire

/// What reads one SYN queue, on its thread: it answers the decider's questions and carries out what that decides.
final class SYNDesk: LoopMember {
    private static let queueTag: UInt64 = 0
    private static let mailboxTag: UInt64 = 1

    let queue: PacketQueue
    private(set) var tun: TunDevice
    let stream: any StreamPath
    /// nil: this box is alone.
    let peers: (any PeerPath)?
    var peerInterface: PeerInterface?
    let watch: ConnectionWatch
    let watchesEndToEnd: Bool
    let segmentSizes: SegmentSizes
    let tap: TraceTap
    let history: DecisionHistory
    let counters: InspectorCounters
    let log: Logger
    let reports: SYNReports
    var decider: SYNDecider
    var facts: RouterFacts
    /// By the ids of their dials.
    var heldPackets: [UInt64: HeldPacket] = [:]
    /// SYNs of our own that were sent on with the question.
    var asked = BoundedMemory<SYNIdentity, Bool>(capacity: 16384)
    /// For joins that peers have led here, and that are led to them.
    let led = UnsafeMutableRawBufferPointer.allocate(byteCount: 2048, alignment: 8)
    /// SYNs that wait undecided, while daemons are exchanged.
    var postponed: [PostponedSYN] = []
    var isPostponing = false
    /// For packets that go on, or in, with other bytes than they came with.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 2048, alignment: 8)
    let mailbox: Mailbox<SYNInspector.Message>
    private let loop: LoopThread.Place
    private var isStopped = false
    /// As the counters have them, which are all queues'.
    private var counted = (held: 0, refused: UInt64(0))

    /// - Parameter place: of its queue, among the SYN queues.
    init(
        _ place: Int, queue: PacketQueue, tun: TunDevice, policy: ConversionPolicy,
        mailbox: Mailbox<SYNInspector.Message>,
        watch: ConnectionWatch, watchesEndToEnd: Bool, segmentSizes: SegmentSizes, tap: TraceTap,
        history: DecisionHistory, reports: SYNReports,
        counters: InspectorCounters, stream: any StreamPath, peers: (any PeerPath)?, log: Logger,
        loop: LoopThread.Place
    ) throws(SystemError) {
        try loop.watch(queue.descriptor, .readable, tag: Self.queueTag)
        try loop.watch(mailbox, tag: Self.mailboxTag)
        facts = try RouterFacts(stream: stream, watch: watch, log: log)
        decider = SYNDecider(policy, place: place)
        decider.askingTime = peers?.askingTime
        peerInterface = peers.map { PeerInterface($0.interface) }
        self.peers = peers
        self.reports = reports
        self.queue = queue
        self.tun = tun
        self.mailbox = mailbox
        self.watch = watch
        self.watchesEndToEnd = watchesEndToEnd
        self.segmentSizes = segmentSizes
        self.tap = tap
        self.history = history
        self.counters = counters
        self.stream = stream
        self.log = log
        self.loop = loop
    }

    deinit {
        scratch.deallocate()
        led.deallocate()
    }

    func handle(_ tag: UInt64, _ events: EventLoop.Events) {
        // What other members had to do may have taken long.
        heedSentinel()
        if tag == Self.queueTag { readQueue() } else { readMailbox() }
    }

    func endTurn() -> Int32? {
        heedSentinel()
        guard !isStopped else {
            postpone(false)
            giveUpAll()
            count()
            // The sentinel has the queue's socket, too.
            loop.unwatch(queue.descriptor)
            loop.unwatch(mailbox.descriptor)
            return nil
        }
        count()
        guard decider.heldCount > 0 else { return 1000 }
        for (id, action) in decider.overdue(at: MonotonicTime.now.nanoseconds) { settle(id, action) }
        queue.flush()
        return heldPackets.isEmpty ? 1000 : 50
    }

    func count() {
        let now = (held: decider.heldCount, refused: queue.refusedVerdicts)
        counters.held.wrappingAdd(now.held - counted.held, ordering: .relaxed)
        counters.refusedVerdicts.wrappingAdd(now.refused &- counted.refused, ordering: .relaxed)
        counted = now
    }

    /// What was held has reached its server when the sentinel has answered: it must not go into the TUN device as well.
    private func heedSentinel() {
        let answered = queue.beat()
        if answered, !decider.isSubstituted {
            log.warning("a queue of SYNs stood still: the sentinel has let them go in its place")
        }
        decider.isSubstituted = answered
        if answered { giveUpAll() }
    }

    func giveUpAll() {
        // They have gone: the kernel refuses another verdict.
        if decider.isSubstituted {
            for syn in postponed { queue.accept(syn.id) }
            postponed = []
        }
        for (id, action) in decider.giveUpAll(at: MonotonicTime.now.nanoseconds) { settle(id, action) }
        queue.flush()
    }

    private func readQueue() {
        do {
            try queue.receive(read)
        } catch {
            log.error("\(error)")
        }
    }

    private func read(_ packet: QueuedPacket) {
        switch packet.hook {
        case QueuedPacket.localOut: ask(packet)
        case QueuedPacket.localIn: readAnswer(packet)
        default: if isPostponing { postponed.append(PostponedSYN(packet)) } else { decide(packet) }
        }
    }

    func readMailbox() {
        for message in mailbox.take() {
            switch message {
            case .outcome(let id, let outcome):
                settle(id, decider.answered(id, outcome, at: MonotonicTime.now.nanoseconds))
            case .located(let id, let owner): settle(id, decider.located(id, owner))
            case .policy(let policy): decider.policy = policy
            case .stage(let stage): decider.stage = stage
            case .postpone(let on): postpone(on)
            case .device(let device): tun = device
            case .stop: isStopped = true
            }
        }
        queue.flush()
    }
}
