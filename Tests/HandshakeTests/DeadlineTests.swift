import Handshake
import Testing
import Wire

/// A SYN is let go when its answer doesn't come.
@Suite struct DeadlineTests {
    /// How long a dial may take, and for how long the SYN is held, in milliseconds.
    static let rows: [(Int, UInt64)] = [
        (10, 260), (500, 750), (650, 900), (700, 900), (850, 900), (900, 950), (2050, 2100), (2500, 2550),
    ]

    @Test("it is held a little longer than the dial may take", arguments: rows, Family.allCases)
    func deadline(_ row: (timeout: Int, held: UInt64), _ family: Family) throws {
        var situation = Situation(family)
        situation.facts.advice = .dial(
            DialPlan(asks: false, secondAfter: .milliseconds(5), timeout: .milliseconds(row.timeout)))
        let id = try situation.held()
        let deadline = situation.now + row.held * ms
        #expect(situation.overdue(at: deadline) == [])
        #expect(situation.overdue(at: deadline + 1) == [id])
    }

    @Test("it goes on, and its dial is given up", arguments: Family.allCases)
    func givenUp(_ family: Family) throws {
        var situation = Situation(family)
        let id = try situation.held()
        situation.now += 2 * s
        #expect(situation.decider.overdue(at: situation.now).map(\.action) == [.passForgoing(.passUnable)])
        #expect(situation.decider.heldCount == 0)
        #expect(situation.decider.overdue(at: situation.now).isEmpty, "once")
        #expect(situation.decider.answered(id, .refused, at: situation.now) == nil, "too late")
        #expect(situation.receive() == .pass(.passDecidedBefore))
    }

    @Test("an answer in time", arguments: Family.allCases)
    func inTime(_ family: Family) throws {
        var situation = Situation(family)
        let id = try situation.held()
        _ = situation.decider.answered(id, .refused, at: situation.now)
        #expect(situation.overdue(at: situation.now + 10 * s) == [])
    }

    @Test("those that came first go first", arguments: Family.allCases)
    func order(_ family: Family) throws {
        var situation = Situation(family)
        var ids: [UInt64] = []
        for _ in 0..<50 {
            situation.clientPort += 1
            situation.now += 10 * ms
            ids.append(try situation.held())
        }
        let first = situation.now - 490 * ms
        #expect(situation.overdue(at: first + 950 * ms + 1) == [ids[0]])
        #expect(situation.overdue(at: first + 1150 * ms + 1) == Array(ids[1...20]))
        #expect(situation.decider.heldCount == 29)
        #expect(situation.decider.giveUpAll(at: situation.now).map(\.id) == Array(ids[21...]))
    }

    /// What is held has reached its server when the sentinel has answered.
    @Test("all of them, when the sentinel has answered", arguments: Family.allCases)
    func sentinel(_ family: Family) throws {
        var situation = Situation(family)
        let id = try situation.held()
        situation.decider.isSubstituted = true
        #expect(situation.decider.giveUpAll(at: situation.now).map(\.action) == [.passForgoing(.passUnable)])
        #expect(situation.decider.answered(id, .connected(maximumSegmentSize: nil), at: situation.now) == nil)
        situation.sequence += 1
        #expect(situation.receive() == .pass(.passUnable))
        situation.decider.isSubstituted = false
        #expect(situation.receive() == .pass(.passDecidedBefore))
        situation.sequence += 1
        #expect(situation.hold() != nil)
    }
}

extension Situation {
    /// The ids of those that are let go.
    fileprivate mutating func overdue(at time: UInt64) -> [UInt64] { decider.overdue(at: time).map(\.id) }
}
