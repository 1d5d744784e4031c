import Handshake
import Testing
import Wire

/// A SYN whose server is dialled: what the answer makes of it.
@Suite struct DialTests {
    struct Outcome: Sendable, CustomTestStringConvertible {
        let outcome: DialOutcome
        let action: SYNAction

        var testDescription: String { "\(outcome)" }
    }

    static let failures = [
        Outcome(outcome: .speaksMultipath, action: .pass(.passServerSpeaksMultipath)),
        Outcome(outcome: .refused, action: .pass(.passServerRefused)),
        Outcome(outcome: .silent, action: .pass(.passServerSilent)),
        Outcome(outcome: .otherWay, action: .pass(.passOtherWay)),
        Outcome(outcome: .noRoom, action: .pass(.passNoRoom)),
        Outcome(outcome: .unable, action: .pass(.passUnable)),
    ]

    static let connections = [
        Outcome(
            outcome: .connected(maximumSegmentSize: 1460),
            action: .intercept(.interceptConverted, maximumSegmentSize: 1460)),
        Outcome(
            outcome: .connected(maximumSegmentSize: nil),
            action: .intercept(.interceptConverted, maximumSegmentSize: nil)),
    ]

    @Test("the answer", arguments: failures + connections, Family.allCases)
    func answer(_ row: Outcome, _ family: Family) throws {
        var situation = Situation(family)
        let id = try situation.held()
        #expect(situation.decider.answered(id, row.outcome, at: situation.now) == row.action)
        #expect(situation.decider.heldCount == 0)
        #expect(situation.decider.answered(id, row.outcome, at: situation.now) == nil, "once")
    }

    /// Its server has had a SYN of the box's already.
    @Test("once it went on, its retransmissions do", arguments: failures, Family.allCases)
    func retransmissions(_ row: Outcome, _ family: Family) throws {
        var situation = Situation(family)
        let id = try situation.held()
        _ = situation.decider.answered(id, row.outcome, at: situation.now)
        situation.now += 1 * s
        #expect(situation.receive() == .pass(.passDecidedBefore))
        situation.sequence += 1
        #expect(situation.hold() != nil)
    }

    static let obstacles: [(Obstacle, Decision)] = [
        (.portOccupied, .passPortOccupied), (.noRoom, .passNoRoom), (.unable, .passUnable),
    ]

    @Test(
        "the server has answered, and the SYN can't go in: the dial is given up", arguments: obstacles, Family.allCases)
    func obstructed(_ row: (obstacle: Obstacle, decision: Decision), _ family: Family) throws {
        var situation = Situation(family)
        let syn = situation.syn.identity
        let id = try situation.held()
        _ = situation.decider.answered(id, .connected(maximumSegmentSize: nil), at: situation.now)
        let action = situation.decider.obstructed(syn, .interceptConverted, by: row.obstacle, at: situation.now)
        #expect(action == .passForgoing(row.decision))
        #expect(situation.receive() == .pass(.passDecidedBefore))
    }

    @Test("split, and it can't go in: nobody was dialled for it", arguments: obstacles, Family.allCases)
    func obstructedSplit(_ row: (obstacle: Obstacle, decision: Decision), _ family: Family) {
        for decision in [Decision.interceptSplit, .interceptSplitOverLimit] {
            var situation = Situation(family)
            let syn = situation.syn.identity
            #expect(
                situation.decider.obstructed(syn, decision, by: row.obstacle, at: situation.now)
                    == .pass(row.decision))
            #expect(situation.receive() == .pass(.passDecidedBefore))
        }
    }

    @Test("one dial too many is split instead", arguments: Family.allCases)
    func overTheLimit(_ family: Family) throws {
        var situation = Situation(family)
        let id = try situation.held()
        #expect(situation.decider.refused(id) == .intercept(.interceptSplitOverLimit))
        #expect(situation.decider.heldCount == 0)
        #expect(situation.decider.answered(id, .connected(maximumSegmentSize: 1), at: situation.now) == nil)
        situation.decider.entered(situation.syn.identity, at: situation.now)
        #expect(situation.receive() == .drop, "under way")
        situation.now += 1 * s
        #expect(situation.receive() == .pass(.passNotTaken))
    }

    @Test("an id of which nothing is known", arguments: [0, 2, 7, .max] as [UInt64], failures + connections)
    func unknown(_ id: UInt64, _ row: Outcome) {
        var situation = Situation(.ipv4)
        #expect(situation.hold() == 1)
        #expect(situation.decider.answered(id, row.outcome, at: situation.now) == nil)
        #expect(situation.decider.heldCount == 1)
    }

    @Test("an answer is its own SYN's", arguments: Family.allCases)
    func own(_ family: Family) throws {
        var situation = Situation(family)
        let first = try situation.held()
        situation.clientPort += 1
        let second = try situation.held()
        #expect(situation.decider.answered(second, .refused, at: situation.now) == .pass(.passServerRefused))
        #expect(situation.receive() == .pass(.passDecidedBefore))
        situation.clientPort -= 1
        #expect(situation.receive() == .drop, "the first is held still")
        #expect(situation.decider.answered(first, .silent, at: situation.now) == .pass(.passServerSilent))
    }

    @Test("policy and stage that change meanwhile don't concern it", arguments: Condition.all.filter(\.isOrder))
    func changes(_ condition: Condition) throws {
        for family in Family.allCases {
            var situation = Situation(family)
            let id = try situation.held()
            condition.now(&situation)
            #expect(situation.receive() == .drop)
            #expect(
                situation.decider.answered(id, .connected(maximumSegmentSize: 9), at: situation.now)
                    == .intercept(.interceptConverted, maximumSegmentSize: 9))
            situation.sequence += 1
            #expect(situation.receive().decision == condition.decision, "the next one fares as is said now")
        }
    }

    @Test("each stage can be left again", arguments: SYNDecider.Stage.allCases, Family.allCases)
    func stages(_ stage: SYNDecider.Stage, _ family: Family) {
        var situation = Situation(family)
        situation.decider.stage = stage
        #expect((situation.receive().decision == nil) == (stage == .converting))
        situation.decider.stage = .converting
        situation.clientPort += 1
        #expect(situation.hold() != nil)
    }

    @Test("before anybody says so nothing is converted", arguments: Family.allCases)
    func start(_ family: Family) {
        var situation = Situation(family)
        situation.decider = SYNDecider(situation.decider.policy)
        #expect(situation.receive() == .pass(.passStarting))
    }
}

extension Condition {
    /// Something that the operator or the daemon says, while SYNs are held.
    fileprivate var isOrder: Bool {
        kind == "stage"
            || [
                "another port", "another client", "another server", "a helper's port", "zones", "split",
            ].contains(name)
    }
}
