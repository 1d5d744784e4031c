import Glibc
import LinuxSystem
import Synchronization
import Testing
import Wire

@Suite struct ThreadTests {
    /// Every message posted by several threads is taken once, in each thread's order, and none is slept over.
    @Test func aMailboxLosesNothing() throws {
        let mailbox = try Mailbox<(sender: Int, number: Int)>()
        let threads = try (0..<4).map { sender in
            try SystemThread(named: "sender \(sender)") { for number in 0..<2000 { mailbox.post((sender, number)) } }
        }
        let loop = try EventLoop(capacity: 1)
        try loop.add(mailbox.descriptor, .readable, tag: 7)
        var next = [0, 0, 0, 0]
        while next.reduce(0, +) < 8000 {
            var events = 0
            loop.wait(timeout: 5000) { tag, _ in
                #expect(tag == 7)
                events += 1
            }
            guard events > 0 else {
                Issue.record("no wake-up with \(8000 - next.reduce(0, +)) messages to come")
                break
            }
            for (sender, number) in mailbox.take() {
                #expect(next[sender] == number)
                next[sender] = number + 1
            }
        }
        threads.forEach { $0.join() }
    }

    /// Two members of a loop that send a message to and fro, as others post to one of them: none is lost, and each is taken
    /// without another thread's waking them.
    @Test func membersOfALoopAnswerEachOther() throws {
        let loop = try LoopThread(named: "two members")
        let (ball, back, outside) = (try Mailbox<Int>(), try Mailbox<Int>(), try Mailbox<Int>())
        let count = 1000
        let done = Atomic<Int>(0)
        let isDone: @Sendable () -> Bool = { done.load(ordering: .relaxed) == count + 1 }
        let first = try loop.add { place throws(SystemError) in
            try Player(place, [ball, outside], isDone) { box, number in
                if box == 0, number < count {
                    back.post(number + 1)
                    return #expect(!Self.isReadable(back.descriptor), "a post on the own thread costs no system call")
                }
                done.wrappingAdd(1, ordering: .relaxed)
            }
        }
        let second = try loop.add { place throws(SystemError) in
            try Player(place, [back], isDone) { _, number in ball.post(number + 1) }
        }
        try loop.start()
        ball.post(0)
        for number in 0..<count { outside.post(number) }
        first.wait()
        second.wait()
        loop.join()
        #expect(isDone())
    }

    private static func isReadable(_ descriptor: Int32) -> Bool {
        var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&state, 1, 0) == 1
    }

    /// Takes what is in its mailboxes, and ends when that is done.
    private final class Player: LoopMember {
        private let boxes: [Mailbox<Int>]
        private let play: (_ box: Int, _ number: Int) -> Void
        private let isDone: () -> Bool

        init(
            _ place: LoopThread.Place, _ boxes: [Mailbox<Int>], _ isDone: @escaping () -> Bool,
            _ play: @escaping (_ box: Int, _ number: Int) -> Void
        ) throws(SystemError) {
            self.boxes = boxes
            self.play = play
            self.isDone = isDone
            for (index, box) in boxes.enumerated() { try place.watch(box, tag: UInt64(index)) }
        }

        func handle(_ tag: UInt64, _ events: EventLoop.Events) {
            for number in boxes[Int(tag)].take() { play(Int(tag), number) }
        }

        // A message that is slept over costs a test that waits for a minute.
        func endTurn() -> Int32? { isDone() ? nil : 60_000 }
    }

    @Test func aThreadReturnsItsResultOrError() throws {
        #expect(try SystemThread.run(named: "sum") { 1 + 1 } == 2)
        #expect(throws: SystemError.self) {
            try SystemThread.run(named: "error") { throw SystemError("test", .ioError) }
        }
    }

    @Test func deadlinesAreRoundedUp() {
        let now = MonotonicTime(nanoseconds: 1_000_000_000)
        #expect((now + .milliseconds(5)).milliseconds(from: now) == 5)
        #expect((now + .microseconds(1)).milliseconds(from: now) == 1)
        #expect(now.milliseconds(from: now + .seconds(1)) == 0)
        #expect((now + .seconds(2)).nanoseconds(since: now) == 2_000_000_000)
        #expect(now.nanoseconds(since: now + .seconds(2)) == 0)
    }

    @Test func theLoopbackRouteLeadsToLoopback() throws {
        let routes = try RouteLookup()
        for address in ["127.0.0.1", "::1"] {
            let index = routes.interface(to: try #require(IPAddress(address)))
            #expect(index.flatMap(NetworkInterface.name) == "lo")
        }
        #expect(NetworkInterface.index("lo") == 1)
        #expect(NetworkInterface.index("no such device") == nil)
    }

    @Test func sysctlsAreReadAsTheyAreWritten() throws {
        #expect(try Sysctl.read("kernel.ostype") == "Linux")
        #expect(throws: SystemError.self) { try Sysctl.read("no.such.sysctl") }
    }
}

