import DequeModule
import Handshake
import LinuxSystem
import Logging
import Synchronization
import Wire

/// A relay worker, on its thread: the sessions whose 4-tuples hash to it. Everything here is touched on that thread alone,
/// but for the mailbox and what is shared by design (listeners, memory, counters).
///
/// Its events are handled in this file; how a session comes about in Worker+Dial.swift, what its bytes' moving (`HalfDuplex`)
/// leads to in Worker+Relay.swift, how it ends in Worker+End.swift, what is kept of it for a crash in Worker+Crash.swift.
final class Worker: LoopMember {
    enum Message: Sendable {
        case dial(DialRequest)
        /// A listener of this worker's has been opened.
        case listener(ListenerTable.Key, number: UInt64)
        /// A connection that another worker accepted for this one.
        case accepted(HandedSocket, FourTuple)
        /// Some sessions, and what is to be asked for next.
        case describe(Selection, @Sendable ([ConnectionDescription], Selection?) -> Void)
        /// What each session has moved, from a slot on.
        case volumes(fromSlot: Int, @Sendable ([SessionVolume], Int?) -> Void)
        /// See `Converter.forgo`.
        case forgo(FourTuple)
        case clientIsGone(FourTuple)
        case clientSends(FourTuple, DSCP)
        /// Resets those of some sessions that are meant; how many they were, and the slot to go on from.
        case close(ConnectionSelection, fromSlot: Int, @Sendable (Int, Int?) -> Void)
        case sendByMeasuredRate(Set<FourTuple>)
        case reset(ipv4: Bool, ipv6: Bool)
        case stop
    }

    let shared: Shared
    let index: Int
    let mailbox: Mailbox<Message>
    let place: LoopThread.Place
    var sessions = SessionTable()
    /// The listeners that it watches, and when each is to be reviewed.
    var listeners: [ListenerTable.Key: MonotonicTime] = [:]
    var nextReview: MonotonicTime?
    let diagnostics: SocketDiagnostics
    let routes: RouteLookup
    /// Sessions with more to do than one turn's budget.
    var ready: Deque<Session> = []
    /// Sessions whose last bytes are yet to be acknowledged, before they are reset or closed.
    var leaving: [Session] = []
    var nextLeaving = MonotonicTime.now
    /// Sessions whose ends probe each other.
    var probed: [Session] = []
    /// Where the next look at idle sessions begins.
    var keepaliveSlot = 0
    var dialDeadlines = DeadlineQueue()
    /// When sessions that are being dialled are dialled a second time.
    var secondDials = DeadlineQueue()
    var clientDeadlines: DeadlineQueue
    /// Until when the other side of a failed one may take what is pending for it.
    var brokenDeadlines = DeadlineQueue(delay: Worker.resetPatience)
    var buffers: RelayBuffers
    /// Where its sessions are found again after a crash; nil: nowhere.
    let register: SessionRegister.Worker?
    /// The second that `aheadNow` counts, and how many sides have been ahead of their other ones in it, and in the one before.
    var aheadPeriod: UInt32 = 1
    var aheadNow = 0
    var aheadBefore = 0
    private var nextSweep = MonotonicTime.now + .seconds(1)
    private var isStopped = false
    var dialLog = RateLimit(every: .seconds(10))
    var acceptLog = RateLimit(every: .seconds(10))
    var relayLog = RateLimit(every: .seconds(10))
    /// Given up for a moment to refuse a connection when there are no other descriptors left.
    var spareDescriptor: Descriptor? = Worker.openSpare()

    init(_ shared: Shared, index: Int, mailbox: Mailbox<Message>, place: LoopThread.Place) throws(SystemError) {
        self.shared = shared
        self.index = index
        self.mailbox = mailbox
        self.place = place
        diagnostics = try SocketDiagnostics()
        routes = try RouteLookup()
        clientDeadlines = DeadlineQueue(delay: shared.setting.clientTimeout)
        register = shared.register?.worker(index)
        buffers = try RelayBuffers(register)
        try place.watch(mailbox, tag: EventTag.mailbox.bits)
    }

    func endTurn() -> Int32? {
        guard !isStopped else {
            shutDown()
            return nil
        }
        serveReady()
        expire()
        return waitTime()
    }

    func handle(_ tag: UInt64, _ events: EventLoop.Events) { handle(EventTag(tag), events) }

