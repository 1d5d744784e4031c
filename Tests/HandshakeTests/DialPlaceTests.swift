import Testing

@testable import Handshake

/// Several deciders share those who dial and look up for them.
@Suite struct DialPlaceTests {
    @Test("an id tells whose it is, however many came before, and leaves its first byte to others", arguments: 0..<16)
    func tellsWhose(_ place: Int) {
        let first = DialRequest.firstID(at: place)
        for id in [first + 1, first + 1_000_000, first + (1 << 48 - 1)] {
            #expect(DialRequest.place(ofID: id) == place)
            #expect(id >> 56 == 0)
        }
    }
}
