import Steering
import Testing
import Wire

@Suite("what is known of a path") struct PathMonitorTests {
    static let second: UInt64 = 1_000_000_000

    /// A path of 100 Mbit/s each way unless told otherwise, and what is read of it each tenth of a second.
    struct Feed {
        static let step: UInt64 = 100_000_000
        static let begin: UInt64 = 50_000_000_000

        var monitor: PathMonitor
        var reading = PathReading()
        var isCapUsed = false
        private(set) var now = begin

        init(capacity: UInt64? = 100_000_000, upload: UInt64? = 100_000_000, cap: VolumeCap? = nil) {
            monitor = PathMonitor(
                Path(
                    name: "link", selector: .interface("eth0"),
                    capacity: PathRates(download: capacity, upload: upload), cap: cap), at: Self.begin)
            monitor.note(reading, at: now)
        }

        var figures: PathFigures { monitor.figures }

        /// - Parameter rate: bits per second of all; `own` of the box's.
        mutating func run(
            _ seconds: Double, rate: Double = 0, own: Double? = nil, upload: Double = 0, sent: UInt64 = 0,
            retransmitted: UInt64 = 0
        ) {
            for _ in 0..<Int((seconds * 10).rounded()) {
                now += Self.step
                reading.total.download &+= UInt64(rate / 80)
                reading.total.upload &+= UInt64(upload / 80)
                reading.own.download &+= UInt64((own ?? rate) / 80)
                reading.sent = sent
                reading.retransmitted = retransmitted
                monitor.note(reading, isCapUsed: isCapUsed, at: now)
            }
        }

        /// Runs until the state is this one; infinity if it isn't within ten seconds.
        mutating func time(
            until state: PathState, rate: Double = 0, sent: UInt64 = 0, retransmitted: UInt64 = 0
        ) -> Double {
            for step in 0...100 {
                if monitor.state == state { return Double(step) / 10 }
                run(0.1, rate: rate, sent: sent, retransmitted: retransmitted)
            }
            return .infinity
        }
    }

    // MARK: rates

    @Test("a rate is that of the counters", arguments: [0.0, 1e6, 40e6, 1e9, 100e9]) func followsCounters(rate: Double)
    {
        var feed = Feed()
        feed.run(3, rate: rate, own: rate / 2, upload: rate / 4)
        #expect(abs(feed.figures.total.download - rate) <= rate / 1000)
        #expect(abs(feed.figures.own.download - rate / 2) <= rate / 1000)
        #expect(abs(feed.figures.total.upload - rate / 4) <= rate / 1000)
        #expect(feed.figures.own.upload == 0)
    }

    @Test("a rate has risen by more than nine tenths after 0.7 s, and fallen likewise") func averages() {
        var feed = Feed()
        feed.run(0.1, rate: 80e6)
        #expect((20e6...30e6).contains(feed.figures.total.download))
        feed.run(0.6, rate: 80e6)
        #expect((72e6...80e6).contains(feed.figures.total.download))
        feed.run(0.7, rate: 0)
        #expect(feed.figures.total.download < 8e6)
    }

    @Test("a single burst of a tenth of a second makes no state") func ignoresBursts() {
        var feed = Feed()
        feed.run(0.1, rate: 300e6)
        feed.run(1, rate: 0)
        #expect(feed.monitor.state == .fit)
        #expect(feed.monitor.since == Feed.begin)
    }

    @Test("a counter that begins anew, or passes its end, makes no jump", arguments: [0, 12_345, UInt64.max - 100_000])
    func beginsAnew(start: UInt64) {
        var feed = Feed()
        feed.run(2, rate: 40e6)
        feed.reading.total.download = start
        feed.reading.own.download = start
        for _ in 0..<10 {
            feed.run(0.1, rate: 40e6)
            #expect(feed.figures.total.download < 41e6)
        }
        #expect(feed.figures.total.download > 38e6)
    }