    private func handle(_ tag: EventTag, _ events: EventLoop.Events) {
        switch tag {
        case .mailbox: for message in mailbox.take() { handle(message) }
        case .listener(let key): acceptAll(key)
        case .session(let slot, let generation, let side):
            guard let session = sessions.session(slot: slot, generation: generation) else { return }
            if !events.isDisjoint(with: [.readable, .hangup, .error]) { session.becomesReadable(side) }
            if !events.isDisjoint(with: [.writable, .hangup, .error]) { session.becomesWritable(side) }
            advance(session, side, events)
        }
    }

    private func handle(_ message: Message) {
        switch message {
        case .dial(let request): dial(request)
        case .listener(let key, let number): watch(key, number)
        case .accepted(let socket, let tuple):
            if let socket = socket.take() { begin(socket, tuple) }
        case .describe(let selection, let answer):
            let (descriptions, next) = describe(selection)
            answer(descriptions, next)
        case .volumes(let slot, let answer):
            let (volumes, next) = volumes(fromSlot: slot)
            answer(volumes, next)
        case .forgo(let tuple): forgo(tuple)
        case .clientIsGone(let tuple): clientIsGone(tuple)
        case .clientSends(let tuple, let dscp): clientSends(tuple, dscp)
        case .close(let selection, let slot, let answer):
            let (closed, next) = close(selection, fromSlot: slot)
            answer(closed, next)
        case .sendByMeasuredRate(let tuples): sendByMeasuredRate(tuples)
        case .reset(let ipv4, let ipv6): resetAll { $0.client.address.isIPv4 ? ipv4 : ipv6 }
        case .stop: isStopped = true
        }
    }

    /// Takes a session as far as it can go now.
    private func advance(_ session: Session, _ side: Session.Side, _ events: EventLoop.Events) {
        switch session.phase {
        // A client that has gone doesn't wait for its server any more.
        case .awaitingServer where side == .client:
            if !events.isDisjoint(with: [.hangup, .error]) { end(session, orderly: false) }
        case .dialling: continueDial(session, side)
        case .awaitingServer: continueDial(session, .server)
        case .relaying:
            // Nothing is read from a side that has ended, or whose bytes are still pending: a reset of it shows here alone.
            if events.contains(.error), !session.isReading(from: side) { breakDown(session, side) }
            // One that waits for its turn isn't served out of it.
            if !session.isReady { relay(session) }
        case .resetting, .closing: if events.contains(.error) { end(session, orderly: false) }
        case .awaitingClient, .over: break
        }
    }

    /// How many of them are served in one turn of the thread: few, since packets and messages wait meanwhile.
    private static let servedAtATime = 4

    private func serveReady() {
        for _ in 0..<min(Self.servedAtATime, ready.count) {
            let session = ready.removeFirst()
            session.isReady = false
            if session.phase == .relaying { relay(session) }
        }
    }

    private func waitTime() -> Int32 {
        guard ready.isEmpty else { return 0 }
        let now = MonotonicTime.now
        var next = nextSweep
        if let deadline = dialDeadlines.next { next = min(next, deadline) }
        if let deadline = secondDials.next { next = min(next, deadline) }
        if let nextReview { next = min(next, nextReview) }
        if let deadline = clientDeadlines.next { next = min(next, deadline) }
        if let deadline = brokenDeadlines.next { next = min(next, deadline) }
        if !leaving.isEmpty { next = min(next, nextLeaving) }
        return next.milliseconds(from: now)
    }

    private func expire() {
        let now = MonotonicTime.now
        while let session = dialDeadlines.popExpired(in: sessions, now: now) { dialTimedOut(session) }
        while let session = secondDials.popExpired(in: sessions, now: now) { dialAgain(session) }
        while let session = clientDeadlines.popExpired(in: sessions, now: now) { clientTimedOut(session) }
        while let session = brokenDeadlines.popExpired(in: sessions, now: now) { brokenTooLong(session) }
        if !leaving.isEmpty { finishLeaving(now) }
        if let nextReview, nextReview <= now { reviewListeners(now) }
        if nextSweep <= now {
            nextSweep = now + .seconds(1)
            countAhead()
            resetIdle(now)
            watchKeepalive(now)
        }
    }

    private func shutDown() {
        var open: [Session] = []
        sessions.forEach { open.append($0) }
        for session in open { end(session, orderly: false) }
        shared.listeners.close(listeners.keys)
    }
}