@Suite struct LoopThreadTests {
    /// Counts what it is told; ends when it has had so many messages.
    private final class Member: LoopMember {
        let mailbox: Mailbox<Int>
        let end: Int
        let patience: Int32
        let isGone: Mailbox<Int>
        var sum = 0

        init(_ mailbox: Mailbox<Int>, end: Int, patience: Int32, isGone: Mailbox<Int>) {
            (self.mailbox, self.end, self.patience, self.isGone) = (mailbox, end, patience, isGone)
        }

        deinit { isGone.post(sum) }

        func handle(_ tag: UInt64, _ events: EventLoop.Events) {
            #expect(tag == UInt64.max >> 3 && events.contains(.readable))
            sum += mailbox.take().reduce(0, +)
        }

        func endTurn() -> Int32? { sum >= end ? nil : patience }
    }

    /// Each member gets its own events, is released when it ends, and the thread ends with the last.
    @Test(arguments: [-1, 1, 1000] as [Int32]) func membersComeAndGo(patience: Int32) throws {
        let thread = try LoopThread(named: "loop")
        let gone = try (0..<7).map { _ in try Mailbox<Int>() }
        let mailboxes = try (0..<7).map { _ in try Mailbox<Int>() }
        let endings = try mailboxes.indices.map { index in
            try thread.add { place throws(SystemError) in
                try place.watch(mailboxes[index].descriptor, .readable, tag: .max >> 3)
                return Member(mailboxes[index], end: 100, patience: patience, isGone: gone[index])
            }
        }
        try thread.start()
        for (index, mailbox) in mailboxes.enumerated() {
            for _ in 0..<10 { mailbox.post(10) }
            endings[index].wait()
            #expect(gone[index].take() == [100], "released before whoever waits is told")
            if index < 6 { #expect(gone[index + 1].take() == []) }
        }
        thread.join()
    }

    /// The wait is as long as the least patient member allows.
    @Test func theLeastPatientMemberIsHeeded() throws {
        let thread = try LoopThread(named: "loop")
        let gone = try Mailbox<Int>()
        final class Counter: LoopMember {
            var turns = 0
            func handle(_ tag: UInt64, _ events: EventLoop.Events) {}
            func endTurn() -> Int32? {
                turns += 1
                return turns == 20 ? nil : 1
            }
        }
        let mailbox = try Mailbox<Int>()
        let patient = try thread.add { place throws(SystemError) in
            try place.watch(mailbox.descriptor, .readable, tag: .max >> 3)
            return Member(mailbox, end: 1, patience: -1, isGone: gone)
        }
        try thread.add { _ in Counter() }.wait(afterStarting: thread)
        mailbox.post(1)
        patient.wait()
        thread.join()
    }

    /// A call is answered in the thread's next turn, and isn't while the thread is kept.
    @Test func aThreadThatHangsTakesNoCall() throws {
        let loop = try LoopThread(named: "hanging")
        let mailbox = try Mailbox<Void>()
        let (isKept, mayGoOn, answered) = (Semaphore(), Semaphore(), Semaphore())
        let answers = Tally()
        let ending = try loop.add { place throws(SystemError) in
            try place.watch(mailbox, tag: 1)
            return KeptMember(mailbox)
        }
        try loop.start()
        let call = {
            loop.call {
                answers.count.wrappingAdd(1, ordering: .relaxed)
                answered.signal()
            }
        }
        call()
        #expect(answered.wait(seconds: 10))
        loop.call {
            isKept.signal()
            _ = mayGoOn.wait(seconds: 60)
        }
        #expect(isKept.wait(seconds: 10))
        call()
        #expect(!answered.wait(seconds: 1))
        #expect(answers.count.load(ordering: .relaxed) == 1)
        mayGoOn.signal()
        #expect(answered.wait(seconds: 10))
        mailbox.post(())
        ending.wait()
        loop.join()
        // Of a thread that has ended nothing comes any more.
        call()
        #expect(answers.count.load(ordering: .relaxed) == 2)
    }
}

extension LoopThread.Ending {
    fileprivate func wait(afterStarting thread: LoopThread) throws {
        try thread.start()
        wait()
    }
}

/// Ends with the first message.
private final class KeptMember: LoopMember {
    private let mailbox: Mailbox<Void>
    private var isStopped = false

    init(_ mailbox: Mailbox<Void>) { self.mailbox = mailbox }

    func handle(_ tag: UInt64, _ events: EventLoop.Events) {
        _ = mailbox.take()
        isStopped = true
    }

    func endTurn() -> Int32? { isStopped ? nil : -1 }
}

private final class Tally: Sendable {
    let count = Atomic<Int>(0)
}

private final class Semaphore: Sendable {
    private nonisolated(unsafe) let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }

    /// false when nobody has signalled in time.
    func wait(seconds: Int) -> Bool {
        var deadline = timespec()
        clock_gettime(CLOCK_REALTIME, &deadline)
        deadline.tv_sec += seconds
        while sem_timedwait(semaphore, &deadline) != 0 { if errno != EINTR { return false } }
        return true
    }
}
