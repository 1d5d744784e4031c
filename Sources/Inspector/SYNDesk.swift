import Base
import Handshake
import LinuxSystem
import Logging
import NetfilterQueue
import PacketTap
import SharedTracking
import Wire

/// What reads queue SYN, on its thread: it answers the decider's questions and carries out what that decides.
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
    var reports: SYNReports
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
    private let place: LoopThread.Place
    private var isStopped = false

    init(
        queue: PacketQueue, tun: consuming TunDevice, policy: ConversionPolicy, mailbox: Mailbox<SYNInspector.Message>,
        watch: ConnectionWatch, watchesEndToEnd: Bool, segmentSizes: SegmentSizes, tap: TraceTap,
        history: DecisionHistory,
        counters: InspectorCounters, stream: any StreamPath, peers: (any PeerPath)?, log: Logger,
        place: LoopThread.Place
    ) throws(SystemError) {
        try place.watch(queue.descriptor, .readable, tag: Self.queueTag)
        try place.watch(mailbox, tag: Self.mailboxTag)
        facts = try RouterFacts(stream: stream, watch: watch, log: log)
        decider = SYNDecider(policy)
        decider.askingTime = peers?.askingTime
        peerInterface = peers.map { PeerInterface($0.interface) }
        self.peers = peers
        reports = SYNReports(log)
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
        self.place = place
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
            // The sentinel has the queue's socket, too.
            place.unwatch(queue.descriptor)
            place.unwatch(mailbox.descriptor)
            return nil
        }
        let held = decider.heldCount
        counters.held.store(held, ordering: .relaxed)
        counters.refusedVerdicts.store(queue.refusedVerdicts, ordering: .relaxed)
        guard held > 0 else { return 1000 }
        for (id, action) in decider.overdue(at: MonotonicTime.now.nanoseconds) { settle(id, action) }
        queue.flush()
        return heldPackets.isEmpty ? 1000 : 50
    }

    /// What was held has reached its server when the sentinel has answered: it must not go into the TUN device as well.
    private func heedSentinel() {
        let answered = queue.beat()
        if answered, !decider.isSubstituted {
            log.warning("queue SYN stood still: the sentinel has let SYNs go in its place")
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
            case .device(let device): if let new = device.take() { tun = new }
            case .stop: isStopped = true
            }
        }
        queue.flush()
    }
}
