import LinuxSystem
import Logging
import NetfilterQueue
import Policy
import Synchronization
import Trace
import Wire

/// Sees the segments of MPTCP connections that come to one DATA queue, both ways, and lets them go.
public final class DataInspector: Sendable {
    private let mailbox: Mailbox<Void>
    private let ending: LoopThread.Ending

    /// It lives on `thread`. `tun`: the index of the TUN device, which says nothing about where a client's SYN came in.
    public init(
        queue: PacketQueue, tun: UInt32, watch: ConnectionWatch, tap: TraceTap, counters: InspectorCounters,
        log: Logger, on thread: LoopThread
    ) throws(SystemError) {
        let mailbox = try Mailbox<Void>()
        self.mailbox = mailbox
        ending = try thread.add { place throws(SystemError) in
            try place.watch(queue.descriptor, .readable, tag: Reader.queueTag)
            try place.watch(mailbox.descriptor, .readable, tag: Reader.stopTag)
            return Reader(
                queue: queue, tun: tun, watch: watch, tap: tap, counters: counters, log: log, mailbox: mailbox,
                place: place)
        }
    }

    /// Unbinds the queue; blocks until it is.
    public func stop() {
        mailbox.post(())
        ending.wait()
    }

    private final class Reader: LoopMember {
        static let queueTag: UInt64 = 0
        static let stopTag: UInt64 = 1

        private let queue: PacketQueue
        private let tun: UInt32
        private let watch: ConnectionWatch
        private let tap: TraceTap
        private let counters: InspectorCounters
        private let log: Logger
        private let mailbox: Mailbox<Void>
        private let place: LoopThread.Place
        private var isStopped = false

        init(
            queue: PacketQueue, tun: UInt32, watch: ConnectionWatch, tap: TraceTap, counters: InspectorCounters,
            log: Logger, mailbox: Mailbox<Void>, place: LoopThread.Place
        ) {
            self.queue = queue
            self.tun = tun
            self.watch = watch
            self.tap = tap
            self.counters = counters
            self.log = log
            self.mailbox = mailbox
            self.place = place
        }

        func handle(_ tag: UInt64, _ events: EventLoop.Events) {
            if tag == Self.queueTag { read() } else { isStopped = true }
        }

        func endTurn() -> Int32? {
            queue.beat()
            guard isStopped else { return -1 }
            // The sentinel has the queue's socket, too.
            place.unwatch(queue.descriptor)
            place.unwatch(mailbox.descriptor)
            return nil
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
