import Synchronization

/// What a packet thread notes packets by: its own ring, and the board that says for whom. Filters are asked here, on the
/// packet thread, so that only what somebody wants is written.
public final class TraceTap: @unchecked Sendable {
    let ring: RecordRing
    private let board: TraceBoard
    /// As this thread has seen it last. The packet thread's alone.
    private var audience = TraceAudience()

    /// `capacity`: records that may wait, a power of two.
    public init(_ board: TraceBoard, capacity: Int = 8192) {
        self.board = board
        ring = RecordRing(capacity: capacity)
    }

    /// Does anybody ask for packets? When not, nothing need be found out about one.
    public var isActive: Bool { board.currentNumber != 0 }

    /// Notes a packet for those whose filter lets it through. For the packet thread only.
    public func note(_ record: borrowing TraceRecord, _ packet: UnsafeRawBufferPointer) {
        if audience.number != board.currentNumber { audience = board.current }
        var wanted: UInt16 = 0
        for index in audience.readers.indices where audience.readers[index].filter.matches(record.facts) {
            wanted |= 1 << UInt16(index)
            audience.readers[index].matched.wrappingAdd(1, ordering: .relaxed)
        }
        guard wanted != 0 else { return }
        if !ring.write(record, packet, readers: wanted, audience: audience.number) { drop(wanted, record.interface) }
    }

    private func drop(_ readers: UInt16, _ interface: UInt32) {
        for index in audience.readers.indices where readers >> UInt16(index) & 1 == 1 {
            audience.readers[index].dropped.count(interface)
        }
    }
}

/// The trace thread's end of the taps: their records in the order of the verdicts.
public struct TraceDrain: ~Copyable {
    private let rings: [RecordRing]

    public init(_ taps: [TraceTap]) { rings = taps.map(\.ring) }

    /// Hands out what was decided before `horizon` (nanoseconds of CLOCK_MONOTONIC): packet threads may still be about to
    /// write what was decided later, and it would come out of order. `readers` are bits of that audience.
    public func take(
        decidedBefore horizon: UInt64,
        _ body: (_ record: borrowing TraceRecord, _ packet: RawSpan, _ readers: UInt16, _ audience: UInt32) -> Void
    ) {
        while let ring = next(before: horizon), let slot = ring.oldest {
            body(slot.pointee.record, slot.pointee.packet, slot.pointee.readers, slot.pointee.audience)
            ring.advance()
        }
    }

    /// The ring whose oldest record is the oldest of all.
    private func next(before horizon: UInt64) -> RecordRing? {
        var found: RecordRing?
        var earliest = horizon
        for ring in rings {
            guard let decided = ring.oldest?.pointee.record.decided, decided < earliest else { continue }
            (found, earliest) = (ring, decided)
        }
        return found
    }
}
