import Steering
import Testing

@Suite("throttles that are on while a path is congested") struct ThrottleGateTests {
    /// A gate, and what a path of 100 Mbit/s shows it each tenth of a second.
    struct Bench {
        var gate: ThrottleGate
        private(set) var now: UInt64 = 9_000_000_000
        private(set) var changes: [(isOn: Bool, time: UInt64)] = []

        init(path: String? = nil, limits: PathLimits = PathLimits()) {
            gate = ThrottleGate(ThrottleRule.Condition(path: path, limits: limits))
        }

        /// - Parameters:
        ///   - others: what isn't the box's own, as a share of the capacity.
        ///   - own: what is, as it has been acknowledged.
        ///   - sent: what the box has sent, if that is more.
        mutating func run(
            _ seconds: Double, others: Double, own: Double = 0, sent: Double = 0, fault: PathFault? = nil,
            time: Double? = 20_000,
            loss: Double = 0, capacity: Double? = 100e6
        ) {
            for _ in 0..<Int((seconds * 10).rounded()) {
                now += 100_000_000
                var figures = PathFigures()
                figures.total.download = (others + max(own, sent)) * 100e6
                (figures.own.download, figures.ownSent) = (own * 100e6, sent * 100e6)
                figures.capacity.download = capacity
                (figures.roundTripTime, figures.loss) = (time, loss)
                let condition = PathCondition(state: fault?.state ?? .fit, fault: fault, figures: figures)
                if gate.decide(condition, at: now) {
                    changes.append((gate.isOn, now))
                }
            }
        }
    }

    static let full = PathFault.use(95e6, of: 100e6, direction: .download)
    static let queue = PathFault.queue(80_000, shortest: 20_000)

    @Test("a new gate is off, and has been from the start") func begins() {
        let gate = ThrottleGate(ThrottleRule.Condition())
        #expect(!gate.isOn)
        #expect(gate.since == nil)
        #expect(gate.reason == nil)
    }

    // MARK: on

    @Test(
        "it goes on when the path is congested and others have carried a tenth of its capacity for half a second",
        arguments: [
            (0.0, 0.95, full, false), (0.04, 0.9, full, false), (0.09, 0.86, full, false), (0.11, 0.84, full, true),
            (0.5, 0.45, full, true), (1, 0, full, true), (0.5, 0.2, queue, true), (0.09, 0.2, queue, false),
            (0.4, 0, .retransmissions(0.1), true), (0.9, 0, nil, false), (0.5, 0.2, .interfaceDown, false),
            (0.5, 0.2, .capUsed(VolumeCap(bytes: 1, period: .day)), false),
        ] as [(Double, Double, PathFault?, Bool)])
    func goesOn(row: (others: Double, own: Double, fault: PathFault?, isOn: Bool)) {
        var bench = Bench()
        bench.run(0.5, others: row.others, own: row.own, fault: row.fault)
        #expect(!bench.gate.isOn)
        bench.run(0.1, others: row.others, own: row.own, fault: row.fault)
        #expect(bench.gate.isOn == row.isOn)
        #expect(bench.changes.count == (row.isOn ? 1 : 0))
    }

    @Test("its own traffic alone doesn't turn it on, however long the path is full") func ignoresOwn() {
        var bench = Bench()
        bench.run(600, others: 0, own: 1, fault: Self.full, time: 400_000, loss: 0.2)
        #expect(bench.changes.isEmpty)
    }

    @Test("what it sends is its own, also while it isn't acknowledged: a queue fills up") func fillsAQueue() {
        var bench = Bench()
        bench.run(10, others: 0.05, own: 0.4, sent: 0.95, fault: Self.queue)
        #expect(bench.changes.isEmpty)
    }

    @Test("figures that fall behind for less than half a second turn nothing on", arguments: [(0.4, 0), (0.6, 1)])
    func losesSegments(row: (time: Double, changes: Int)) {
        var bench = Bench()
        bench.run(5, others: 0, own: 0.95, sent: 0.95, fault: Self.full)
        bench.run(row.time, others: 0.6, own: 0.3, sent: 0.35, fault: Self.full)
        bench.run(5, others: 0, own: 0.95, sent: 0.95, fault: Self.full)
        #expect(bench.changes.filter(\.isOn).count == row.changes)
    }

