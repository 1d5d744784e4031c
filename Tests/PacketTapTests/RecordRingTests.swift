import Testing

@testable import PacketTap

@Suite struct RecordRingTests {
    /// Slots are written over without being ended: a field that holds a reference would leak it.
    @Test func slotsNeedNoEnd() {
        #expect(_isPOD(RecordRing.Slot.self))
    }
}
