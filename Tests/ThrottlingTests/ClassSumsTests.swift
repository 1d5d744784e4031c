import Testing
import TrafficControl

@testable import Throttling

@Suite struct ClassSumsTests {
    private let key = ClassSums.Key(rule: "a", interface: "lan0", direction: .download)

    private func counters(_ bytes: UInt64, _ packets: UInt64, drops: UInt64 = 0) -> ClassCounters {
        var counters = ClassCounters()
        (counters.bytes, counters.packets, counters.drops) = (bytes, packets, drops)
        return counters
    }

    @Test func whatAClassCountsIsCountedOnce() {
        var sums = ClassSums()
        #expect(sums[key] == .init())
        for _ in 0..<3 { sums.note(1, key, counters(1000, 2, drops: 1)) }
        sums.note(1, key, counters(1500, 3, drops: 4))
        sums.note(2, key, counters(7, 1))
        #expect(sums[key] == .init(bytes: 1507, drops: 4))
    }

    @Test func aClassThatIsGoneStaysCounted() {
        var sums = ClassSums()
        sums.note(1, key, counters(1000, 2, drops: 1))
        sums.forget(1, .download)
        #expect(sums[key].bytes == 1000)
        // Another one of the same number, which counts more already.
        sums.note(1, key, counters(5000, 9, drops: 2))
        #expect(sums[key] == .init(bytes: 6000, drops: 3))
    }

    @Test func aClassThatWasMadeAnewCountsFromZero() {
        var sums = ClassSums()
        sums.note(1, key, counters(1000, 20))
        sums.note(1, key, counters(600, 1, drops: 1))
        #expect(sums[key] == .init(bytes: 1600, drops: 1))
    }

    /// They are the larger of two counts of the kernel's.
    @Test func dropsAloneMayFall() {
        var sums = ClassSums()
        sums.note(1, key, counters(1000, 20, drops: 5))
        sums.note(1, key, counters(1000, 20, drops: 3))
        sums.note(1, key, counters(1000, 20, drops: 5))
        #expect(sums[key] == .init(bytes: 1000, drops: 5))
    }

    @Test func eachPlaceForItself() {
        var sums = ClassSums()
        let upload = ClassSums.Key(rule: "a", interface: "lan0", direction: .upload)
        sums.note(1, key, counters(1000, 2))
        sums.note(1, upload, counters(50, 1))
        sums.forget(1, .upload)
        sums.note(1, key, counters(1000, 2))
        #expect(sums[key].bytes == 1000 && sums[upload].bytes == 50)
        sums.keep(["b"])
        #expect(sums[key] == .init() && sums[upload] == .init())
    }
}