    @Test("a counter that wraps goes on") func wraps() {
        var feed = Feed()
        feed.reading.total.download = .max - 1_000_000
        feed.run(0.1)
        feed.run(2, rate: 40e6)
        #expect((39e6...41e6).contains(feed.figures.total.download))
    }

    @Test(
        "what an interface had counted before it went away is no traffic when it is back",
        arguments: [nil, 100_000_000])
    func returns(capacity: UInt64?) {
        var feed = Feed(capacity: capacity)
        feed.reading.total.download = 50_000_000_000
        feed.monitor.note(feed.reading, at: feed.now)
        feed.run(1, rate: 10e6)
        let counted = feed.reading.total
        (feed.reading.isUp, feed.reading.total) = (false, PathRates(download: 0, upload: 0))
        feed.run(1)
        (feed.reading.isUp, feed.reading.total) = (true, counted)
        feed.run(0.1)
        #expect(feed.figures.total.download < 1e6)
        feed.run(2, rate: 10e6)
        #expect((9e6...11e6).contains(feed.figures.total.download))
        #expect(feed.monitor.state == .fit)
    }

    @Test("two readings of one moment are no rate") func hasNoTime() {
        var feed = Feed()
        feed.reading.total.download = 1_000_000
        feed.monitor.note(feed.reading, at: feed.now)
        #expect(feed.figures.total.download == 0)
    }

    @Test("what isn't the box's is others'", arguments: [(100e6, 0.2, 0.8), (100e6, 1.0, 0), (50e6, 0.5, 0.25)])
    func tellsOthers(row: (rate: Double, own: Double, others: Double)) {
        var feed = Feed()
        feed.run(3, rate: row.rate, own: row.rate * row.own)
        #expect(abs(feed.figures.othersShare - row.others) < 0.01)
    }

    @Test("the use is that of the fuller direction") func findsFuller() {
        var feed = Feed(capacity: 100_000_000, upload: 10_000_000)
        feed.run(3, rate: 50e6, upload: 8e6)
        #expect(feed.figures.use?.direction == .upload)
        #expect((0.79...0.81).contains(feed.figures.use?.share ?? 0))
    }

    // MARK: round trips

    @Test("the first round trip counts at once, each further one by half") func smooths() {
        var feed = Feed()
        let expected = [20_000.0, 60_000, 80_000, 90_000, 95_000]
        for (time, smoothed) in zip([20_000.0, 100_000, 100_000, 100_000, 100_000], expected) {
            feed.reading.roundTripTime = time
            feed.run(0.1)
            #expect(feed.figures.roundTripTime == smoothed)
        }
    }

    @Test(
        "a round trip is believed for two seconds when nothing is sent",
        arguments: [(1.9, true), (2.0, false), (9, false)])
    func forgets(row: (pause: Double, isKnown: Bool)) {
        var feed = Feed()
        feed.reading.roundTripTime = 20_000
        feed.run(0.1)
        feed.reading.roundTripTime = nil
        feed.run(row.pause)
        #expect((feed.figures.roundTripTime != nil) == row.isKnown)
        // What comes after a pause isn't mixed with what was before.
        feed.reading.roundTripTime = 100_000
        feed.run(0.1)
        #expect(feed.figures.roundTripTime == (row.pause < 1.9 ? 60_000 : 100_000))
    }

    @Test("the shortest round trip is that of those that are active, and goes with theirs") func followsClients() {
        var feed = Feed()
        (feed.reading.roundTripTime, feed.reading.shortestRoundTripTime) = (1000, 500)
        feed.run(1)
        #expect(feed.figures.shortestRoundTripTime == 500)
        // Another client, farther away: no queue.
        (feed.reading.roundTripTime, feed.reading.shortestRoundTripTime) = (32_000, 30_000)
        feed.run(10)
        #expect(feed.monitor.state == .fit)
        #expect(abs((feed.figures.shortestRoundTripTime ?? 0) - 30_000) < 100)
        (feed.reading.roundTripTime, feed.reading.shortestRoundTripTime) = (nil, nil)
        feed.run(2)
        #expect(feed.figures.shortestRoundTripTime == nil)
    }

