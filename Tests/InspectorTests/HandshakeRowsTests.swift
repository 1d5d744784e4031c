import Testing

@testable import Inspector

/// Small decisions about SYNs and their answers.
@Suite struct HandshakeRowsTests {
    struct Fill: Sendable {
        let count: Int
        let maximum: Int
        let suffices: Bool
    }

    @Test(arguments: [
        Fill(count: 0, maximum: 65536, suffices: true), Fill(count: 63487, maximum: 65536, suffices: true),
        Fill(count: 63488, maximum: 65536, suffices: false), Fill(count: 65536, maximum: 65536, suffices: false),
        // A table that the operator has made smaller than what is in it.
        Fill(count: 5000, maximum: 1000, suffices: false),
        Fill(count: 183, maximum: 200, suffices: true), Fill(count: 184, maximum: 200, suffices: false),
        Fill(count: 1_000_000, maximum: 0, suffices: true),
    ])
    func aTableThatIsNearlyFullIsLeftToOthers(_ fill: Fill) {
        #expect(TrackingRoom.suffices(count: fill.count, maximum: fill.maximum) == fill.suffices)
    }

    @Test func segmentSizesAreKeptByFlow() {
        let sizes = SegmentSizes()
        #expect(sizes.size(flow: 7) == nil)
        sizes.note(1200, flow: 7)
        sizes.note(1300, flow: 8)
        #expect(sizes.size(flow: 7) == 1200)
        #expect(sizes.size(flow: 8) == 1300)
        // Another flow of the same place has it from now on.
        sizes.note(1400, flow: 7 + 1024)
        #expect(sizes.size(flow: 7) == nil)
        #expect(sizes.size(flow: 7 + 1024) == 1400)
        sizes.note(nil, flow: 8)
        #expect(sizes.size(flow: 8) == nil)
    }
}
