import Glibc
import Synchronization

/// Where a loop thread can be made to stand still at the end of a turn: it waits there until it is told to go on. What its
/// members have may be touched by whoever has closed the gate meanwhile.
public final class Gate: Sendable {
    fileprivate enum Order: Sendable {
        case close
        case stop
    }

    private let mailbox: Mailbox<Order>
    private let ending: LoopThread.Ending
    private let signals = Signals()

    /// The last member that moves in: its turns end behind those of the others.
    public init(on thread: LoopThread) throws(SystemError) {
        let mailbox = try Mailbox<Order>()
        let signals = signals
        self.mailbox = mailbox
        ending = try thread.add { place throws(SystemError) in
            try place.watch(mailbox, tag: 0)
            return Keeper(mailbox, signals)
        }
    }

    /// Returns once all their threads stand still; false if one doesn't within `limit`, and then all go on.
    public static func close(_ gates: [Gate], within limit: Duration) -> Bool {
        let deadline = MonotonicTime.now + limit
        for gate in gates { gate.mailbox.post(.close) }
        let late = gates.filter { !$0.signals.closed.wait(until: deadline) }
        guard !late.isEmpty else { return true }
        for gate in gates { gate.open() }
        // They pass the gate when they get there.
        for gate in late { gate.signals.closed.wait() }
        return false
    }

    /// Has the thread go on. Only when it stands still.
    public func open() { signals.opened.signal() }

    /// Ends the member; blocks until then.
    public func stop() {
        mailbox.post(.stop)
        ending.wait()
    }

    fileprivate final class Signals: Sendable {
        let closed = Semaphore()
        let opened = Semaphore()
    }

    private final class Keeper: LoopMember {
        private let mailbox: Mailbox<Order>
        private let signals: Signals
        private var orders: [Order] = []

        init(_ mailbox: Mailbox<Order>, _ signals: Signals) {
            self.mailbox = mailbox
            self.signals = signals
        }

        func handle(_ tag: UInt64, _ events: EventLoop.Events) { orders += mailbox.take() }

        func endTurn() -> Int32? {
            let due = orders
            orders = []
            for order in due {
                if order == .stop { return nil }
                signals.closed.signal()
                signals.opened.wait()
            }
            return -1
        }
    }
}

/// sem_overview(7), between the threads of this process.
private final class Semaphore: Sendable {
    private nonisolated(unsafe) let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }

    func wait() { while sem_wait(semaphore) != 0 {} }

    /// false when the time is over.
    func wait(until deadline: MonotonicTime) -> Bool {
        while sem_trywait(semaphore) != 0 {
            guard MonotonicTime.now < deadline else { return false }
            usleep(100)
        }
        return true
    }
}

/// A loop thread's member, for those who have made the thread stand still; nil when it has ended.
public final class StandingMember<Member: AnyObject>: @unchecked Sendable {
    public internal(set) weak var member: Member?

    public init() {}

    public init(_ member: Member) { self.member = member }

    /// To be called on the thread that makes the member.
    public func note(_ member: Member) { self.member = member }
}