    @Test(
        "where no capacity is known others' share of what is carried counts", arguments: [(0.04, false), (0.2, true)])
    func knowsNoCapacity(row: (others: Double, isOn: Bool)) {
        var bench = Bench()
        bench.run(1, others: row.others, own: 0.4, fault: Self.queue, capacity: nil)
        #expect(bench.gate.isOn == row.isOn)
    }

    @Test("a capacity of 0 is none, and is told without a crash") func hasNoCapacity() {
        var bench = Bench()
        bench.run(1, others: 0.5, own: 0.1, fault: Self.queue, capacity: 0)
        #expect(bench.gate.isOn)
        #expect(bench.gate.reason == "RTT 80 ms, 20 ms when empty; others carry 83.3 %")
    }

    @Test(
        "a limit of its own counts like congestion, after a third of a second",
        arguments: [(140_000.0, 0.0, false), (160_000, 0, true), (20_000, 0.01, false), (20_000, 0.03, true)])
    func hasLimits(row: (time: Double, loss: Double, isOn: Bool)) {
        var bench = Bench(limits: PathLimits(roundTripTime: 150_000, loss: 0.02))
        bench.run(0.6, others: 0.5, own: 0.1)
        bench.run(0.3, others: 0.5, own: 0.1, time: row.time, loss: row.loss)
        #expect(!bench.gate.isOn)
        bench.run(0.1, others: 0.5, own: 0.1, time: row.time, loss: row.loss)
        #expect(bench.gate.isOn == row.isOn)
    }

    @Test("a limit passed without others' traffic turns nothing on") func limitsNeedOthers() {
        var bench = Bench(limits: PathLimits(roundTripTime: 150_000))
        bench.run(60, others: 0.05, own: 0.9, time: 300_000)
        #expect(bench.changes.isEmpty)
    }

    @Test("a round trip or loss from before a pause turns nothing on", arguments: [(300_000.0, 0.0), (20_000, 0.3)])
    func forgets(row: (time: Double, loss: Double)) {
        var bench = Bench(limits: PathLimits(roundTripTime: 150_000, loss: 0.02))
        bench.run(2, others: 0.05, own: 0.5, time: row.time, loss: row.loss)
        bench.run(60, others: 0.05, time: nil)
        bench.run(60, others: 0.5, time: nil)
        #expect(bench.changes.isEmpty)
    }

    // MARK: off

    @Test(
        "others that stay don't turn it off, though the path is no longer congested", arguments: [0.2, 0.25, 0.3, 0.9])
    func stays(others: Double) {
        var bench = Bench()
        bench.run(0.6, others: 0.6, own: 0.4, fault: Self.full)
        bench.run(600, others: others, own: 0.05)
        #expect(bench.gate.isOn)
        #expect(bench.changes.count == 1)
    }

    @Test("others that go turn it off once they have been away for a second and a half", arguments: [0.0, 0.1, 0.19])
    func goesOff(others: Double) {
        var bench = Bench()
        bench.run(10, others: 0.6, own: 0.4, fault: Self.full)
        bench.run(1.5, others: others, own: 0.9, fault: Self.full)
        #expect(bench.gate.isOn)
        bench.run(0.1, others: others, own: 0.9, fault: Self.full)
        #expect(!bench.gate.isOn)
        #expect(bench.gate.since == bench.now)
    }

    @Test("others that come back in between begin the time anew") func beginsAnew() {
        var bench = Bench()
        bench.run(10, others: 0.6, own: 0.4, fault: Self.full)
        for _ in 0..<20 {
            bench.run(1.4, others: 0.1)
            bench.run(0.1, others: 0.25)
        }
        #expect(bench.gate.isOn)
    }

    @Test("a change stands for the hold time", arguments: [2, 5, 20] as [UInt64]) func holds(seconds: UInt64) {
        var bench = Bench(limits: PathLimits(minHold: seconds * 1_000_000_000))
        bench.run(0.6, others: 0.6, own: 0.4, fault: Self.full)
        bench.run(Double(seconds) - 0.1, others: 0)
        #expect(bench.gate.isOn)
        bench.run(0.1, others: 0)
        #expect(!bench.gate.isOn)
        bench.run(Double(seconds) - 0.1, others: 0.6, own: 0.4, fault: Self.full)
        #expect(!bench.gate.isOn)
        bench.run(0.1, others: 0.6, own: 0.4, fault: Self.full)
        #expect(bench.gate.isOn)
        #expect(bench.changes.map(\.isOn) == [true, false, true])
    }