    @Test("a capacity that was learned is forgotten after ten minutes at most") func forgetsCapacity() {
        var feed = Feed(capacity: nil, upload: nil)
        (feed.reading.roundTripTime, feed.reading.shortestRoundTripTime) = (110_000, 10_000)
        feed.run(5, rate: 50e6)
        #expect((feed.figures.capacity.download ?? 0) > 45e6)
        feed.reading.roundTripTime = 10_000
        feed.run(290, rate: 5e6)
        #expect((feed.figures.capacity.download ?? 0) > 45e6)
        feed.run(320, rate: 5e6)
        #expect((feed.figures.capacity.download ?? 0) < 10e6)
    }

    @Test("subflows that wait make no path silent by which something comes in", arguments: [(0.0, true), (1e6, false)])
    func isHeard(row: (upload: Double, isDown: Bool)) {
        var feed = Feed()
        feed.run(1, upload: row.upload)
        feed.reading.stalled = 1
        feed.run(2, upload: row.upload)
        #expect((feed.monitor.state == .down) == row.isDown)
    }

    // MARK: loss

    @Test(
        "loss is the share that is sent again; of few bytes none is told",
        arguments: [
            (100_000, 0, 0.0), (100_000, 10_000, 0.1), (100_000, 100_000, 1), (2000, 1000, 0), (4000, 1000, 0.25),
            (0, 0, 0),
        ]) func measuresLoss(row: (sent: UInt64, retransmitted: UInt64, loss: Double))
    {
        var feed = Feed()
        feed.run(6, sent: row.sent, retransmitted: row.retransmitted)
        #expect(abs(feed.figures.loss - row.loss) < 0.001)
    }

    @Test("loss is forgotten when nothing is sent") func forgetsLoss() {
        var feed = Feed()
        feed.run(3, sent: 100_000, retransmitted: 50_000)
        #expect(feed.figures.loss > 0.4)
        feed.run(10)
        #expect(feed.figures.loss == 0)
    }

    // MARK: capacity

    @Test("a capacity that is given stands, whatever is carried") func keepsCapacity() {
        var feed = Feed(capacity: 50_000_000, upload: nil)
        feed.reading.roundTripTime = 300_000
        feed.reading.shortestRoundTripTime = 10_000
        feed.run(3, rate: 80e6)
        #expect(feed.figures.capacity == PathRates(download: 50e6, upload: nil))
    }

    @Test("without a queue no capacity is learned") func learnsNothing() {
        var feed = Feed(capacity: nil, upload: nil)
        feed.reading.roundTripTime = 20_000
        feed.reading.shortestRoundTripTime = 10_000
        feed.run(5, rate: 80e6)
        #expect(feed.figures.capacity == PathRates(download: nil, upload: nil))
        #expect(feed.figures.use == nil)
        #expect(feed.monitor.state == .fit)
    }

    @Test("what is carried while packets wait is the capacity, and what is more later") func learns() {
        var feed = Feed(capacity: nil, upload: nil)
        feed.reading.shortestRoundTripTime = 10_000
        feed.reading.roundTripTime = 100_000
        feed.run(3, rate: 80e6)
        #expect((79e6...81e6).contains(feed.figures.capacity.download ?? 0))
        feed.run(3, rate: 20e6)
        #expect((79e6...81e6).contains(feed.figures.capacity.download ?? 0))
        feed.reading.roundTripTime = 10_000
        feed.run(3, rate: 95e6)
        #expect((94e6...96e6).contains(feed.figures.capacity.download ?? 0))
        #expect(feed.figures.capacity.upload == nil)
    }

    @Test("a queue of a moment teaches no capacity: averages haven't followed yet") func isPatient() {
        var feed = Feed(capacity: nil)
        feed.reading.shortestRoundTripTime = 10_000
        feed.reading.roundTripTime = 100_000
        feed.run(0.1, rate: 80e6)
        feed.reading.roundTripTime = 10_000
        feed.run(3, rate: 30e6)
        #expect(feed.figures.capacity.download == nil)
        #expect(feed.monitor.state == .fit)
    }

