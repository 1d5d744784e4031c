import Handshake
import Testing
import Wire

/// A SYN that comes again: while the first is held, after it went on, after it went in. And another of the same ports.
@Suite struct RepetitionTests {
    @Test("while it is held it is dropped", arguments: [0, 1, 500, 1000, 5000] as [UInt64], Family.allCases)
    func whileHeld(after milliseconds: UInt64, _ family: Family) {
        var situation = Situation(family)
        _ = situation.receive()
        situation.now += milliseconds * ms
        #expect(situation.receive() == .drop)
        #expect(situation.decider.heldCount == 1)
    }

    struct Other: Sendable, CustomTestStringConvertible {
        let name: String
        let change: @Sendable (inout Situation) -> Void
        var testDescription: String { name }
    }

    @Test(
        "another connection is held beside it",
        arguments: [
            Other(name: "client's port") { $0.clientPort += 1 }, Other(name: "server's port") { $0.serverPort += 1 },
        ], Family.allCases)
    func another(_ other: Other, _ family: Family) {
        var situation = Situation(family)
        _ = situation.receive()
        other.change(&situation)
        #expect(situation.hold() != nil)
        #expect(situation.decider.heldCount == 2)
    }

    /// What may be over by then must not make a difference: the client would have two answers.
    static let remembered = [
        "the sentinel answers", "went in and was lost", "zones", "none completes", "starting", "draining", "aside",
        "no room", "tracking full", "port occupied", "no listener to spare", "no listener", "the server speaks MPTCP",
        "the server is silent",
    ]

    @Test("after it went on it goes on", arguments: remembered, Family.allCases)
    func wentOn(_ name: String, _ family: Family) throws {
        var situation = try passed(for: name, family)
        situation.now += 1 * s
        #expect(situation.receive() == .pass(.passDecidedBefore))
        situation.sequence += 1
        #expect(situation.hold() != nil, "another connection of the same ports")
    }

    /// Nothing is kept of what doesn't pass by itself: these cost no dial, however often.
    static let notRemembered = [
        "no option", "version 0", "checksums", "another interface", "another port", "another client", "another server",
        "a helper's port", "another way out",
    ]

    @Test("what is judged by the SYN and the settings is judged anew", arguments: notRemembered, Family.allCases)
    func judgedAnew(_ name: String, _ family: Family) throws {
        var situation = try passed(for: name, family)
        situation.now += 1 * s
        #expect(situation.hold() != nil)
    }

    /// With nothing speaking against it any more.
    private func passed(for name: String, _ family: Family) throws -> Situation {
        let condition = try #require(Condition.all.first { $0.name == name })
        var situation = Situation(family)
        condition.before(&situation)
        condition.now(&situation)
        #expect(situation.receive() == .pass(condition.decision))
        var later = Situation(family)
        later.decider = situation.decider
        later.decider.policy = Situation(family).decider.policy
        later.decider.stage = .converting
        later.decider.isSubstituted = false
        return later
    }

    @Test(
        "that it went on counts for 130 s", arguments: [(1000, false), (129_999, false), (130_000, true)],
        Family.allCases)
    func lifetime(_ row: (milliseconds: UInt64, isOver: Bool), _ family: Family) {
        var situation = Situation(family)
        situation.facts.room = false
        #expect(situation.receive() == .pass(.passNoRoom))
        situation.facts.room = true
        situation.now += row.milliseconds * ms
        #expect(situation.receive().decision == (row.isOver ? nil : .passDecidedBefore))
    }

    /// A client whose retransmissions are left for long isn't put off by each of them.
    @Test("a retransmission doesn't renew it", arguments: Family.allCases)
    func renewal(_ family: Family) {
        var situation = Situation(family)
        situation.facts.room = false
        _ = situation.receive()
        situation.facts.room = true
        situation.now += 100 * s
        #expect(situation.receive() == .pass(.passDecidedBefore))
        situation.now += 30 * s
        #expect(situation.hold() != nil)
    }

    /// So many milliseconds behind its injection. Faithful, what was lost isn't told: its dial tells.
    static let injections: [(UInt64, Decision?)] = [
        (0, .dropRetransmissionOfHeld), (499, .dropRetransmissionOfHeld), (500, .passNotTaken), (1000, .passNotTaken),
        (9999, .passNotTaken), (10_000, nil),
    ]

    @Test("after it went in, it is under way and then lost", arguments: injections, Family.allCases)
    func wentIn(_ row: (milliseconds: UInt64, decision: Decision?), _ family: Family) throws {
        var situation = Situation(family)
        let id = try situation.held()
        _ = situation.decider.answered(id, .connected(maximumSegmentSize: nil), at: situation.now)
        situation.decider.entered(situation.syn.identity, at: situation.now)
        situation.now += row.milliseconds * ms
        let action = situation.receive()
        #expect(action.decision == row.decision)
        #expect(action != .passLost)
    }

    @Test("its ports' next connection has its own answer", arguments: [0, 600, 20_000] as [UInt64], Family.allCases)
    func sequenceNumbers(after milliseconds: UInt64, _ family: Family) {
        var situation = Situation(family)
        situation.decider.entered(situation.syn.identity, at: situation.now)
        situation.now += milliseconds * ms
        situation.sequence += 1
        #expect(situation.hold() != nil)
    }

    @Test("what was lost goes on for good", arguments: Family.allCases)
    func lostForGood(_ family: Family) {
        var situation = Situation(family)
        situation.decider.entered(situation.syn.identity, at: situation.now)
        situation.now += 1 * s
        #expect(situation.receive() == .pass(.passNotTaken))
        for _ in 0..<5 {
            situation.now += 15 * s
            #expect(situation.receive() == .pass(.passDecidedBefore))
        }
    }
}
