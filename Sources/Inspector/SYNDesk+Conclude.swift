import LinuxSystem
import NetfilterQueue
import Trace
import Wire

// What is told of a decision: its count, the history, the tracker for SYNs that go on, and a record for those who trace.

extension SYNDesk {
    /// `syn`: nil when it can't be read. `now`: when it was decided.
    func conclude(_ packet: QueuedPacket, _ decision: Decision, _ syn: SYN?, at now: MonotonicTime = .now) {
        conclude(Arrival(packet, at: now), packet.payload, decision, syn, at: now, wasHeld: false)
    }

    func conclude(_ held: HeldSYN, _ decision: Decision, at now: MonotonicTime = .now) {
        held.bytes.withUnsafeBytes { conclude(held.arrival, $0, decision, held.syn, at: now, wasHeld: true) }
    }

    private func conclude(
        _ arrival: Arrival, _ packet: UnsafeRawBufferPointer, _ decision: Decision, _ syn: SYN?,
        at now: MonotonicTime, wasHeld: Bool
    ) {
        counters.count(decision)
        let held = wasHeld ? now.nanoseconds(since: arrival.time) : 0
        if let syn {
            history.note(
                PastDecision(decision, syn, interface: arrival.inDevice, held: wasHeld ? held : nil))
        }
        guard tap.isActive else { return watchEndToEnd(packet, decision, arrival, now) }
        var record = TraceRecord(arrival, decision, length: packet.count, queue: queue.number)
        record.facts.wasHeld = wasHeld
        record.held = held
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
