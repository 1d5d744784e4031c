import Testing
import Wire

@testable import Cluster

/// What becomes of a question, by rows.
@Suite struct LookupTests {
    private static let setting = ClusterSetting(
        id: "box-1", redis: RedisAddress(server: Endpoint(address: IPAddress("192.0.2.9")!, port: 6379)),
        peers: ["box-2", "box-3"], boxLifetime: .seconds(1))
    private static let key = TokenKey(token: Token(7), server: IPAddress("192.0.2.1")!)
    private static let ms: UInt64 = 1_000_000

    /// box-2 lives until 1 s, box-3 was never seen.
    private func lookups() -> Lookups {
        var lookups = Lookups(Self.setting)
        lookups.heard(of: 0, isAlive: true, at: 0)
        return lookups
    }

    @Test(
        arguments: [
            ("box-2", .answer(1, .found, peer: 0)), ("box-3", .answer(1, .down)), ("box-1", .answer(1, .own)),
            ("box-4", .answer(1, .stranger)), ("", .answer(1, .stranger)), ("box-2 ", .answer(1, .stranger)),
            ("BOX-2", .answer(1, .stranger)), ("10.9.0.2", .answer(1, .stranger)),
            ("\u{0}\u{ff}", .answer(1, .stranger)),
        ] as [(String, Lookups.Step)])
    func values(value: String, step: Lookups.Step) {
        var lookups = lookups()
        #expect(lookups.begin(1, Self.key, isReachable: true, at: 0) == .ask(1, Self.key))
        #expect(lookups.answered(1, Array(value.utf8), at: Self.ms) == step)
        #expect(lookups.count == 0 && lookups.next == nil)
        // An answer that comes twice, or too late, is nobody's.
        #expect(lookups.answered(1, Array(value.utf8), at: Self.ms) == nil)
    }

    @Test func onlyWhatLeadsToAPeerThatLivesIsAPeer() {
        let locations = LookupOutcome.allCases.map { ($0, $0.location(1)) }
        #expect(locations.filter { $0.1 == .peer(1) }.map(\.0) == [.found])
        #expect(locations.filter { $0.1 == .unknown }.map(\.0) == [.late, .unreachable, .crowded])
    }

    @Test func aPeerDiesWithItsSignOfLife() {
        var lookups = lookups()
        _ = lookups.begin(1, Self.key, isReachable: true, at: 999 * Self.ms)
        #expect(lookups.answered(1, Array("box-2".utf8), at: 1000 * Self.ms) == .answer(1, .down))
        lookups.heard(of: 0, isAlive: true, at: 1000 * Self.ms)
        lookups.heard(of: 0, isAlive: false, at: 1000 * Self.ms)
        _ = lookups.begin(2, Self.key, isReachable: true, at: 1001 * Self.ms)
        #expect(lookups.answered(2, Array("box-2".utf8), at: 1001 * Self.ms) == .answer(2, .down))
    }

    /// A directory that has forgotten everything is no sign of death.
    @Test func aPeerIsGoneWhenItStaysAway() {
        var lookups = lookups()
        lookups.heard(of: 0, isAlive: false, at: 500 * Self.ms)
        #expect(!lookups.isGone(0, at: 1499 * Self.ms) && lookups.isGone(0, at: 1500 * Self.ms))
        lookups.heard(of: 0, isAlive: false, at: 1600 * Self.ms)
        #expect(lookups.isGone(0, at: 1600 * Self.ms) && !lookups.isGone(1, at: 1600 * Self.ms))
        // Without a directory nobody knows.
        _ = lookups.lose()
        #expect(!lookups.isGone(0, at: 9000 * Self.ms))
        lookups.heard(of: 0, isAlive: false, at: 9000 * Self.ms)
        lookups.heard(of: 0, isAlive: true, at: 9500 * Self.ms)
        lookups.heard(of: 0, isAlive: false, at: 9900 * Self.ms)
        #expect(!lookups.isGone(0, at: 10_000 * Self.ms))
    }

    @Test func whatIsNotThereIsAskedForAgain() {
        var lookups = lookups()
        _ = lookups.begin(1, Self.key, isReachable: true, at: 0)
        #expect(lookups.answered(1, nil, at: Self.ms) == nil)
        #expect(lookups.next == 5 * Self.ms)
        #expect(lookups.due(at: 4 * Self.ms) == [])
        #expect(lookups.due(at: 5 * Self.ms) == [.ask(1, Self.key)])
        #expect(lookups.next == 20 * Self.ms)
        #expect(lookups.answered(1, nil, at: 6 * Self.ms) == nil)
        #expect(lookups.due(at: 10 * Self.ms) == [.ask(1, Self.key)])
        #expect(lookups.answered(1, nil, at: 16 * Self.ms) == .answer(1, .absent))
        // Then it is known, for a while, for this server alone.
        #expect(lookups.begin(2, Self.key, isReachable: true, at: 17 * Self.ms) == .answer(2, .remembered))
        let other = TokenKey(token: Self.key.token, server: IPAddress("192.0.2.2")!)
        #expect(lookups.begin(3, other, isReachable: true, at: 17 * Self.ms) == .ask(3, other))
        let later = 16 * Self.ms + Lookups.absence
        #expect(lookups.begin(4, Self.key, isReachable: true, at: later) == .ask(4, Self.key))
    }

    @Test func theOwnerMayTellMeanwhile() {
        var lookups = lookups()
        _ = lookups.begin(1, Self.key, isReachable: true, at: 0)
        _ = lookups.answered(1, nil, at: Self.ms)
        _ = lookups.due(at: 5 * Self.ms)
        #expect(lookups.answered(1, Array("box-2".utf8), at: 6 * Self.ms) == .answer(1, .found, peer: 0))
    }

    @Test func nobodyWaitsLongerThanIsAllowed() {
        var lookups = lookups()
        _ = lookups.begin(1, Self.key, isReachable: true, at: 0)
        #expect(lookups.due(at: 20 * Self.ms - 1) == [])
        #expect(lookups.due(at: 20 * Self.ms) == [.answer(1, .late)])
        // What comes so late that it could not be asked again is taken as it is.
        _ = lookups.begin(2, Self.key, isReachable: true, at: 100 * Self.ms)
        #expect(lookups.answered(2, nil, at: 117 * Self.ms) == .answer(2, .absent))
    }

    @Test func withoutADirectoryNobodyWaits() {
        var lookups = lookups()
        #expect(lookups.begin(1, Self.key, isReachable: false, at: 0) == .answer(1, .unreachable))
        _ = lookups.begin(2, Self.key, isReachable: true, at: 0)
        #expect(lookups.lose() == [.answer(2, .unreachable)])
        #expect(lookups.count == 0)
        // That says nothing about the token.
        #expect(lookups.begin(3, Self.key, isReachable: true, at: 1) == .ask(3, Self.key))
    }

    @Test func questionsAndMemoryAreBounded() {
        var lookups = lookups()
        for number in 0..<UInt64(Lookups.room) {
            let key = TokenKey(token: Token(UInt32(number)), server: Self.key.server)
            #expect(lookups.begin(number, key, isReachable: true, at: 0) == .ask(number, key))
        }
        #expect(lookups.begin(1 << 20, Self.key, isReachable: true, at: 0) == .answer(1 << 20, .crowded))
        #expect(lookups.count == Lookups.room)
        #expect(lookups.due(at: 20 * Self.ms).count == Lookups.room)
        #expect(lookups.begin(1 << 21, Self.key, isReachable: true, at: 21 * Self.ms) == .ask(1 << 21, Self.key))
    }
}
