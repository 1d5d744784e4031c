import Steering
import Testing
import Wire

@Suite("what is known of a path") struct PathMonitorTests {
    // MARK: rates

    @Test("a rate is that of the counters", arguments: [0.0, 1e6, 40e6, 1e9, 100e9]) func followsCounters(rate: Double)
    {
        var feed = PathFeed()
        feed.run(3, rate: rate, own: rate / 2, upload: rate / 4)
        #expect(abs(feed.figures.total.download - rate) <= rate / 1000)
        #expect(abs(feed.figures.own.download - rate / 2) <= rate / 1000)
        #expect(abs(feed.figures.total.upload - rate / 4) <= rate / 1000)
        #expect(feed.figures.own.upload == 0)
    }

    @Test("a rate has risen by more than nine tenths after 0.7 s, and fallen likewise") func averages() {
        var feed = PathFeed()
        feed.run(0.1, rate: 80e6)
        #expect((20e6...30e6).contains(feed.figures.total.download))
        feed.run(0.6, rate: 80e6)
        #expect((72e6...80e6).contains(feed.figures.total.download))
        feed.run(0.7, rate: 0)
        #expect(feed.figures.total.download < 8e6)
    }

    @Test("a single burst of a tenth of a second makes no state") func ignoresBursts() {
        var feed = PathFeed()
        feed.run(0.1, rate: 300e6)
        feed.run(1, rate: 0)
        #expect(feed.monitor.state == .fit)
        #expect(feed.monitor.since == PathFeed.begin)
    }

    @Test("a counter that begins anew, or passes its end, makes no jump", arguments: [0, 12_345, UInt64.max - 100_000])
    func beginsAnew(start: UInt64) {
        var feed = PathFeed()
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
        var feed = PathFeed()
        feed.reading.total.download = .max - 1_000_000
        feed.run(0.1)
        feed.run(2, rate: 40e6)
        #expect((39e6...41e6).contains(feed.figures.total.download))
    }

    @Test(
        "what an interface had counted before it went away is no traffic when it is back",
        arguments: [nil, 100_000_000])
    func returns(capacity: UInt64?) {
        var feed = PathFeed(capacity: capacity)
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
        var feed = PathFeed()
        feed.reading.total.download = 1_000_000
        feed.monitor.note(feed.reading, at: feed.now)
        #expect(feed.figures.total.download == 0)
    }

    @Test("what isn't the box's is others'", arguments: [(100e6, 0.2, 0.8), (100e6, 1.0, 0), (50e6, 0.5, 0.25)])
    func tellsOthers(row: (rate: Double, own: Double, others: Double)) {
        var feed = PathFeed()
        feed.run(3, rate: row.rate, own: row.rate * row.own)
        #expect(abs(feed.figures.othersShare - row.others) < 0.01)
    }

    @Test("the use is that of the fuller direction") func findsFuller() {
        var feed = PathFeed(capacity: 100_000_000, upload: 10_000_000)
        feed.run(3, rate: 50e6, upload: 8e6)
        #expect(feed.figures.use?.direction == .upload)
        #expect((0.79...0.81).contains(feed.figures.use?.share ?? 0))
    }

    // MARK: round trips

    @Test("the first round trip counts at once, each further one by half") func smooths() {
        var feed = PathFeed()
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
        var feed = PathFeed()
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
        var feed = PathFeed()
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
        var feed = PathFeed(capacity: nil, upload: nil)
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
        var feed = PathFeed()
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
        var feed = PathFeed()
        feed.run(6, sent: row.sent, retransmitted: row.retransmitted)
        #expect(abs(feed.figures.loss - row.loss) < 0.001)
    }

    @Test("loss is forgotten when nothing is sent") func forgetsLoss() {
        var feed = PathFeed()
        feed.run(3, sent: 100_000, retransmitted: 50_000)
        #expect(feed.figures.loss > 0.4)
        feed.run(10)
        #expect(feed.figures.loss == 0)
    }

    // MARK: capacity

    @Test("a capacity that is given stands, whatever is carried") func keepsCapacity() {
        var feed = PathFeed(capacity: 50_000_000, upload: nil)
        feed.reading.roundTripTime = 300_000
        feed.reading.shortestRoundTripTime = 10_000
        feed.run(3, rate: 80e6)
        #expect(feed.figures.capacity == PathRates(download: 50e6, upload: nil))
    }

    @Test("without a queue no capacity is learned") func learnsNothing() {
        var feed = PathFeed(capacity: nil, upload: nil)
        feed.reading.roundTripTime = 20_000
        feed.reading.shortestRoundTripTime = 10_000
        feed.run(5, rate: 80e6)
        #expect(feed.figures.capacity == PathRates(download: nil, upload: nil))
        #expect(feed.figures.use == nil)
        #expect(feed.monitor.state == .fit)
    }

    @Test("what is carried while packets wait is the capacity, and what is more later") func learns() {
        var feed = PathFeed(capacity: nil, upload: nil)
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
        var feed = PathFeed(capacity: nil)
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
        var feed = PathFeed(capacity: 0, upload: 0)
        feed.run(3, rate: 10e6, own: 0)
        #expect(feed.figures.use == nil)
        #expect(feed.monitor.state == .fit)
        #expect(feed.figures.othersShare == 1)
    }
}
