import Glibc
import LinuxSystem
import NetfilterQueue
import Synchronization

/// A thread that reads an NFQUEUE and lets each packet go after a time, in order.
///
/// The packets wait in the kernel; only their headers are copied. The queue is the thread's own once that runs.
final class DelayLine: @unchecked Sendable {
    private let queue: PacketQueue
    private let delay: Mutex<Duration>
    private let jitter: Duration
    private let stopping: StopSignal
    private let thread = Mutex<SystemThread?>(nil)

    private struct Held {
        let id: UInt32
        let release: ContinuousClock.Instant
    }

    /// Binds the queue in `namespace` and starts.
    convenience init(queue number: UInt16, in namespace: NetworkNamespace, delay: Duration, jitter: Duration) throws {
        let queue = try namespace.run { BoundQueue(queue: try PacketQueue(number, Self.options)) }
        try self.init(queue.queue, delay: delay, jitter: jitter)
    }

    /// Room for a second of small packets at a gigabit; GSO, so that the kernel need not cut packets up.
    private static let options = PacketQueue.Options(copyRange: 20, maximumLength: 200_000, gso: true)

    /// Carries the queue from the thread that made it to the one that reads it.
    private struct BoundQueue: @unchecked Sendable { let queue: PacketQueue }

    private init(_ queue: PacketQueue, delay: Duration, jitter: Duration) throws {
        self.queue = queue
        self.delay = Mutex(delay)
        self.jitter = jitter
        stopping = try StopSignal()
        let thread = try SystemThread(named: "delay line") { [self] in run() }
        self.thread.withLock { $0 = thread }
    }

    /// Another delay for the packets that come from now on; none overtakes those before it.
    func setDelay(_ new: Duration) { delay.withLock { $0 = new } }

    /// Ends the thread; what it holds is dropped. Once only.
    func stop() {
        stopping.fire()
        thread.withLock { $0.take() }?.join()
    }

    private func run() {
        var held: [Held] = []
        var first = 0
        var last = ContinuousClock.now
        while true {
            guard wait(until: first < held.count ? held[first].release : nil) else { return }
            let arrival = ContinuousClock.now
            let delay = delay.withLock(\.self)
            while true {
                let received = try? queue.receive { packet in
                    last = max(last, arrival + delay + randomJitter(delay))
                    held.append(Held(id: packet.id, release: last))
                }
                guard let received, received > 0 else { break }
            }
            release(&held, &first)
        }
    }

    private func release(_ held: inout [Held], _ first: inout Int) {
        let now = ContinuousClock.now
        while first < held.count, held[first].release <= now {
            queue.accept(held[first].id)
            first += 1
        }
        queue.flush()
        if first == held.count || first > 4096 {
            held.removeFirst(first)
            first = 0
        }
    }

    private func randomJitter(_ delay: Duration) -> Duration {
        guard jitter > .zero else { return .zero }
        return max(jitter * Double.random(in: -1...1), .zero - delay)
    }

    /// Until a packet comes or `deadline` passes; false when it is time to stop. poll(2) counts whole milliseconds:
    /// the rest is slept.
    private func wait(until deadline: ContinuousClock.Instant?) -> Bool {
        let left = deadline.map { ContinuousClock.now.duration(to: $0).microseconds } ?? .max
        let milliseconds = left == .max ? -1 : Int32(clamping: max(left, 0) / 1000)
        var waiting = [
            pollfd(fd: queue.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: stopping.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        if milliseconds == 0, left > 0 { usleep(UInt32(left)) }
        _ = poll(&waiting, 2, milliseconds)
        return waiting[1].revents == 0
    }
}

extension Duration {
    public var microseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }
    /// For figures and ratios.
    public var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
