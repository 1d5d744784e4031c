import LinuxSystem
import Logging
import Wire

/// The state of the cluster's thread. Touched on that thread alone.
///
/// Questions and signs of life have a connection of their own, so that they don't wait behind what the directory is told.
final class ClusterDesk {
    private let mailbox: Mailbox<Cluster.Message>
    private let counters: ClusterCounters
    private let setting: ClusterSetting
    private let log: Logger
    private let gone: @Sendable (Set<Int>) -> Void
    private let answer: @Sendable (UInt64, TokenLocation) -> Void
    private let loop: ClusterLoop
    private let asking: RedisConnection
    private let telling: RedisConnection
    private var lookups: Lookups
    private var asked: [UInt64: MonotonicTime] = [:]
    private var ledger: TokenLedger
    private var incarnation: Incarnation
    private var nextSign = MonotonicTime(nanoseconds: 0)
    /// Why each of the two connections fails; nil: it doesn't.
    private var errors: (asking: String?, telling: String?) = ("not connected yet", "not connected yet")
    /// What was said last of the directory: nil: that all is well.
    private var said: (error: String?, gone: Set<Int>) = (nil, [])
    private var hasSaid = false
    private var usedTwiceLimit = RateLimit(every: .seconds(60))
    private var isStopping = false
    /// The box goes on without this process.
    private var hasSuccessor = false
    /// Another process tells what begins.
    private var isResting = false

    private static let mailboxTag: UInt64 = 0
    private static let askingTag: UInt64 = 1
    private static let tellingTag: UInt64 = 2

    /// What the answer to a command is about, as the highest byte of its tag.
    private enum Subject: UInt64 {
        case sign = 1
        case peers, lookup, set, delete, farewell

        func tag(_ number: UInt64 = 0) -> UInt64 { rawValue << 56 | number & (1 << 56 - 1) }
    }

    init(
        _ mailbox: Mailbox<Cluster.Message>, _ counters: ClusterCounters, _ setting: ClusterSetting, nonce: UInt64,
        log: Logger, gone: @escaping @Sendable (Set<Int>) -> Void,
        answer: @escaping @Sendable (UInt64, TokenLocation) -> Void
    ) throws(SystemError) {
        loop = try ClusterLoop()
        try loop.events.add(mailbox.descriptor, .readable, tag: Self.mailboxTag)
        asking = RedisConnection(setting.redis, loop, tag: Self.askingTag)
        telling = RedisConnection(setting.redis, loop, tag: Self.tellingTag)
        lookups = Lookups(setting)
        ledger = TokenLedger(lifetime: setting.tokenLifetime)
        incarnation = Incarnation(nonce: nonce)
        self.mailbox = mailbox
        self.counters = counters
        self.setting = setting
        self.log = log
        self.gone = gone
        self.answer = answer
    }

    func run() {
        connect()
        while !isStopping {
            loop.events.wait(timeout: timeout()) { tag, events in
                switch tag {
                case Self.askingTag: asking.handle(events)
                case Self.tellingTag: telling.handle(events)
                default: readMailbox()
                }
            }
            turn()
        }
        leave()
        counters.isOver.store(true, ordering: .releasing)
    }

    private func connect() {
        // Each has yet to show that it takes what it is told: a server that is full doesn't.
        asking.opened = { [unowned self] in
            incarnation.forget()
            nextSign = .now
        }
        asking.failed = { [unowned self] reason in
            errors.asking = reason
            lookups.lose().forEach(carryOut)
            tellGone(at: .now)
            report()
        }
        asking.replied = { [unowned self] tag, reply in heard(tag, reply) }
        telling.opened = { [unowned self] in
            ledger.tellAll(at: MonotonicTime.now.nanoseconds)
            if ledger.count == 0 { errors.telling = nil }
            report()
        }
        telling.failed = { [unowned self] reason in
            errors.telling = reason
            report()
        }
        telling.replied = { [unowned self] tag, reply in heard(tag, reply) }
    }