    @Test("a queue on a path that carries nothing yet teaches no capacity of 0") func learnsNoZero() {
        var monitor = PathMonitor(Path(name: "link", selector: .interface("eth0")), at: 0)
        let reading = PathReading(active: 1, roundTripTime: 300_000, shortestRoundTripTime: 10_000)
        for step in 0..<20 {
            monitor.note(reading, at: UInt64(step) * 100_000_000)
            #expect(monitor.figures.capacity.download == nil)
            #expect(monitor.figures.use == nil)
            #expect(monitor.figures.othersShare == 0)
        }
    }

    @Test("a capacity of 0 is none") func hasNoZero() {
        var feed = Feed(capacity: 0, upload: 0)
        feed.run(3, rate: 10e6, own: 0)
        #expect(feed.figures.use == nil)
        #expect(feed.monitor.state == .fit)
        #expect(feed.figures.othersShare == 1)
    }

    // MARK: states

    enum Evidence {
        case use, queue, loss

        /// Makes the feed show it, and says what is carried.
        func apply(to feed: inout Feed) -> (rate: Double, sent: UInt64, retransmitted: UInt64) {
            switch self {
            case .use: return (130e6, 0, 0)
            case .queue:
                (feed.reading.roundTripTime, feed.reading.shortestRoundTripTime) = (90_000, 20_000)
                return (50e6, 0, 0)
            case .loss: return (50e6, 100_000, 9000)
            }
        }
    }

    @Test(
        "what speaks for congestion makes it within 0.8 s, and not before 0.2",
        arguments: [Evidence.use, .queue, .loss])
    func congests(evidence: Evidence) {
        var feed = Feed()
        let (rate, sent, again) = evidence.apply(to: &feed)
        let time = feed.time(until: .congested, rate: rate, sent: sent, retransmitted: again)
        #expect((0.2...0.8).contains(time))
        #expect(feed.monitor.since == feed.now)
        #expect(feed.monitor.fault?.state == .congested)
    }

    @Test("a full upload is congestion, too") func congestsUpload() {
        var feed = Feed()
        feed.run(1.2, upload: 99e6)
        #expect(feed.monitor.state == .congested)
        #expect("\(feed.monitor.fault!)".hasPrefix("upload 9"))
    }

    @Test("congestion ends when it has been calm for a second", arguments: [Evidence.use, .queue]) func calms(
        evidence: Evidence
    ) {
        var feed = Feed()
        let (rate, sent, again) = evidence.apply(to: &feed)
        feed.run(3, rate: rate, sent: sent, retransmitted: again)
        #expect(feed.monitor.state == .congested)
        feed.reading.roundTripTime = feed.reading.shortestRoundTripTime
        let time = feed.time(until: .fit, rate: 20e6)
        #expect((1...1.7).contains(time))
        #expect(feed.monitor.fault == nil)
    }

    @Test("loss ends when half of the threshold has been passed for a second") func calmsLoss() {
        var feed = Feed()
        feed.run(5, sent: 100_000, retransmitted: 10_000)
        #expect(feed.monitor.state == .congested)
        let time = feed.time(until: .fit, sent: 100_000, retransmitted: 0)
        #expect((2...5).contains(time))
    }

    @Test("between the thresholds nothing changes", arguments: [0.76, 0.8, 0.89]) func holds(use: Double) {
        var feed = Feed()
        feed.run(5, rate: use * 100e6)
        #expect(feed.monitor.state == .fit)
        feed.run(2, rate: 100e6)
        #expect(feed.monitor.state == .congested)
        let since = feed.monitor.since
        feed.run(20, rate: use * 100e6)
        #expect(feed.monitor.state == .congested)
        #expect(feed.monitor.since == since)
        // The reason is the last one above the upper threshold.
        #expect("\(feed.monitor.fault!)".hasPrefix("download 9"))
        feed.run(3, rate: 70e6)
        #expect(feed.monitor.state == .fit)
    }

