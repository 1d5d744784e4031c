import Testing

@testable import Handshake

/// What is known of a server, and what its next dial is to do.
@Suite struct ServerRecordTests {
    private static let limits = ServerRecord.Limits(timeout: 900 * ms, knowledge: 600 * s)
    private static let ms: UInt64 = 1_000_000
    private static let s: UInt64 = 1_000_000_000

    /// How long the server took for its last answers, and what that makes of the next dial; nil: it isn't dialled.
    struct Row: Sendable, CustomTestStringConvertible {
        let answers: [UInt64]
        let second: Int?
        let timeout: Int?

        var testDescription: String { "\(answers) ms" }
    }

    static let rows = [
        Row(answers: [], second: 250, timeout: 900),
        Row(answers: [1], second: 250, timeout: 900),
        Row(answers: [400], second: 250, timeout: 900),
        Row(answers: [600], second: 900, timeout: 1150),
        // Little more or less changes nothing.
        Row(answers: [600, 650], second: 900, timeout: 1150),
        Row(answers: [600, 550], second: 900, timeout: 1150),
        Row(answers: [600, 800], second: 1200, timeout: 1450),
        Row(answers: [1200], second: 1800, timeout: 2050),
        Row(answers: [2000], second: 3000, timeout: 2500),
        Row(answers: [2400], second: 3600, timeout: 2500),
        Row(answers: [2600], second: nil, timeout: nil),
        // A slow server that has become quick again.
        Row(answers: [1200, 20], second: 250, timeout: 900),
        Row(answers: [2600, 1000], second: 1500, timeout: 1750),
    ]

    @Test(arguments: rows)
    func whoAnswersLateIsWaitedForLonger(_ row: Row) {
        var record = ServerRecord()
        record.learn(.speaksTCP, at: 5 * Self.s, Self.limits)
        for answer in row.answers { record.answered(after: answer * Self.ms, Self.limits) }
        let advice = record.advice(at: 6 * Self.s, Self.limits)
        guard let second = row.second, let timeout = row.timeout else { return #expect(advice == .silent) }
        #expect(
            advice
                == .dial(
                    DialPlan(asks: false, secondAfter: .milliseconds(second), timeout: .milliseconds(timeout))))
    }

    /// With a short time allowed, the second SYN comes in the middle of it.
    @Test func aShortTimeIsHalved() {
        let limits = ServerRecord.Limits(timeout: 100 * Self.ms, knowledge: 600 * Self.s)
        #expect(
            ServerRecord().advice(at: 0, limits)
                == .dial(DialPlan(asks: true, secondAfter: .milliseconds(50), timeout: .milliseconds(100))))
    }

    @Test func whatItSpeaksIsAskedForAgainInTime() {
        var record = ServerRecord()
        func asks(_ now: UInt64) -> Bool? {
            if case .dial(let plan) = record.advice(at: now, Self.limits) { plan.asks } else { nil }
        }
        #expect(asks(0) == true)
        record.learn(.speaksTCP, at: 10 * Self.s, Self.limits)
        #expect(asks(11 * Self.s) == false)
        // Said again, it isn't younger.
        record.learn(.speaksTCP, at: 500 * Self.s, Self.limits)
        #expect(asks(609 * Self.s) == false)
        #expect(asks(610 * Self.s) == true)
        record.learn(.speaksMultipath, at: 620 * Self.s, Self.limits)
        #expect(record.advice(at: 621 * Self.s, Self.limits) == .speaksMultipath)
        #expect(asks(1220 * Self.s) == true)
        record.learn(.speaksMultipath, at: 1230 * Self.s, Self.limits)
        record.learn(.speaksTCP, at: 1231 * Self.s, Self.limits)
        #expect(asks(1232 * Self.s) == false)
    }

    /// That it is slow outlasts what it speaks, so that asking again doesn't cost its client the conversion.
    @Test func aSlowServerIsAskedPatiently() {
        var record = ServerRecord()
        record.learn(.speaksTCP, at: 0, Self.limits)
        record.answered(after: 1200 * Self.ms, Self.limits)
        #expect(
            record.advice(at: 700 * Self.s, Self.limits)
                == .dial(DialPlan(asks: true, secondAfter: .milliseconds(1800), timeout: .milliseconds(2050))))
    }

    /// Each silence lasts twice as long as the one before, up to a quarter of an hour.
    @Test func silenceIsAskedAboutEverMoreRarely() {
        var silence = Silence()
        var now = 1000 * Self.s
        for seconds in [60, 120, 240, 480, 900, 900] as [UInt64] {
            #expect(!silence.lasts(at: now))
            #expect(silence.again(at: now) == seconds * Self.s)
            #expect(silence.lasts(at: now + seconds * Self.s - 1))
            now += seconds * Self.s
        }
        #expect(!silence.lasts(at: now))
    }
}
