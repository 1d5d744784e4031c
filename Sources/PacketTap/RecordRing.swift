import Synchronization

/// Records on their way from the packet thread that writes them to the trace thread that reads them: one of each, no
/// lock. When it is full, a record is refused, and the packet thread goes on.
final class RecordRing: @unchecked Sendable {
    struct Slot {
        var record = TraceRecord()
        var bytes = InlineArray<192, UInt8>(repeating: 0)
        var captured = 0
        /// For whom it is: bits of the readers of an audience.
        var readers: UInt16 = 0
        var audience: UInt32 = 0
    }

    private let slots: UnsafeMutableBufferPointer<Slot>
    private let mask: UInt64
    /// Records written and read so far.
    private let written = Atomic<UInt64>(0)
    private let read = Atomic<UInt64>(0)

    /// `capacity`: a power of two. Memory that is not written to isn't taken.
    init(capacity: Int) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0)
        slots = .allocate(capacity: capacity)
        mask = UInt64(capacity - 1)
    }

    deinit { slots.deallocate() }

    /// For the packet thread. Keeps `TraceRecord.captureLength` bytes of the packet at most; false when there is no room.
    func write(
        _ record: borrowing TraceRecord, _ packet: UnsafeRawBufferPointer, readers: UInt16, audience: UInt32
    ) -> Bool {
        let place = written.load(ordering: .relaxed)
        guard place &- read.load(ordering: .acquiring) <= mask else { return false }
        let slot = slots.baseAddress! + Int(place & mask)
        // Plain values that need no end: what was there before is written over.
        slot.initialize(to: Slot())
        slot.pointee.record = copy record
        slot.pointee.readers = readers
        slot.pointee.audience = audience
        let captured = min(packet.count, TraceRecord.captureLength)
        slot.pointee.captured = captured
        withUnsafeMutableBytes(of: &slot.pointee.bytes) { bytes in
            bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: packet[..<captured]))
        }
        written.store(place &+ 1, ordering: .releasing)
        return true
    }

    /// For the trace thread: the oldest record, there until `advance`.
    var oldest: UnsafePointer<Slot>? {
        let place = read.load(ordering: .relaxed)
        guard place != written.load(ordering: .acquiring) else { return nil }
        return UnsafePointer(slots.baseAddress! + Int(place & mask))
    }

    /// Gives the oldest record's place back.
    func advance() { read.store(read.load(ordering: .relaxed) &+ 1, ordering: .releasing) }
}

extension RecordRing.Slot {
    /// The packet's first bytes.
    var packet: RawSpan {
        @_lifetime(borrow self)
        borrowing get { bytes.span.bytes.extracting(0..<captured) }
    }
}