    @Test("a rate that swings about the upper threshold makes one change of state") func isSteady() {
        var feed = Feed()
        var changes = 0
        var state = feed.monitor.state
        for step in 0..<600 {
            feed.run(0.1, rate: step / 7 % 2 == 0 ? 105e6 : 78e6)
            if feed.monitor.state != state { changes += 1 }
            state = feed.monitor.state
        }
        #expect(changes == 1)
    }

    @Test(
        "a queue is one when the round trip is twice the shortest and 20 ms more",
        arguments: [
            (1000, 20_000, false), (1000, 22_000, true), (20_000, 39_000, false), (20_000, 40_500, true),
            (100_000, 190_000, false), (100_000, 201_000, true), (0, 19_000, false), (0, 21_000, true),
        ]) func findsQueues(row: (shortest: Double, time: Double, isQueue: Bool))
    {
        var feed = Feed()
        (feed.reading.roundTripTime, feed.reading.shortestRoundTripTime) = (row.time, row.shortest)
        feed.run(1)
        #expect((feed.monitor.state == .congested) == row.isQueue)
    }

    @Test("an interface that is down makes the path so at once, and one that is up takes it back at once")
    func followsInterface() {
        var feed = Feed()
        feed.reading.isUp = false
        feed.run(0.1)
        #expect(feed.monitor.state == .down)
        #expect(feed.monitor.fault == .interfaceDown)
        #expect(feed.monitor.since == feed.now)
        feed.reading.isUp = true
        feed.run(0.1)
        #expect(feed.monitor.state == .fit)
        #expect(feed.monitor.fault == nil)
    }

    @Test("subflows that wait while none is answered are silence after a quarter of a second") func fallsSilent() {
        var feed = Feed()
        (feed.reading.subflows, feed.reading.stalled) = (3, 2)
        let time = feed.time(until: .down)
        #expect((0.3...0.4).contains(time))
        #expect(feed.monitor.fault == .silent(subflows: 2))
        #expect(feed.figures.silent == 2)
    }

    @Test("a single subflow that is answered is enough for it to work", arguments: [1, 5]) func isHeard(active: Int) {
        var feed = Feed()
        (feed.reading.stalled, feed.reading.active) = (9, active)
        feed.run(5)
        #expect(feed.monitor.state == .fit)
        feed.reading.active = 0
        feed.run(1)
        #expect(feed.monitor.state == .down)
        feed.reading.active = active
        feed.run(0.1)
        #expect(feed.monitor.state == .fit)
        #expect(feed.figures.silent == 0)
    }

    @Test("silence stands while subflows wait") func staysSilent() {
        var feed = Feed()
        (feed.reading.subflows, feed.reading.stalled) = (1, 1)
        feed.run(600)
        #expect(feed.monitor.state == .down)
    }

    @Test("silence ends five seconds after the last subflow that waited is gone: else it would stand for ever")
    func endsSilence() {
        var feed = Feed()
        (feed.reading.subflows, feed.reading.stalled) = (1, 1)
        feed.run(2)
        (feed.reading.subflows, feed.reading.stalled) = (0, 0)
        let time = feed.time(until: .fit)
        #expect((5...5.2).contains(time))
    }

    @Test("a volume that is used up makes a path unfit at once, if it has a cap", arguments: [true, false])
    func usesCap(hasCap: Bool) {
        let cap = VolumeCap(bytes: 1000, period: .week)
        var feed = Feed(cap: hasCap ? cap : nil)
        feed.isCapUsed = true
        feed.run(0.1)
        #expect(feed.monitor.state == (hasCap ? .unfit : .fit))
        #expect(feed.monitor.fault == (hasCap ? .capUsed(cap) : nil))
        feed.isCapUsed = false
        feed.run(0.1)
        #expect(feed.monitor.state == .fit)
    }

