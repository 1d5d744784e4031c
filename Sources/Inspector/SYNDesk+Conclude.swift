import Handshake
import LinuxSystem
import NetfilterQueue
import PacketTap
import Wire

// What is told of a decision: its count, the history, the tracker, and a record for those who trace.

extension SYNDesk {
    /// `now`: when it was decided. `peer`: the number of the one that it goes to.
    func conclude(_ packet: SYNPacket, _ decision: Decision, peer: Int? = nil, at now: MonotonicTime = .now) {
        conclude(packet, decision, look(packet, decision, peer: peer, at: now), peer: peer, at: now)
    }

    /// `record`: what `look` has returned.
    func conclude(
        _ packet: SYNPacket, _ decision: Decision, _ record: TraceRecord?, peer: Int? = nil, at now: MonotonicTime
    ) {
        counters.count(decision)
        history.note(
            PastDecision(
                decision, packet.syn, at: WallClock.nanoseconds, held: packet.held(until: now), peer: peer))
        if let record { tap.note(record, packet.bytes) }
    }

    func concludeUnreadable(_ packet: QueuedPacket, at now: MonotonicTime) {
        counters.count(.passMalformed)
        let record = look(
            Arrival(packet, at: now), packet.payload, .passMalformed, peer: nil, held: nil, at: .now)
        if let record { tap.note(record, packet.payload) }
    }

    /// Has the tracker look at a SYN. Returns the record of it for those who trace; nil if nobody does.
    func look(
        _ packet: SYNPacket, _ decision: Decision, peer: Int? = nil, at now: MonotonicTime
    ) -> TraceRecord? {
        look(packet.arrival, packet.bytes, decision, peer: peer, held: packet.held(until: now), at: now)
    }

    private func look(
        _ arrival: Arrival, _ packet: UnsafeRawBufferPointer, _ decision: Decision, peer: Int?, held: UInt64?,
        at now: MonotonicTime
    ) -> TraceRecord? {
        guard tap.isActive else {
            track(packet, decision, arrival, now)
            return nil
        }
        var record = TraceRecord(arrival, decision, length: packet.count, queue: queue.number)
        record.facts.wasHeld = held != nil
        record.held = held ?? 0
        record.peer = peer.map(UInt8.init(truncatingIfNeeded:))
        record.decided = now.nanoseconds
        record.newMark = arrival.mark
        record.read(packet)
        track(packet, decision, arrival, now, record: &record)
        return record
    }

    private func track(
        _ packet: UnsafeRawBufferPointer, _ decision: Decision, _ arrival: Arrival, _ now: MonotonicTime,
        record: UnsafeMutablePointer<TraceRecord>? = nil
    ) {
        let isTracked =
            switch decision.verdict {
            case .intercept: true
            // What comes of it later goes by another way.
            case .pass: watchesEndToEnd && decision != .passToPeer
            case .accept, .drop: false
            }
        guard isTracked, let segment = try? Segment(packet.bytes) else { return }
        watch.observe(
            segment, at: now, interface: arrival.inDevice, isForwarded: decision.verdict == .pass, record: record)
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
