import Handshake
import Testing
import Wire

/// MP_JOIN: whose connection it is decides, and nothing else.
@Suite struct JoinTests {
    private func join(_ family: Family) -> Situation {
        var situation = Situation(family)
        situation.option = .join
        return situation
    }

    @Test(
        "whose connection it is",
        arguments: [
            (.box, .intercept(.interceptJoin)), (.others, .pass(.passUnknownToken)), (.unclear, .pass(.passUnable)),
        ] as [(TokenOwner, SYNAction)], Family.allCases)
    func owners(_ row: (owner: TokenOwner, action: SYNAction), _ family: Family) {
        var situation = join(family)
        situation.facts.owner = row.owner
        #expect(situation.receive() == row.action)
    }

    /// A client joins by the link that the connection was not opened on; running connections keep their subflows while no
    /// new one is converted.
    static let indifferent = Condition.all.filter {
        !["the sentinel answers", "under way", "went in and was lost"].contains($0.name) && $0.kind != "option"
    }

    @Test("what decides about new connections", arguments: indifferent, Family.allCases)
    func indifference(_ condition: Condition, _ family: Family) {
        var situation = join(family)
        condition.before(&situation)
        condition.now(&situation)
        #expect(situation.receive() == .intercept(.interceptJoin))
    }

    @Test("the sentinel answers", arguments: Family.allCases)
    func substituted(_ family: Family) {
        var situation = join(family)
        situation.decider.isSubstituted = true
        #expect(situation.receive() == .pass(.passUnable))
    }

    @Test(
        "one that comes again behind its injection",
        arguments: [
            (0, .drop), (499, .drop), (500, .pass(.passNotTaken)), (9999, .pass(.passNotTaken)),
            (10_000, .intercept(.interceptJoin)),
        ] as [(UInt64, SYNAction)], Family.allCases)
    func again(_ row: (milliseconds: UInt64, action: SYNAction), _ family: Family) {
        var situation = join(family)
        #expect(situation.receive() == .intercept(.interceptJoin))
        situation.decider.entered(situation.syn.identity, at: situation.now)
        situation.now += row.milliseconds * ms
        // Nobody was dialled for, but its connection's client is known to arrive.
        situation.decider.policy.connect = .split
        #expect(situation.receive() == row.action)
    }

    /// The kernel may know by then.
    @Test("one that went on is asked about anew", arguments: [TokenOwner.others, .unclear], Family.allCases)
    func askedAnew(_ owner: TokenOwner, _ family: Family) {
        var situation = join(family)
        situation.facts.owner = owner
        _ = situation.receive()
        situation.facts.owner = .box
        situation.now += 1 * s
        #expect(situation.receive() == .intercept(.interceptJoin))
    }

    @Test(
        "one that can't go in",
        arguments: [(.portOccupied, .passPortOccupied), (.noRoom, .passNoRoom), (.unable, .passUnable)]
            as [(Obstacle, Decision)], Family.allCases)
    func obstructed(_ row: (obstacle: Obstacle, decision: Decision), _ family: Family) {
        var situation = join(family)
        let syn = situation.syn.identity
        #expect(
            situation.decider.obstructed(syn, .interceptJoin, by: row.obstacle, at: situation.now)
                == .pass(row.decision))
    }
}
