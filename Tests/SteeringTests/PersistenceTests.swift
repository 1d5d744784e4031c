import Testing

@testable import Steering

@Suite("a condition that counts once it has held for a while") struct PersistenceTests {
    /// In milliseconds: over or under from this moment on, or neither.
    enum Level { case over, between, under }

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var levels: [(from: UInt64, Level)]
        /// When it has been raised and cleared in turn.
        var changes: [UInt64]

        init(_ name: String, _ levels: [(from: UInt64, Level)], changes: [UInt64]) {
            (testDescription, self.levels, self.changes) = (name, levels, changes)
        }
    }

    static let rows = [
        Row("never over", [(0, .under)], changes: []),
        Row("never over, only between", [(0, .between)], changes: []),
        Row("over for long", [(0, .over)], changes: [300]),
        Row("over later", [(500, .over)], changes: [800]),
        Row("over for too short a time", [(100, .over), (350, .under)], changes: []),
        Row("over for just long enough", [(100, .over), (450, .between)], changes: [400]),
        Row("a gap begins anew", [(0, .over), (200, .between), (250, .over)], changes: [550]),
        Row("a low moment begins anew", [(0, .over), (200, .under), (250, .over)], changes: [550]),
        Row("over and under", [(0, .over), (1000, .under)], changes: [300, 2000]),
        Row("between doesn't clear", [(0, .over), (1000, .between)], changes: [300]),
        Row("under for too short a time", [(0, .over), (1000, .under), (1900, .between)], changes: [300]),
        Row(
            "over again begins the clearing anew", [(0, .over), (1000, .under), (1500, .over), (1600, .under)],
            changes: [300, 2600]),
        Row("raised a second time", [(0, .over), (1000, .under), (2500, .over)], changes: [300, 2000, 2800]),
    ]

    @Test("it is raised after its time over, and cleared after its time under", arguments: rows) func changes(row: Row)
    {
        var condition = Persistence()
        var changes: [UInt64] = []
        for now in stride(from: UInt64(0), to: 4000, by: 50) {
            let level = row.levels.last { $0.from <= now }?.1 ?? .between
            let before = condition.isRaised
            condition.note(isOver: level == .over, isUnder: level == .under, at: now, raise: 300, clear: 1000)
            if condition.isRaised != before { changes.append(now) }
        }
        #expect(changes == row.changes)
    }

    @Test("without a delay it changes at once, one step in a note") func isImmediate() {
        var condition = Persistence()
        condition.note(isOver: true, isUnder: true, at: 7, raise: 0, clear: 0)
        #expect(condition.isRaised)
        condition.note(isOver: true, isUnder: true, at: 7, raise: 0, clear: 0)
        #expect(!condition.isRaised)
    }

    @Test("notes far apart count by their times") func hasGaps() {
        var condition = Persistence()
        for now in [0, 10_000_000_000] as [UInt64] {
            condition.note(isOver: true, isUnder: false, at: now, raise: 300_000_000, clear: 0)
        }
        #expect(condition.isRaised)
    }
}

@Suite("a path against a rule's limits") struct LimitWatchTests {
    static let limits = PathLimits(roundTripTime: 150_000, loss: 0.05)

    /// Notes each tenth of a second.
    static func run(
        _ watch: inout LimitWatch, _ now: inout UInt64, seconds: Double, time: Double?, loss: Double = 0
    ) -> PathFault? {
        var figures = PathFigures()
        (figures.roundTripTime, figures.loss) = (time, loss)
        var fault: PathFault?
        for _ in 0..<Int((seconds * 10).rounded()) {
            now += 100_000_000
            fault = watch.note(figures, limits, at: now)
        }
        return fault
    }

    @Test(
        "a limit counts when it has been passed for a third of a second",
        arguments: [
            (0.3, 200_000.0, 0.0, false), (0.4, 200_000, 0, true), (9, 150_000, 0.05, false), (0.4, 1, 0.06, true),
        ])
    func raises(row: (seconds: Double, time: Double, loss: Double, isRaised: Bool)) {
        var (watch, now) = (LimitWatch(), UInt64(0))
        let fault = Self.run(&watch, &now, seconds: row.seconds, time: row.time, loss: row.loss)
        #expect((fault != nil) == row.isRaised)
    }

    @Test(
        "what is held against a path stands until it is known to be better",
        arguments: [(nil, 0.0), (140_000, 0), (200_000, 0)] as [(Double?, Double)])
    func keepsDelay(row: (time: Double?, loss: Double)) {
        var (watch, now) = (LimitWatch(), UInt64(0))
        _ = Self.run(&watch, &now, seconds: 1, time: 200_000)
        #expect(Self.run(&watch, &now, seconds: 60, time: row.time) == .roundTripTime(200_000, limit: 150_000))
    }

    @Test("that nothing is lost where nothing is sent doesn't clear a path of loss") func keepsLoss() {
        var (watch, now) = (LimitWatch(), UInt64(0))
        _ = Self.run(&watch, &now, seconds: 1, time: 20_000, loss: 0.1)
        #expect(Self.run(&watch, &now, seconds: 60, time: nil, loss: 0) == .loss(0.1, limit: 0.05))
        #expect(Self.run(&watch, &now, seconds: 1.1, time: 20_000, loss: 0.01) == nil)
    }