    @Test("of several faults the worst counts") func ordersFaults() {
        let cap = VolumeCap(bytes: 1000, period: .day)
        var feed = Feed(cap: cap)
        feed.run(2, rate: 100e6)
        #expect(feed.monitor.state == .congested)
        feed.isCapUsed = true
        feed.run(0.1, rate: 100e6)
        #expect(feed.monitor.fault == .capUsed(cap))
        feed.reading.stalled = 1
        feed.run(0.5, rate: 100e6)
        #expect(feed.monitor.fault == .silent(subflows: 1))
        feed.reading.isUp = false
        feed.run(0.1, rate: 100e6)
        #expect(feed.monitor.fault == .interfaceDown)
        #expect(feed.monitor.condition.state == .down)
    }

    @Test("a note tells whether the state has changed") func tellsChanges() {
        var monitor = PathMonitor(Path(name: "link", selector: .interface("eth0")), at: 0)
        var told: [Bool] = []
        for (step, isUp) in [true, false, false, true, true].enumerated() {
            told.append(monitor.note(PathReading(isUp: isUp), at: UInt64(step) * Self.second))
        }
        #expect(told == [false, true, false, true, false])
    }

    @Test("after an hour without a reading it goes on") func survivesPause() {
        var feed = Feed()
        feed.run(2, rate: 90e6, sent: 100_000)
        feed.reading.total.download += 45_000_000_000
        feed.monitor.note(feed.reading, at: feed.now + 3600 * Self.second)
        #expect((99e6...101e6).contains(feed.figures.total.download))
    }

    // MARK: reasons

    static let reasons: [(PathFault, String)] = [
        (.interfaceDown, "its interface is down"),
        (.silent(subflows: 1), "nothing is acknowledged on 1 subflow"),
        (.silent(subflows: 3), "nothing is acknowledged on 3 subflows"),
        (.capUsed(VolumeCap(bytes: 1, period: .day)), "its volume for this day is used up"),
        (.capUsed(VolumeCap(bytes: 1, period: .week)), "its volume for this week is used up"),
        (.capUsed(VolumeCap(bytes: 1, period: .month)), "its volume for this month is used up"),
        (.roundTripTime(212_340, limit: 150_000), "RTT 212.3 ms > 150 ms"),
        (.roundTripTime(950, limit: 500), "RTT 1 ms > 0.5 ms"),
        (.loss(0.0312, limit: 0.02), "loss 3.1 % > 2 %"),
        (.use(91_200_000, of: 100_000_000, direction: .download), "download 91.2 Mbit/s of 100 Mbit/s"),
        (.use(9_960_000, of: 10_500_000, direction: .upload), "upload 10 Mbit/s of 10.5 Mbit/s"),
        (.queue(80_000, shortest: 12_500), "RTT 80 ms, 12.5 ms when empty"),
        (.retransmissions(0.061), "6.1 % sent again"),
        (.retransmissions(.infinity), "inf % sent again"),
        (.use(.nan, of: 1e300, direction: .upload), "upload nan Mbit/s of 1e+294 Mbit/s"),
    ]

    @Test("a fault is told in words, with its figures", arguments: reasons) func isTold(
        row: (fault: PathFault, text: String)
    ) {
        #expect("\(row.fault)" == row.text)
    }

    static let faultStates: [(PathFault, PathState)] = [
        (.interfaceDown, .down), (.silent(subflows: 1), .down),
        (.capUsed(VolumeCap(bytes: 1, period: .day)), .unfit), (.roundTripTime(2, limit: 1), .unfit),
        (.loss(0.2, limit: 0.1), .unfit), (.use(1, of: 1, direction: .upload), .congested),
        (.queue(2, shortest: 1), .congested), (.retransmissions(0.1), .congested),
    ]

    @Test("a fault makes its state", arguments: faultStates) func makesState(row: (fault: PathFault, state: PathState))
    {
        #expect(row.fault.state == row.state)
    }
}
