import Steering
import Testing
import Wire

@Suite("what some of a path's subflows tell of all") struct SubflowSampleTests {
    /// Subflows that each move so many bytes downwards between two readings, after the kernel.
    private struct Kernel {
        var moving: [FourTuple: UInt64] = [:]
        private(set) var moved: [FourTuple: UInt64] = [:]
        private(set) var asked = 0

        mutating func turn() {
            for (tuple, bytes) in moving { moved[tuple, default: 0] += bytes }
            asked = 0
        }

        mutating func read(_ sample: inout SubflowSample) -> PathReading {
            turn()
            let moved = moved
            var asked = 0
            let reading = sample.reading { tuple in
                asked += 1
                return moved[tuple].map {
                    SubflowReading(
                        moved: PathRates(download: $0, upload: 0), sent: $0, roundTripTime: 20_000,
                        shortestRoundTripTime: 10_000)
                }
            }
            self.asked = asked
            return reading
        }
    }

    private static func tuple(_ number: Int) -> FourTuple {
        FourTuple(
            client: Endpoint(address: IPAddress("10.1.\(number / 250).\(number % 250 + 1)")!, port: 4000),
            server: Endpoint("192.0.2.1:443")!)
    }

    /// `rates` are the bytes of the subflows between two readings; what all were told to have moved, as a share of the truth,
    /// over the last `turns` readings of so many.
    private func share(_ rates: [UInt64], turns: Int, of all: Int) -> (told: Double, asked: Int) {
        var (kernel, sample) = (Kernel(), SubflowSample())
        for (number, rate) in rates.enumerated() {
            sample.insert(Self.tuple(number))
            kernel.moving[Self.tuple(number)] = rate
        }
        var before: UInt64 = 0
        var asked = 0
        for turn in 0..<all {
            let reading = kernel.read(&sample)
            asked = max(asked, kernel.asked)
            if turn == all - turns - 1 { before = reading.own.download }
            if turn == all - 1 {
                let told = Double(reading.own.download - before) / Double(turns)
                return (told / Double(rates.reduce(0, +)), asked)
            }
        }
        return (0, asked)
    }

    @Test(
        "all that subflows move is told",
        arguments: [
            ("none beyond the places", Array(repeating: UInt64(1000), count: 64), 0.999...1.001),
            ("a thousand alike", Array(repeating: UInt64(1000), count: 1000), 0.95...1.05),
            (
                "a few among a thousand that rest",
                Array(repeating: UInt64(0), count: 990) + Array(repeating: 1000, count: 10), 0.9...1.1
            ),
            (
                "some that move much among many that move little",
                Array(repeating: UInt64(100), count: 960) + Array(repeating: 10_000, count: 40), 0.9...1.15
            ),
            ("ten thousand alike", Array(repeating: UInt64(1000), count: 10_000), 0.95...1.05),
        ] as [(String, [UInt64], ClosedRange<Double>)])
    func allIsTold(name: String, rates: [UInt64], expected: ClosedRange<Double>) {
        let (told, asked) = share(rates, turns: 100, of: 400)
        #expect(expected.contains(told), "\(told)")
        #expect(asked <= SubflowSample.size)
    }

    @Test("it ends with what moved") func itEnds() {
        var (kernel, sample) = (Kernel(), SubflowSample())
        for number in 0..<1000 {
            sample.insert(Self.tuple(number))
            kernel.moving[Self.tuple(number)] = 1000
        }
        for _ in 0..<200 { _ = kernel.read(&sample) }
        for number in 0..<1000 { kernel.moving[Self.tuple(number)] = 0 }
        for _ in 0..<60 { _ = kernel.read(&sample) }
        let before = kernel.read(&sample).own.download
        #expect(kernel.read(&sample).own.download - before < 1000)
    }

    @Test("those that move data keep their places, and say the round trip") func theBusyStay() {
        var (kernel, sample) = (Kernel(), SubflowSample())
        for number in 0..<500 {
            sample.insert(Self.tuple(number))
            kernel.moving[Self.tuple(number)] = number % 50 == 0 ? 1000 : 0
        }
        var reading = PathReading()
        for _ in 0..<100 { reading = kernel.read(&sample) }
        #expect(reading.active == 10)
        #expect(reading.subflows == 500)
        #expect(reading.roundTripTime == 20_000 && reading.shortestRoundTripTime == 10_000)
        #expect(Set(sample.busy) == Set((0..<500).filter { $0 % 50 == 0 }.map(Self.tuple)))
    }

    @Test("one that is preferred is asked next, though all places are taken") func preferred() {
        var (kernel, sample) = (Kernel(), SubflowSample())
        for number in 0..<200 {
            sample.insert(Self.tuple(number))
            kernel.moving[Self.tuple(number)] = 1000
        }
        for _ in 0..<20 { _ = kernel.read(&sample) }
        let waiting = (0..<200).map(Self.tuple).filter { !sample.busy.contains($0) }
        sample.prefer(waiting[0])
        kernel.moving[waiting[0]] = 1
        for _ in 0..<2 { _ = kernel.read(&sample) }
        // Those that move least make room, but not this one, for a while.
        for _ in 0..<8 {
            #expect(sample.busy.contains(waiting[0]))
            _ = kernel.read(&sample)
        }
    }

    @Test("removed subflows, unknown ones, and counters that begin anew move nothing") func gone() {
        var (kernel, sample) = (Kernel(), SubflowSample())
        for number in 0..<3 { sample.insert(Self.tuple(number)) }
        kernel.moving = [Self.tuple(0): 1000, Self.tuple(1): 1000]
        for _ in 0..<3 { _ = kernel.read(&sample) }
        sample.remove(Self.tuple(1))
        sample.remove(Self.tuple(7))
        let before = kernel.read(&sample)
        #expect(before.subflows == 2 && before.active == 1)
        // Another connection with these ports.
        let fallen = sample.reading { _ in SubflowReading(moved: PathRates(download: 5, upload: 0)) }
        #expect(fallen.own == before.own && fallen.active == 0)
    }
}