    @Test("loss is watched, too, while the round trip is above its limit") func watchesBoth() {
        var (watch, now) = (LimitWatch(), UInt64(0))
        _ = Self.run(&watch, &now, seconds: 0.2, time: 200_000)
        _ = Self.run(&watch, &now, seconds: 0.1, time: 200_000, loss: 0.1)
        _ = Self.run(&watch, &now, seconds: 5, time: 200_000)
        _ = Self.run(&watch, &now, seconds: 1, time: 20_000)
        // A moment of loss long ago isn't the begin of this one.
        #expect(Self.run(&watch, &now, seconds: 0.1, time: 20_000, loss: 0.1) == nil)
    }

    @Test("a limit of 0 can be kept again") func clearsZero() {
        var watch = LimitWatch()
        var figures = PathFigures()
        figures.roundTripTime = 20_000
        var faults: [Bool] = []
        for step in 0..<40 {
            figures.loss = step < 10 ? 0.1 : 0
            faults.append(watch.note(figures, PathLimits(loss: 0), at: UInt64(step) * 100_000_000) != nil)
        }
        #expect(faults[9])
        #expect(!faults[39])
    }
}

@Suite("when idle paths are tried") struct ProbeScheduleTests {
    /// The moments at which a path's trial begins, in milliseconds.
    static func begins(_ idle: Set<String>, every interval: UInt64, step: UInt64) -> [String: [UInt64]] {
        var schedule = ProbeSchedule()
        var begins: [String: [UInt64]] = [:]
        var before: Set<String> = []
        for now in stride(from: UInt64(0), to: 30_000, by: Int(step)) {
            let probed = schedule.turn(of: idle, every: interval * 1_000_000, at: now * 1_000_000)
            for name in probed.subtracting(before) { begins[name, default: []].append(now) }
            before = probed
        }
        return begins
    }

    @Test("a path is tried in each interval", arguments: [50, 100, 250, 500, 1000, 2000] as [UInt64]) func tries(
        step: UInt64
    ) {
        let begins = Self.begins(["mobile"], every: 5000, step: step)["mobile"] ?? []
        #expect((3...5).contains(begins.count))
        #expect((5000...5000 + step).contains(begins.first ?? 0))
    }

    @Test("an interval of 0 leaves pauses") func pauses() {
        #expect((8...15).contains(Self.begins(["mobile"], every: 0, step: 100)["mobile"]?.count ?? 0))
    }

    @Test("the longest interval is never over") func neverTries() {
        #expect(Self.begins(["mobile"], every: .max / 1_000_000, step: 100).isEmpty)
    }

    @Test("of several paths one is tried at a time, and each has its turn") func takesTurns() {
        var schedule = ProbeSchedule()
        var counts: [String: Int] = [:]
        for step in 0..<600 {
            let probed = schedule.turn(of: ["a", "b", "c"], every: 2_000_000_000, at: UInt64(step) * 100_000_000)
            #expect(probed.count <= 1)
            for name in probed { counts[name, default: 0] += 1 }
        }
        #expect(counts.count == 3)
        #expect(counts.values.allSatisfy { (60...110).contains($0) })
    }

    @Test("a trial ends when the path is used") func ends() {
        var schedule = ProbeSchedule()
        _ = schedule.turn(of: ["a"], every: 2_000_000_000, at: 0)
        #expect(schedule.turn(of: ["a"], every: 2_000_000_000, at: 2_000_000_000) == ["a"])
        #expect(schedule.turn(of: [], every: 2_000_000_000, at: 2_100_000_000).isEmpty)
        #expect(schedule.turn(of: ["a"], every: 2_000_000_000, at: 2_200_000_000).isEmpty)
        #expect(schedule.turn(of: ["a"], every: 2_000_000_000, at: 4_200_000_000) == ["a"])
    }
}

@Suite("limits that keep weights") struct RateBalanceTests {
    @Test("limits are never above what no link carries", arguments: [0.0, 1e6, 1e12, 1e25]) func isBounded(rate: Double)
    {
        var balance = RateBalance()
        for step in 0..<10 {
            let rates = PathRates(download: rate, upload: rate)
            let limits = balance.limits(["a": 60, "b": 40], ["a": rates, "b": rates], at: UInt64(step) * 200_000_000)
            #expect(limits.values.allSatisfy { ($0.download ?? 0) <= PathRole.unlimited })
        }
    }

    @Test("a single path has no limit, and two have theirs in proportion") func isInProportion() {
        var balance = RateBalance()
        let rates = ["a": PathRates(download: 30e6, upload: 0), "b": PathRates(download: 10e6, upload: 0)]
        #expect(balance.limits(["a": 100], rates, at: 0).isEmpty)
        let limits = balance.limits(["a": 75, "b": 25], rates, at: 0)
        #expect(limits["a"]?.download == 30_900_000)
        #expect(limits["b"]?.download == 10_300_000)
        // Nothing to be weighed: what begins begins freely.
        #expect(limits["a"]?.upload == .some(nil))
    }

    @Test("limits grow fast when all are at theirs, and follow the sum when not") func grows() {
        var balance = RateBalance()
        let rates = { (first: Double, second: Double) in
            ["a": PathRates(download: first, upload: 0), "b": PathRates(download: second, upload: 0)]
        }
        _ = balance.limits(["a": 75, "b": 25], rates(30e6, 10e6), at: 0)
        #expect(balance.limits(["a": 75, "b": 25], rates(30e6, 10e6), at: 200_000_000)["a"]?.download == 48_000_000)
        #expect(balance.limits(["a": 75, "b": 25], rates(30e6, 2e6), at: 400_000_000)["a"]?.download == 24_720_000)
    }
}
