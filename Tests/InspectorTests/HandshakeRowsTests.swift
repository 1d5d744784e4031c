import Glibc
import LinuxSystem
import Testing
import Wire

@testable import Inspector

/// Small decisions about SYNs and their answers.
@Suite struct HandshakeRowsTests {
    /// How long a SYN is held when the stream path is given so long, in milliseconds.
    @Test(arguments: [(10, 260), (500, 750), (700, 900), (900, 950), (2050, 2100), (2500, 2550)])
    func aSYNIsHeldALittleLonger(timeout: Int, held: Int) {
        #expect(HeldSYN.patience(.milliseconds(timeout)) == .milliseconds(held))
    }

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

    /// A SYN that comes again, so many milliseconds behind its injection.
    @Test(
        arguments: [
            (0, .underWay), (499, .underWay), (500, .lost), (1000, .lost), (10_000, .notInjected),
        ] as [(UInt64, InjectedSYNs.Fate)])
    func aRetransmissionIsDroppedWhileTheFirstIsUnderWay(after milliseconds: UInt64, fate: InjectedSYNs.Fate) {
        let tuple = FourTuple(client: Endpoint("10.1.0.2:1000")!, server: Endpoint("10.9.0.2:80")!)
        let syn = SYNIdentity(tuple: tuple, sequence: SequenceNumber(7))
        var injected = InjectedSYNs()
        injected.note(syn, at: 5_000_000_000)
        let now = 5_000_000_000 + milliseconds * 1_000_000
        #expect(injected.fate(of: syn, at: now) == fate)
        #expect(injected.fate(of: SYNIdentity(tuple: tuple, sequence: SequenceNumber(8)), at: now) == .notInjected)
    }

    @Test func segmentSizesAreKeptByFlow() {
        var sizes = SegmentSizes()
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