    private func timeout() -> Int32 {
        let now = MonotonicTime.now
        var next = min(asking.turn(at: now), telling.turn(at: now))
        if let due = lookups.next { next = min(next, MonotonicTime(nanoseconds: due)) }
        if asking.isOpen { next = min(next, nextSign) }
        if telling.isOpen, telling.inFlight < TokenLedger.window, let due = ledger.nextDue {
            next = min(next, MonotonicTime(nanoseconds: due))
        }
        return min(next.milliseconds(from: now), 60_000)
    }

    private func turn() {
        let now = MonotonicTime.now
        lookups.due(at: now.nanoseconds).forEach(carryOut)
        if asking.isOpen, nextSign <= now { sendSign(at: now) }
        tell(at: now)
        asking.flush()
        telling.flush()
        counters.tokens.store(ledger.count, ordering: .relaxed)
        counters.lost.store(ledger.lost, ordering: .relaxed)
    }

    private func readMailbox() {
        let now = MonotonicTime.now.nanoseconds
        var changes = 0
        for message in mailbox.take() {
            switch message {
            case .announced(let tuple, let key):
                ledger.announced(tuple, key, at: now)
                changes += 1
            case .opened(let tuple, let key):
                ledger.opened(tuple, key, at: now)
                changes += 1
            case .ended(let tuple):
                ledger.ended(tuple)
                changes += 1
            case .ask(let id, let key, let time):
                asked[id] = time
                carryOut(lookups.begin(id, key, isReachable: asking.isOpen, at: time.nanoseconds))
            case .adopted(let connections): ledger.adopted(connections, at: now)
            case .rest(let on): rest(on)
            case .stop(let isOver):
                isStopping = true
                hasSuccessor = !isOver
            }
        }
        counters.waiting.wrappingSubtract(changes, ordering: .relaxed)
    }

    // MARK: questions

    private func carryOut(_ step: Lookups.Step) {
        switch step {
        case .ask(let id, let key): asking.send([Self.get, key.name], tag: Subject.lookup.tag(id))
        case .answer(let id, let outcome, let peer):
            answer(id, outcome.location(peer))
            let time = asked.removeValue(forKey: id)
            counters.state.withLock { $0.lookups[outcome, default: 0] += 1 }
            guard let time, outcome != .remembered, outcome != .unreachable, outcome != .crowded else { return }
            counters.lookupTimes.record(nanoseconds: MonotonicTime.now.nanoseconds(since: time))
        }
    }

    // MARK: what the directory is told

    private func rest(_ on: Bool) {
        if on {
            // Also of clients that are answered, and that the other process knows nothing of until they are accepted.
            tell(at: .now)
        } else if isResting {
            ledger.tellAll(at: MonotonicTime.now.nanoseconds)
        }
        isResting = on
        counters.isResting.store(on, ordering: .releasing)
    }

    private func tell(at now: MonotonicTime) {
        guard telling.isOpen else { return }
        while telling.inFlight < TokenLedger.window, let write = ledger.next(at: now.nanoseconds) {
            switch write {
            case .set where isResting: break
            case .set(let key):
                telling.send(
                    [Self.set, key.name, Array(setting.id.utf8), Self.px, lifetime(setting.tokenLifetime), Self.get],
                    tag: Subject.set.tag())
            case .delete(let key): telling.send([Self.del, key.name], tag: Subject.delete.tag())
            }
        }
    }

    private func sendSign(at now: MonotonicTime) {
        nextSign = now + setting.boxLifetime / 4
        asking.send(
            [Self.set, Self.sign(setting.id), incarnation.nonce, Self.px, lifetime(setting.boxLifetime), Self.get],
            tag: Subject.sign.tag())
        guard !setting.peers.isEmpty else { return }
        asking.send([Self.mget] + setting.peers.map(Self.sign), tag: Subject.peers.tag())
    }

    private func lifetime(_ time: Duration) -> [UInt8] { Array("\(time.milliseconds)".utf8) }

    private static func sign(_ id: String) -> [UInt8] { Array("sluice:box:\(id)".utf8) }

    private static let (get, set, del, mget, px) = (
        Array("GET".utf8), Array("SET".utf8), Array("DEL".utf8), Array("MGET".utf8), Array("PX".utf8)
    )

    // MARK: what it says

