import Handshake
import LinuxSystem
import NetfilterQueue
import Trace
import Wire

// What is told of a decision: its count, the history, the tracker for SYNs that go on, and a record for those who trace.

extension SYNDesk {
    /// `now`: when it was decided.
    func conclude(_ packet: SYNPacket, _ decision: Decision, at now: MonotonicTime = .now) {
        let held = packet.wasHeld ? now.nanoseconds(since: packet.arrival.time) : nil
        history.note(PastDecision(decision, packet.syn, at: WallClock.nanoseconds, held: held))
        conclude(packet.arrival, packet.bytes, decision, held: held, at: now)
    }

    func concludeUnreadable(_ packet: QueuedPacket, at now: MonotonicTime) {
        conclude(Arrival(packet, at: now), packet.payload, .passMalformed, held: nil, at: .now)
    }

    /// `held`: for how many nanoseconds; nil if it wasn't.
    private func conclude(
        _ arrival: Arrival, _ packet: UnsafeRawBufferPointer, _ decision: Decision, held: UInt64?,
        at now: MonotonicTime
    ) {
        counters.count(decision)
        guard tap.isActive else { return watchEndToEnd(packet, decision, arrival, now) }
        var record = TraceRecord(arrival, decision, length: packet.count, queue: queue.number)
        record.facts.wasHeld = held != nil
        record.held = held ?? 0
        record.decided = now.nanoseconds
        record.newMark = arrival.mark
        record.read(packet)
        watchEndToEnd(packet, decision, arrival, now, record: &record)
        tap.note(record, packet)
    }

    private func watchEndToEnd(
        _ packet: UnsafeRawBufferPointer, _ decision: Decision, _ arrival: Arrival, _ now: MonotonicTime,
        record: UnsafeMutablePointer<TraceRecord>? = nil
    ) {
        guard watchesEndToEnd, decision.verdict == .pass, let segment = try? Segment(packet.bytes) else { return }
        watch.observe(segment, at: now, interface: arrival.inDevice, isForwarded: true, record: record)
    }
}

extension TraceRecord {
    fileprivate init(_ arrival: Arrival, _ decision: Decision, length: Int, queue: UInt16) {
        self.init()
        facts.inDevice = arrival.inDevice
        facts.outDevice = arrival.outDevice
        facts.verdict = decision.verdict
        reason = decision.reason
        kernelTime = arrival.kernelTime
        received = arrival.time.nanoseconds
        self.queue = queue
        packetID = arrival.packetID
        hook = QueuedPacket.postRouting
        self.length = UInt32(clamping: length)
        mark = arrival.mark
    }

    fileprivate mutating func read(_ packet: UnsafeRawBufferPointer) {
        do throws(WireError) {
            read(try Segment(packet.bytes), isFromClient: true)
        } catch {
            note(error)
        }
    }
}