    @Test("one that was of no use waits twice as long each time, five minutes at most") func backsOff() {
        var bench = Bench(limits: PathLimits(minHold: 5_000_000_000))
        for _ in 0..<20_000 {
            let isOn = bench.gate.isOn
            bench.run(0.1, others: 0.15, own: isOn ? 0.02 : 0.85, fault: isOn ? nil : Self.full)
        }
        let waits = zip(bench.changes, bench.changes.dropFirst()).filter { !$0.0.isOn }
            .map { ($0.1.time - $0.0.time) / 1_000_000_000 }
        #expect(waits.prefix(8) == [5, 10, 20, 40, 80, 160, 300, 300])
    }

    @Test("one that was of use for long begins anew with the hold time") func forgetsFailures() {
        var bench = Bench(limits: PathLimits(minHold: 5_000_000_000))
        for _ in 0..<3000 {
            let isOn = bench.gate.isOn
            bench.run(0.1, others: 0.15, own: isOn ? 0.02 : 0.85, fault: isOn ? nil : Self.full)
        }
        bench.run(400, others: 0.8, own: 0.2, fault: Self.full)
        #expect(bench.gate.isOn)
        bench.run(2, others: 0)
        #expect(!bench.gate.isOn)
        bench.run(5, others: 0.5, own: 0.5, fault: Self.full)
        #expect(bench.gate.isOn)
    }

    @Test("without a hold time the calm time still counts") func hasNoHold() {
        var bench = Bench(limits: PathLimits(minHold: 0))
        bench.run(0.6, others: 0.6, own: 0.4, fault: Self.full)
        bench.run(1.5, others: 0)
        #expect(bench.gate.isOn)
        bench.run(0.1, others: 0)
        #expect(!bench.gate.isOn)
    }

    @Test("a path that goes down turns it off, since nobody carries anything") func endsWithPath() {
        var bench = Bench()
        bench.run(10, others: 0.6, own: 0.4, fault: Self.full)
        bench.run(2, others: 0, fault: .interfaceDown, time: nil)
        #expect(!bench.gate.isOn)
    }

    // MARK: reasons

    static let reasons: [(PathLimits, PathFault?, Double, String)] = [
        (PathLimits(), full, 20_000, "download 95 Mbit/s of 100 Mbit/s; others carry 50 %"),
        (PathLimits(), queue, 20_000, "RTT 80 ms, 20 ms when empty; others carry 50 %"),
        (PathLimits(), .retransmissions(0.062), 20_000, "6.2 % sent again; others carry 50 %"),
        (PathLimits(roundTripTime: 150_000), nil, 180_500, "RTT 180.5 ms > 150 ms; others carry 50 %"),
        (PathLimits(roundTripTime: 150_000), full, 180_000, "RTT 180 ms > 150 ms; others carry 50 %"),
    ]

    @Test("it tells what turned it on, and off", arguments: reasons)
    func isTold(row: (limits: PathLimits, fault: PathFault?, time: Double, text: String)) {
        var bench = Bench(limits: row.limits)
        bench.run(1, others: 0.5, own: 0.45, fault: row.fault, time: row.time)
        #expect(bench.gate.reason == row.text)
        bench.run(10, others: 0.08, own: 0.8, fault: row.fault, time: row.time)
        #expect(bench.gate.reason == "others carry 8 %")
    }

    // MARK: simulation

    /// A link of 100 Mbit/s, held subflows that take what they get, up to 10 Mbit/s while the throttle is on, and
    /// others.
    struct Link {
        var monitor = PathMonitor(
            Path(
                name: "link", selector: .interface("eth0"),
                capacity: PathRates(download: 100_000_000, upload: 100_000_000)), at: 0)
        var gate: ThrottleGate
        private(set) var now: UInt64 = 0
        private(set) var times: [UInt64] = []
        private var reading = PathReading(subflows: 1)

        init(minHold: UInt64) { gate = ThrottleGate(ThrottleRule.Condition(limits: PathLimits(minHold: minHold))) }

