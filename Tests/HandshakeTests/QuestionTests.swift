import Handshake
import Testing
import Wire

/// What is asked of the outside for a SYN: no more than it takes, in an order that has the cheap questions first.
@Suite struct QuestionTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let condition: String
        let asked: [MadeUpFacts.Question]

        var testDescription: String { condition }
    }

    private static let all: [MadeUpFacts.Question] = [
        .name, .completes, .room, .trackingRoom, .leavesAlike, .listener, .advice,
    ]

    static let rows = [
        Row(condition: "the sentinel answers", asked: []),
        Row(condition: "no option", asked: []),
        Row(condition: "MP_PRIO", asked: []),
        Row(condition: "version 0", asked: []),
        Row(condition: "checksums", asked: []),
        Row(condition: "another is held", asked: []),
        Row(condition: "under way", asked: []),
        Row(condition: "another interface", asked: [.name]),
        Row(condition: "another port", asked: [.name]),
        Row(condition: "a helper's port", asked: [.name]),
        Row(condition: "went on before", asked: [.name]),
        Row(condition: "went in and was lost", asked: [.name]),
        Row(condition: "zones", asked: [.name]),
        Row(condition: "none completes", asked: [.name, .completes]),
        Row(condition: "starting", asked: [.name, .completes]),
        Row(condition: "draining", asked: [.name, .completes]),
        Row(condition: "aside", asked: [.name, .completes]),
        Row(condition: "no room", asked: [.name, .completes, .room]),
        Row(condition: "tracking full", asked: [.name, .completes, .room, .trackingRoom]),
        Row(condition: "another way out", asked: Array(all.prefix(5))),
        Row(condition: "port occupied", asked: Array(all.prefix(6))),
        Row(condition: "the server speaks MPTCP", asked: all),
        Row(condition: "split", asked: all),
    ]

    @Test("no more is asked than it takes", arguments: rows, Family.allCases)
    func asked(_ row: Row, _ family: Family) throws {
        let condition = try #require(Condition.all.first { $0.name == row.condition })
        var situation = Situation(family)
        condition.before(&situation)
        condition.now(&situation)
        _ = situation.receive()
        #expect(situation.facts.asked == row.asked)
    }

    @Test("all of it for one that is dialled for", arguments: Family.allCases)
    func dialled(_ family: Family) {
        var situation = Situation(family)
        _ = situation.receive()
        #expect(situation.facts.asked == Self.all)
    }

    @Test("a join's token alone", arguments: Family.allCases)
    func join(_ family: Family) {
        var situation = Situation(family)
        situation.option = .join
        _ = situation.receive()
        #expect(situation.facts.asked == [.owner])
    }

    @Test("the way out is asked for as the policy copies DSCPs", arguments: [true, false])
    func copiesDSCP(_ copies: Bool) {
        var situation = Situation(.ipv4)
        situation.decider.policy.copiesDSCP = copies
        _ = situation.receive()
        #expect(situation.facts.copiesDSCP == copies)
    }

    /// How long after the first SYN the interface has another name, and whether that is known by then.
    @Test("an interface's name is good for a second", arguments: [(0, false), (1000, false), (1001, true)])
    func names(after milliseconds: UInt64, isKnown: Bool) {
        var situation = Situation(.ipv4)
        _ = situation.receive()
        situation.facts.names[3] = "renamed"
        situation.clientPort += 1
        situation.now += milliseconds * ms
        #expect(situation.receive().decision == (isKnown ? .passOtherInterface : nil))
    }

    @Test("another policy asks for the name anew")
    func policy() {
        var situation = Situation(.ipv4)
        _ = situation.receive()
        situation.decider.policy.interfaces = ["wan0"]
        situation.clientPort += 1
        #expect(situation.receive() == .pass(.passOtherInterface))
        situation.inDevice = 4
        #expect(situation.hold() != nil)
    }
}
