import LinuxSystem
import Logging
import NetfilterQueue
import Synchronization

/// The thread of one DATA queue: it sees every segment of intercepted connections, both ways, and lets it go.
public final class DataInspector: Sendable {
    private let mailbox: Mailbox<Void>
    private let thread: SystemThread

    public init(queue: PacketQueue, counters: InspectorCounters, log: Logger) throws(SystemError) {
        let mailbox = try Mailbox<Void>()
        let loop = try EventLoop(capacity: 4)
        try loop.add(queue.descriptor, .readable, tag: 0)
        try loop.add(mailbox.descriptor, .readable, tag: 1)
        // From here on queue and loop are their thread's alone.
        nonisolated(unsafe) let reader = Reader(queue: queue, loop: loop, counters: counters, log: log)
        self.mailbox = mailbox
        thread = try SystemThread(named: "queue DATA \(queue.number)") { reader.run() }
    }

    /// Unbinds the queue; blocks until the thread has ended.
    public func stop() {
        mailbox.post(())
        thread.join()
    }

    private final class Reader {
        private let queue: PacketQueue
        private var loop: EventLoop
        private let counters: InspectorCounters
        private let log: Logger

        init(queue: PacketQueue, loop: consuming EventLoop, counters: InspectorCounters, log: Logger) {
            self.queue = queue
            self.loop = loop
            self.counters = counters
            self.log = log
        }

        func run() {
            var isStopped = false
            while !isStopped {
                queue.beat()
                loop.wait(timeout: -1) { tag, _ in
                    if tag == 0 { read() } else { isStopped = true }
                }
            }
        }

        private func read() {
            var packets: UInt64 = 0
            var bytes: UInt64 = 0
            do {
                try queue.receive { packet in
                    packets += 1
                    bytes += UInt64(packet.length)
                    queue.accept(packet.id)
                }
            } catch {
                log.error("\(error)")
            }
            counters.dataPackets.wrappingAdd(packets, ordering: .relaxed)
            counters.dataBytes.wrappingAdd(bytes, ordering: .relaxed)
        }
    }
}