        /// - Parameter part: of the capacity, that others get when held subflows want all.
        mutating func tick(wanted: Double, others: Double, part: Double = 0.5) {
            now += 100_000_000
            let own = min(wanted, gate.isOn ? 10e6 : 200e6)
            let theirs = min(others, max(100e6 * part, 100e6 - own))
            let mine = min(own, 100e6 - theirs)
            let isFull = own + others > 100e6
            reading.total.download &+= UInt64((mine + theirs) / 80)
            reading.own.download &+= UInt64(mine / 80)
            reading.sent = UInt64(mine / 80)
            reading.active = mine > 0 ? 1 : 0
            reading.roundTripTime = mine > 0 ? (isFull ? 110_000 : 10_000) : nil
            reading.shortestRoundTripTime = mine > 0 ? 10_000 : nil
            monitor.note(reading, at: now)
            if gate.decide(monitor.condition, at: now) { times.append(now) }
        }
    }

    struct Course: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var wanted = 200e6
        /// Bits per second that others want, in each tenth of a second.
        var others: @Sendable (Int) -> Double
        var part = 0.5
        var minHold: UInt64 = 5_000_000_000
        /// Changes in ten minutes.
        var changes: ClosedRange<Int>
    }

    static let courses = [
        Course(testDescription: "no others", others: { _ in 0 }, changes: 0...0),
        Course(testDescription: "hardly any others", others: { _ in 8e6 }, changes: 0...0),
        // It is tried, and less and less often.
        Course(testDescription: "few others", others: { _ in 15e6 }, changes: 10...16),
        Course(testDescription: "others above what turns it off", others: { _ in 28e6 }, changes: 1...1),
        Course(testDescription: "others that want half", others: { _ in 50e6 }, changes: 1...1),
        Course(testDescription: "others that want all", others: { _ in 300e6 }, changes: 1...1),
        Course(
            testDescription: "others that get an eighth of a full link", others: { _ in 300e6 }, part: 0.12,
            changes: 1...1),
        Course(
            testDescription: "others that want all, without a hold time", others: { _ in 300e6 }, minHold: 0,
            changes: 1...1),
        Course(testDescription: "others with room for both", wanted: 20e6, others: { _ in 60e6 }, changes: 0...0),
        Course(testDescription: "others alone", wanted: 0, others: { _ in 300e6 }, changes: 1...1),
        Course(
            testDescription: "others that come and go each minute", others: { $0 / 600 % 2 == 0 ? 0 : 80e6 },
            changes: 9...10),
        Course(
            testDescription: "others that come and go each second", others: { $0 / 10 % 2 == 0 ? 0 : 80e6 },
            changes: 1...1),
        Course(
            testDescription: "others that come and go each three seconds", others: { $0 / 30 % 2 == 0 ? 0 : 80e6 },
            changes: 1...120),
        Course(
            testDescription: "others that swing between the thresholds", others: { $0 / 20 % 2 == 0 ? 22e6 : 28e6 },
            changes: 1...1),
    ]

    @Test("it doesn't come and go for what it does itself", arguments: courses) func isSteady(course: Course) {
        var link = Link(minHold: course.minHold)
        for step in 0..<6000 { link.tick(wanted: course.wanted, others: course.others(step), part: course.part) }
        #expect(course.changes.contains(link.times.count))
        #expect(zip(link.times, link.times.dropFirst()).allSatisfy { $1 - $0 >= course.minHold })
    }

    @Test("others that want anything at random make one change in a hold time at most", arguments: 1...8)
    func isBounded(seed: UInt64) {
        var link = Link(minHold: 5_000_000_000)
        var random = SplitMix(seed: seed)
        var others = 0.0
        for step in 0..<6000 {
            if step % 15 == 0 { others = Double.random(in: 0...120e6, using: &random) }
            link.tick(wanted: 200e6, others: others)
        }
        #expect(zip(link.times, link.times.dropFirst()).allSatisfy { $1 - $0 >= 5_000_000_000 })
    }

    @Test("others have what they want within a second of the throttle's coming on") func helps() {
        var link = Link(minHold: 5_000_000_000)
        for _ in 0..<20 { link.tick(wanted: 200e6, others: 80e6) }
        #expect(link.gate.isOn)
        #expect(link.monitor.figures.own.download < 40e6)
        for _ in 0..<10 { link.tick(wanted: 200e6, others: 80e6) }
        #expect(link.monitor.figures.own.download < 11e6)
    }
}