    private func heard(_ tag: UInt64, _ reply: RedisReply) {
        guard reply != .none, let subject = Subject(rawValue: tag >> 56) else { return }
        let now = MonotonicTime.now
        switch (subject, reply) {
        case (.lookup, .text(let value)):
            lookups.answered(tag & (1 << 56 - 1), value, at: now.nanoseconds).map(carryOut)
        case (.sign, .text(let former)):
            if errors.asking != nil {
                errors.asking = nil
                report()
            }
            if setting.peers.isEmpty { counters.hasHeard.store(true, ordering: .relaxed) }
            heed(incarnation.wrote(former: former))
        case (.peers, .list(let signs)): heed(signs, at: now)
        case (.set, .text(let former)):
            counters.told.wrappingAdd(1, ordering: .relaxed)
            if errors.telling != nil {
                errors.telling = nil
                report()
            }
            if let former, former != Array(setting.id.utf8) { counters.collisions.wrappingAdd(1, ordering: .relaxed) }
        case (.delete, .number): counters.told.wrappingAdd(1, ordering: .relaxed)
        default: break
        }
    }

    private func heed(_ signs: [[UInt8]?], at now: MonotonicTime) {
        for (peer, sign) in signs.enumerated() where peer < setting.peers.count {
            lookups.heard(of: peer, isAlive: sign != nil, at: now.nanoseconds)
        }
        tellGone(at: now)
        counters.hasHeard.store(true, ordering: .relaxed)
        let alive = setting.peers.indices.map { lookups.isAlive($0, at: now.nanoseconds) }
        let before = counters.state.withLock { state in
            defer { state.alive = alive }
            return state.alive
        }
        for (peer, id) in setting.peers.enumerated() where alive[peer] != before[peer] {
            log.notice("the cluster's box \(id) \(alive[peer] ? "is there" : "is gone")")
        }
    }

    private func tellGone(at now: MonotonicTime) {
        let dead = Set(setting.peers.indices.filter { lookups.isGone($0, at: now.nanoseconds) })
        guard dead != said.gone else { return }
        said.gone = dead
        gone(dead)
    }

    private func heed(_ news: Incarnation.News?) {
        guard let news else { return }
        counters.state.withLock { $0.isUsedTwice = news == .usedTwice }
        guard news == .usedTwice, usedTwiceLimit.pass(.now) != nil else { return }
        log.error(
            """
            another box says that it is \(setting.id), too: joins to connections of one of them reach the other and fail; give \
            each box an id of its own ([cluster] id)
            """)
    }

    // MARK: how it fares

    /// Says once that the directory can't be used, and once that it can again.
    private func report() {
        let error = errors.asking ?? errors.telling
        counters.state.withLock { state in
            state.error = error
            if errors.asking != nil { state.alive = state.alive.map { _ in false } }
        }
        // One of the two connections is there before the other.
        guard error != "not connected yet", !hasSaid || (error == nil) != (said.error == nil) else { return }
        (said.error, hasSaid) = (error, true)
        if let error {
            log.warning(
                """
                the cluster's directory at \(setting.redis) can't be used: \(error); meanwhile joins to connections of other \
                boxes go on to the server, all else goes on
                """)
        } else {
            log.notice("the cluster's directory at \(setting.redis) knows this box as \(setting.id)")
        }
    }

    /// Tells what has ended, as long as that is taken, and that this box is gone, if it is.
    private func leave() {
        lookups.lose().forEach(carryOut)
        let deadline = MonotonicTime.now + .milliseconds(500)
        if asking.isOpen, !hasSuccessor {
            asking.send([Self.del, Self.sign(setting.id)], tag: Subject.farewell.tag())
        }
        while MonotonicTime.now < deadline, asking.isOpen || telling.isOpen {
            tell(at: .now)
            asking.flush()
            telling.flush()
            if asking.inFlight == 0, telling.inFlight == 0, ledger.waiting == 0 { break }
            loop.events.wait(timeout: 10) { tag, events in
                if tag == Self.askingTag { asking.handle(events) }
                if tag == Self.tellingTag { telling.handle(events) }
            }
        }
        asking.close()
        telling.close()
    }
}
