import LinuxSystem
import Logging
import NetfilterQueue
import PacketTap
import SharedTracking
import Synchronization
import Wire

/// Sees the segments of MPTCP connections that come to one DATA queue, both ways, and lets them go: those of flows that
/// send little at once, the others in turns (docs/decisions/0013-queues-are-fair.md).
public final class DataInspector: Sendable {
    private let mailbox: Mailbox<Void>
    private let ending: LoopThread.Ending
    /// For when its thread stands still.
    private let reader = StandingMember<Reader>()

    /// It lives on `thread`. `segmentSizes`: those of the SYNs that were put into the TUN device.
    public init(
        queue: PacketQueue, watch: ConnectionWatch, segmentSizes: SegmentSizes, tap: TraceTap,
        counters: InspectorCounters, log: Logger, on thread: LoopThread
    ) throws(SystemError) {
        let mailbox = try Mailbox<Void>()
        self.mailbox = mailbox
        let member = reader
        ending = try thread.add { place throws(SystemError) in
            try place.watch(queue.descriptor, .readable, tag: Reader.queueTag)
            try place.watch(mailbox, tag: Reader.stopTag)
            let reader = Reader(
                queue: queue, watch: watch, segmentSizes: segmentSizes, tap: tap, counters: counters, log: log,
                mailbox: mailbox, place: place)
            member.note(reader)
            return reader
        }
    }

    /// Lets go the packets that have been received, so that none waits for a verdict. While its thread stands still.
    public func releaseAll() { reader.member?.releaseAll() }

    /// Unbinds the queue; blocks until it is.
    public func stop() {
        mailbox.post(())
        ending.wait()
    }

    private final class Reader: LoopMember {
        static let queueTag: UInt64 = 0
        static let stopTag: UInt64 = 1

        private let queue: PacketQueue
        private let watch: ConnectionWatch
        private let segmentSizes: SegmentSizes
        private let tap: TraceTap
        private let counters: InspectorCounters
        private let log: Logger
        private let mailbox: Mailbox<Void>
        private let place: LoopThread.Place
        private var waiting: FairQueue
        private let seed = UInt64.random(in: .min ... .max)
        private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 8)
        /// Of the packet in hand, if it goes on with the bytes in `scratch`.
        private var newLength: Int?
        private var isStopped = false

        init(
            queue: PacketQueue, watch: ConnectionWatch, segmentSizes: SegmentSizes, tap: TraceTap,
            counters: InspectorCounters, log: Logger, mailbox: Mailbox<Void>, place: LoopThread.Place
        ) {
            self.queue = queue
            self.watch = watch
            self.segmentSizes = segmentSizes
            self.tap = tap
            self.counters = counters
            self.log = log
            self.mailbox = mailbox
            self.place = place
            waiting = FairQueue(capacity: Int(queue.maximumLength))
        }

        deinit { scratch.deallocate() }

        func handle(_ tag: UInt64, _ events: EventLoop.Events) {
            if tag == Self.queueTag { read() } else { isStopped = true }
        }

        func endTurn() -> Int32? {
            if isStopped { letGo() }
            // What waited has gone when the sentinel has answered: the kernel refuses another verdict.
            if queue.beat() || isStopped {
                waiting.releaseAll { queue.accept($0) }
            } else {
                waiting.endTurn { queue.accept($0) }
            }
            queue.flush()
            guard isStopped else { return waiting.count > 0 ? 0 : -1 }
            // The sentinel has the queue's socket, too.
            place.unwatch(queue.descriptor)
            place.unwatch(mailbox.descriptor)
            return nil
        }

        func releaseAll() {
            waiting.releaseAll { queue.accept($0) }
            queue.flush()
        }

        /// Unbound, the queue would drop what still waits in it: at most as many as it holds, since more may come meanwhile.
        private func letGo() {
            for _ in 0...Int(queue.maximumLength) / PacketQueue.batchSize {
                guard let count = try? queue.receive({ queue.accept($0.id) }), count > 0 else { return }
            }
        }

        /// How many are received in a turn: about all that wait on a busy box, since those that need not wait may be the last.
        private static let batches = 8

        private func read() {
            var packets: UInt64 = 0
            var bytes: UInt64 = 0
            do {
                for _ in 0..<Self.batches {
                    let now = MonotonicTime.now
                    let count = try queue.receive { packet in
                        packets += 1
                        bytes += UInt64(packet.length)
                        // nil: it is not to go on.
                        guard let flow = tap.isActive ? trace(packet) : inspect(packet, now) else {
                            return queue.drop(packet.id)
                        }
                        if let length = newLength {
                            newLength = nil
                            return queue.accept(packet.id, as: UnsafeRawBufferPointer(rebasing: scratch[..<length]))
                        }
                        guard
                            waiting.passes(
                                packet.id, flow: flow, packet.hook == QueuedPacket.localIn ? .incoming : .outgoing,
                                length: packet.length)
                        else { return }
                        queue.accept(packet.id)
                    }
                    if count < PacketQueue.batchSize { break }
                }
            } catch {
                log.error("\(error)")
            }
            if packets > 0 { counters.dataReads.wrappingAdd(1, ordering: .relaxed) }
            counters.dataPackets.wrappingAdd(packets, ordering: .relaxed)
            counters.dataBytes.wrappingAdd(bytes, ordering: .relaxed)
        }

        /// Returns the hash of its flow; nil when it is not to go on.
        private func inspect(
            _ packet: QueuedPacket, _ now: MonotonicTime, record: UnsafeMutablePointer<TraceRecord>? = nil
        ) -> UInt64? {
            do throws(WireError) {
                let segment = try Segment(packet.payload.bytes, length: packet.length)
                record?.pointee.read(segment, isFromClient: packet.hook != QueuedPacket.localOut)
                let goesOn = watch.observe(
                    segment, at: now, interface: packet.inDevice, isForwarded: packet.hook == QueuedPacket.postRouting,
                    record: record)
                if segment.flags.contains([.syn, .ack]), packet.hook == QueuedPacket.localOut {
                    lowerSize(of: segment)
                }
                return goesOn ? segment.flowHash(seed: seed) : nil
            } catch {
                record?.pointee.note(error)
                counters.unreadablePackets.wrappingAdd(1, ordering: .relaxed)
                return 0
            }
        }

        /// What the box announces to a client is no more than the client's SYN did as it went in: the router's own rules have
        /// lowered that for the way between the two, and an answer from the server would have met the same rules.
        private func lowerSize(of answer: borrowing Segment) {
            guard let size = segmentSizes.size(answering: answer) else { return }
            newLength = answer.copyLowering(maximumSegmentSize: size, to: scratch)
        }

        private func trace(_ packet: QueuedPacket) -> UInt64? {
            let now = MonotonicTime.now
            var record = TraceRecord(packet, queue: queue.number, received: now)
            let flow = inspect(packet, now, record: &record)
            if flow == nil {
                record.facts.verdict = .drop
                record.reason = "the server doesn't answer either"
            }
            tap.note(record, packet.payload)
            return flow
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
