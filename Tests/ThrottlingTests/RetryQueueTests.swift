import LinuxSystem
import Testing
@testable import Tracking
import Wire

@testable import Throttling

@Suite("subflows that the kernel would not touch yet") struct RetryQueueTests {
    static func subflow(_ port: UInt16) -> FourTuple {
        FourTuple(
            client: Endpoint(address: IPAddress("10.1.0.2")!, port: port),
            server: Endpoint(address: IPAddress("192.0.2.1")!, port: 443))
    }

    /// Expectations can't change what they look at.
    final class Queue {
        private var queue = RetryQueue()

        var next: MonotonicTime? { queue.next }
        func isWaiting(_ subflow: FourTuple) -> Bool { queue.isWaiting(subflow) }
        func add(_ subflow: FourTuple, at now: MonotonicTime) -> Bool {
            queue.add(subflow, RetryQueueTests.id, at: now)
        }
        func take(at now: MonotonicTime) -> FourTuple? { queue.take(at: now)?.subflow }
        func forget(_ subflow: FourTuple) { queue.forget(subflow) }
    }

    static let id = ConnectionID(slot: 1, generation: 1)
    static let start = MonotonicTime(nanoseconds: 1_000_000_000)

    @Test("each time it waits twice as long, four times") func backsOff() {
        let queue = Queue()
        var now = Self.start
        for delay in [20, 40, 80, 160] {
            #expect(queue.add(Self.subflow(1), at: now))
            #expect(queue.next == now + .milliseconds(delay))
            #expect(queue.take(at: now + .milliseconds(delay - 1)) == nil)
            now = now + .milliseconds(delay)
            #expect(queue.take(at: now) == Self.subflow(1))
        }
        #expect(!queue.add(Self.subflow(1), at: now))
        #expect(queue.next == nil)
        queue.forget(Self.subflow(1))
        #expect(queue.add(Self.subflow(1), at: now))
    }

    @Test("one that waits is not asked about again, nor forgotten") func waits() {
        let queue = Queue()
        #expect(queue.add(Self.subflow(1), at: Self.start))
        #expect(queue.isWaiting(Self.subflow(1)))
        #expect(!queue.add(Self.subflow(1), at: Self.start))
        queue.forget(Self.subflow(1))
        #expect(queue.take(at: Self.start + .milliseconds(20)) != nil)
        #expect(!queue.isWaiting(Self.subflow(1)))
        // Its second time.
        #expect(queue.add(Self.subflow(1), at: Self.start))
        #expect(queue.next == Self.start + .milliseconds(40))
    }

    @Test("they come in the order of their times") func isInOrder() {
        let queue = Queue()
        for port in 1...3 as ClosedRange<UInt16> {
            #expect(queue.add(Self.subflow(port), at: Self.start + .milliseconds(Int(port))))
        }
        let late = Self.start + .milliseconds(100)
        #expect(queue.take(at: late) == Self.subflow(1))
        // Its second time comes behind the others' first.
        #expect(queue.add(Self.subflow(1), at: Self.start))
        #expect(queue.take(at: late) == Self.subflow(2))
        #expect(queue.take(at: late) == Self.subflow(3))
        #expect(queue.take(at: late) == Self.subflow(1))
        #expect(queue.take(at: late) == nil)
    }
}
