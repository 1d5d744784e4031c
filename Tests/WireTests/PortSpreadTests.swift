import Testing
import Wire

/// Which queue, and which thread, a client's port leads to.
@Suite struct PortSpreadTests {
    @Test("ports next to each other go to one place after the other, two by two")
    func alternates() {
        let spread = PortSpread(count: 3)
        #expect((40_000..<40_008).map { spread.place(ofClientPort: $0) } == [2, 2, 0, 0, 1, 1, 2, 2])
    }

    @Test("fewer than one place are one", arguments: [-1, 0, 1]) func isOne(count: Int) {
        #expect(PortSpread(count: count).count == 1)
        #expect(PortSpread(count: count).place(ofClientPort: .max) == 0)
    }

    @Test(
        "a connection's thread is that of its place, or shares it, and none is left out",
        arguments: [(1, 1), (2, 2), (4, 1), (4, 3), (2, 5), (3, 16), (1, 8), (16, 64)])
    func hasAThread(numbers: (places: Int, threads: Int)) {
        let spread = PortSpread(count: numbers.places)
        var used: Set<Int> = []
        for port in UInt16(1024)..<1280 {
            for hash in UInt(0)..<64 {
                let thread = spread.thread(ofClientPort: port, hash: hash, among: numbers.threads)
                let place = spread.place(ofClientPort: port)
                #expect(thread % numbers.places == place || numbers.threads < numbers.places)
                if numbers.threads <= numbers.places { #expect(thread == place % numbers.threads) }
                used.insert(thread)
            }
        }
        #expect(used == Set(0..<min(numbers.threads, max(numbers.places, numbers.threads))))
    }
}
