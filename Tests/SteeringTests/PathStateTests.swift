import Steering
import Testing

@Suite("the states of a path") struct PathStateTests {
    static let second: UInt64 = 1_000_000_000

    enum Evidence {
        case use, queue, loss

        /// Makes the feed show it, and says what is carried.
        func apply(to feed: inout PathFeed) -> (rate: Double, sent: UInt64, retransmitted: UInt64) {
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
        var feed = PathFeed()
        let (rate, sent, again) = evidence.apply(to: &feed)
        let time = feed.time(until: .congested, rate: rate, sent: sent, retransmitted: again)
        #expect((0.2...0.8).contains(time))
        #expect(feed.monitor.since == feed.now)
        #expect(feed.monitor.fault?.state == .congested)
    }

    @Test("a full upload is congestion, too") func congestsUpload() {
        var feed = PathFeed()
        feed.run(1.2, upload: 99e6)
        #expect(feed.monitor.state == .congested)
        #expect("\(feed.monitor.fault!)".hasPrefix("upload 9"))
    }

    @Test("congestion ends when it has been calm for a second", arguments: [Evidence.use, .queue]) func calms(
        evidence: Evidence
    ) {
        var feed = PathFeed()
        let (rate, sent, again) = evidence.apply(to: &feed)
        feed.run(3, rate: rate, sent: sent, retransmitted: again)
        #expect(feed.monitor.state == .congested)
        feed.reading.roundTripTime = feed.reading.shortestRoundTripTime
        let time = feed.time(until: .fit, rate: 20e6)
        #expect((1...1.7).contains(time))
        #expect(feed.monitor.fault == nil)
    }

    @Test("loss ends when half of the threshold has been passed for a second") func calmsLoss() {
        var feed = PathFeed()
        feed.run(5, sent: 100_000, retransmitted: 10_000)
        #expect(feed.monitor.state == .congested)
        let time = feed.time(until: .fit, sent: 100_000, retransmitted: 0)
        #expect((2...5).contains(time))
    }

    @Test("between the thresholds nothing changes", arguments: [0.76, 0.8, 0.89]) func holds(use: Double) {
        var feed = PathFeed()
        feed.run(5, rate: use * 100e6)
        #expect(feed.monitor.state == .fit)
        feed.run(2, rate: 100e6)
        #expect(feed.monitor.state == .congested)
        let since = feed.monitor.since
        feed.run(20, rate: use * 100e6)
        #expect(feed.monitor.state == .congested)
        #expect(feed.monitor.since == since)
        // The reason is the last one above the upper threshold.
        #expect("\(feed.monitor.fault!)".hasPrefix("download "))
        feed.run(3, rate: 70e6)
        #expect(feed.monitor.state == .fit)
    }

    @Test("a rate that swings about the upper threshold makes one change of state") func isSteady() {
        var feed = PathFeed()
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
        var feed = PathFeed()
        (feed.reading.roundTripTime, feed.reading.shortestRoundTripTime) = (row.time, row.shortest)
        feed.run(1)
        #expect((feed.monitor.state == .congested) == row.isQueue)
    }

    @Test("an interface that is down makes the path so at once, and one that is up takes it back at once")
    func followsInterface() {
        var feed = PathFeed()
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
        var feed = PathFeed()
        (feed.reading.subflows, feed.reading.stalled) = (3, 2)
        let time = feed.time(until: .down)
        #expect((0.3...0.4).contains(time))
        #expect(feed.monitor.fault == .silent(subflows: 2))
        #expect(feed.figures.silent == 2)
    }

    @Test("a single subflow that is answered is enough for it to work", arguments: [1, 5]) func isHeard(active: Int) {
        var feed = PathFeed()
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
        var feed = PathFeed()
        (feed.reading.subflows, feed.reading.stalled) = (1, 1)
        feed.run(600)
        #expect(feed.monitor.state == .down)
    }

    @Test("silence ends five seconds after the last subflow that waited is gone: else it would stand for ever")
    func endsSilence() {
        var feed = PathFeed()
        (feed.reading.subflows, feed.reading.stalled) = (1, 1)
        feed.run(2)
        (feed.reading.subflows, feed.reading.stalled) = (0, 0)
        let time = feed.time(until: .fit)
        #expect((5...5.2).contains(time))
    }

    @Test("a volume that is used up makes a path unfit at once, if it has a cap", arguments: [true, false])
    func usesCap(hasCap: Bool) {
        let cap = VolumeCap(bytes: 1000, period: .week)
        var feed = PathFeed(cap: hasCap ? cap : nil)
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
        var feed = PathFeed(cap: cap)
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
        var feed = PathFeed()
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
