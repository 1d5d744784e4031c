import CLinux
import Glibc

/// Something that lives on a loop thread: its state is touched there alone.
public protocol LoopMember: AnyObject {
    /// A descriptor that it watches has news.
    func handle(_ tag: UInt64, _ events: EventLoop.Events)
    /// All news of this turn have been handled, if there were any. How many milliseconds the next wait may take (-1: without
    /// end), or nil: the member has ended and is to be released.
    func endTurn() -> Int32?
}

/// A thread with one event loop for several members. What one of them does for another, by a message or through the kernel,
/// wakes no other thread: it is found in the next turn, with all else that has come meanwhile
/// (docs/decisions/0012-queues-and-relays-share-threads.md).
public final class LoopThread: Sendable {
    public let name: String
    private let calls: Mailbox<@Sendable () -> Void>
    /// Touched by whoever makes the thread until `start`, and then by the thread alone.
    private nonisolated(unsafe) let loop: Loop
    private nonisolated(unsafe) var thread: SystemThread?

    public init(named name: String) throws(SystemError) {
        self.name = name
        calls = try Mailbox()
        loop = try Loop(try EventLoop(capacity: Self.eventsAtATime), calls)
    }

    /// Few, so that a member with much to do has others wait for little.
    private static let eventsAtATime = 16

    /// Lets a member move in; before `start` only. `make` returns it, and has its place to watch descriptors at.
    public func add<Member: LoopMember>(_ make: (Place) throws(SystemError) -> Member) throws(SystemError) -> Ending {
        let place = Place(loop: loop, number: loop.residents.count)
        precondition(place.number < Loop.mostResidents, "a loop thread has room for seven members")
        let ending = Ending()
        loop.residents.append(Loop.Resident(member: try make(place), ending: ending))
        return ending
    }

    public func start() throws(SystemError) {
        nonisolated(unsafe) let loop = loop
        thread = try SystemThread(named: name) { loop.run() }
    }

    /// Runs `body` on the thread in its next turn, and so shows whether it still takes any. Without effect once all members have
    /// ended.
    public func call(_ body: @escaping @Sendable () -> Void) { calls.post(body) }

    /// Waits until all members have ended. Once only, after `start`.
    public func join() { thread?.join() }

    /// A member's place on its thread.
    public struct Place {
        fileprivate unowned let loop: Loop
        fileprivate let number: Int

        /// `tag`, of 61 bits, comes back with the descriptor's events. Closing the descriptor ends the watch.
        public func watch(_ descriptor: Int32, _ interest: EventLoop.Events, tag: UInt64) throws(SystemError) {
            try loop.events.add(descriptor, interest, tag: UInt64(number) << Loop.tagBits | tag)
        }

        /// Watches a mailbox of the member's; `tag` comes when there is something in it.
        public func watch<Message>(_ mailbox: Mailbox<Message>, tag: UInt64) throws(SystemError) {
            try watch(mailbox.descriptor, .readable, tag: tag)
            loop.mailboxes.append(Loop.WatchedMailbox(wakeup: mailbox.wakeup, resident: number, tag: tag))
            mailbox.wakeup.attach(to: loop.identity)
        }

        /// For a descriptor that outlives the member.
        public func unwatch(_ descriptor: Int32) { loop.events.remove(descriptor) }
    }

    /// A member's end, for another thread to wait for.
    public final class Ending: Sendable {
        private nonisolated(unsafe) let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

        fileprivate init() { sem_init(semaphore, 0, 0) }

        deinit {
            sem_destroy(semaphore)
            semaphore.deallocate()
        }

        fileprivate func come() { sem_post(semaphore) }

        /// Blocks until the member has ended and been released. Once only.
        public func wait() { while sem_wait(semaphore) != 0 {} }
    }
}

private final class Loop {
    struct Resident {
        let member: any LoopMember
        let ending: LoopThread.Ending
    }

    /// Of a tag that are the member's own; those above are its number.
    static let tagBits = 61
    /// The number behind the last is that of the thread itself.
    static let mostResidents = 1 << (64 - tagBits) - 1
    private static let callsTag = UInt64.max

    struct WatchedMailbox {
        let wakeup: Wakeup
        let resident: Int
        let tag: UInt64
    }

    let events: EventLoop
    /// nil where one has ended.
    var residents: [Resident?] = []
    /// The residents' mailboxes.
    var mailboxes: [WatchedMailbox] = []
    /// What `sluice_current_loop` returns on this loop's thread.
    var identity: UInt { UInt(bitPattern: ObjectIdentifier(self)) }

    private let calls: Mailbox<@Sendable () -> Void>

    init(_ events: consuming EventLoop, _ calls: Mailbox<@Sendable () -> Void>) throws(SystemError) {
        self.events = events
        self.calls = calls
        try self.events.add(calls.descriptor, .readable, tag: Self.callsTag)
    }

    func run() {
        sluice_set_current_loop(identity)
        var timeout: Int32? = 0
        while let time = timeout {
            events.wait(timeout: time) { tag, events in
                guard tag != Self.callsTag else { return calls.take().forEach { $0() } }
                residents[Int(tag >> Self.tagBits)]?.member.handle(tag & (1 << Self.tagBits - 1), events)
            }
            deliverMail()
            timeout = endTurn().map { hasMail ? 0 : $0 }
        }
    }

    /// How often messages are answered in a turn, since an answer may be another message; the rest waits for the next turn.
    private static let rounds = 3

    private func deliverMail() {
        for _ in 0..<Self.rounds where hasMail {
            for watched in mailboxes where watched.wakeup.isPending {
                residents[watched.resident]?.member.handle(watched.tag, .readable)
            }
        }
    }

    private var hasMail: Bool { mailboxes.contains { $0.wakeup.isPending && residents[$0.resident] != nil } }

    /// How long the next wait may take; nil when no member is left.
    private func endTurn() -> Int32? {
        var shortest: Int32?
        for index in residents.indices where residents[index] != nil {
            if let time = residents[index]?.member.endTurn() {
                shortest = shortest.map { Self.shorter($0, time) } ?? time
            } else {
                release(index)
            }
        }
        return shortest
    }

    private func release(_ index: Int) {
        let ending = residents[index]?.ending
        residents[index] = nil
        ending?.come()
    }

    /// -1 is longer than any other time.
    private static func shorter(_ one: Int32, _ other: Int32) -> Int32 {
        Int32(bitPattern: min(UInt32(bitPattern: one), UInt32(bitPattern: other)))
    }
}
