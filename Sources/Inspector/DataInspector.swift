import LinuxSystem
import Logging
import NetfilterQueue
import Policy
import Synchronization
import Trace
import Wire

/// The thread of one DATA queue: it sees the segments of MPTCP connections, both ways, and lets them go.
public final class DataInspector: Sendable {
    private let mailbox: Mailbox<Void>
    private let thread: SystemThread

    /// `tun`: the index of the TUN device, which says nothing about where a client's SYN came in.
    public init(
        queue: PacketQueue, tun: UInt32, watch: ConnectionWatch, tap: TraceTap, counters: InspectorCounters, log: Logger
    ) throws(SystemError) {
        let mailbox = try Mailbox<Void>()
        let loop = try EventLoop(capacity: 4)
        try loop.add(queue.descriptor, .readable, tag: 0)
        try loop.add(mailbox.descriptor, .readable, tag: 1)
        // From here on queue and loop are their thread's alone.
        nonisolated(unsafe) let reader = Reader(
            queue: queue, tun: tun, watch: watch, tap: tap, loop: loop, counters: counters, log: log)
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
        private let tun: UInt32
        private let watch: ConnectionWatch
        private let tap: TraceTap
        private var loop: EventLoop
        private let counters: InspectorCounters
        private let log: Logger

        init(
            queue: PacketQueue, tun: UInt32, watch: ConnectionWatch, tap: TraceTap, loop: consuming EventLoop,
            counters: InspectorCounters, log: Logger
        ) {
            self.queue = queue
            self.tun = tun
            self.watch = watch
            self.tap = tap
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
            let now = MonotonicTime.now
            do {
                try queue.receive { packet in
                    packets += 1
                    bytes += UInt64(packet.length)
                    if tap.isActive { trace(packet) } else { inspect(packet, now) }
                    queue.accept(packet.id)
                }
            } catch {
                log.error("\(error)")
            }
            counters.dataPackets.wrappingAdd(packets, ordering: .relaxed)
            counters.dataBytes.wrappingAdd(bytes, ordering: .relaxed)
        }

        private func inspect(
            _ packet: QueuedPacket, _ now: MonotonicTime, record: UnsafeMutablePointer<TraceRecord>? = nil
        ) {
            do throws(WireError) {
                let segment = try Segment(packet.payload.bytes, length: packet.length)
                record?.pointee.read(segment, isFromClient: packet.hook != QueuedPacket.localOut)
                watch.observe(
                    segment, at: now, interface: packet.inDevice == tun ? 0 : packet.inDevice,
                    isForwarded: packet.hook == QueuedPacket.postRouting, record: record)
            } catch {
                record?.pointee.note(error)
                counters.unreadablePackets.wrappingAdd(1, ordering: .relaxed)
            }
        }

        private func trace(_ packet: QueuedPacket) {
            let now = MonotonicTime.now
            var record = TraceRecord(packet, queue: queue.number, received: now)
            inspect(packet, now, record: &record)
            tap.note(record, packet.payload)
        }
    }
}

extension TraceRecord {
    /// What the queue's message says; the packet goes on with the mark that it has.
    init(_ packet: QueuedPacket, queue: UInt16, received: MonotonicTime) {
        self.init()
        facts.inDevice = packet.inDevice
        facts.outDevice = packet.outDevice
        kernelTime = packet.time
        self.received = received.nanoseconds
        decided = received.nanoseconds
        self.queue = queue
        packetID = packet.id
        hook = packet.hook
        length = UInt32(clamping: packet.length)
        mark = packet.mark
        newMark = packet.mark
    }
}
