import Testing
import Wire

@testable import Handshake

/// Decisions in words, and the last ones.
@Suite struct DecisionTests {
    @Test("each has words of its own")
    func words() {
        let all = Decision.allCases
        #expect(Set(all.map(\.description)).count == all.count)
        #expect(Set(all.map(\.explanation)).count == all.count)
        #expect(all.allSatisfy { !$0.explanation.isEmpty })
    }

    /// Metrics and history count on it.
    @Test("the verdict is the one that its name says", arguments: Decision.allCases)
    func verdicts(_ decision: Decision) {
        let name = "\(decision)"
        #expect(decision.verdict == [.pass, .intercept, .drop].first { name.hasPrefix("\($0.name)") })
        #expect(decision.description == "\(decision.verdict.name): \(decision.reason)")
        #expect(decision.verdict == .pass || !decision.isTransient)
    }

    private func past(_ family: Family, port: UInt16, at time: Int64) -> PastDecision {
        var situation = Situation(family)
        situation.clientPort = port
        return PastDecision(.passPolicy, situation.syn, at: time, held: nil)
    }

    @Test("a decision that is over", arguments: Family.allCases)
    func past(_ family: Family) {
        var situation = Situation(family)
        situation.option = .join
        let past = PastDecision(.interceptJoin, situation.syn, at: 77, held: 5)
        #expect(past.time == 77 && past.tuple == situation.syn.tuple && past.decision == .interceptJoin)
        #expect(past.token == Token(7) && past.interface == 3 && past.held == 5)
        #expect(self.past(family, port: 1, at: 1).token == nil)
    }

    @Test("the oldest ones are forgotten", arguments: [0, 1, 3, 4, 5, 11])
    func bound(_ count: Int) {
        let history = DecisionHistory(capacity: 4)
        for number in 0..<count { history.note(past(.ipv4, port: UInt16(number), at: Int64(number))) }
        #expect(history.count == min(count, 4))
        let expected = (0..<count).suffix(4).reversed().map { Int64($0) }
        #expect(history.last(10, clients: [], port: nil).map(\.time) == expected)
        #expect(history.last(2, clients: [], port: nil).map(\.time) == Array(expected.prefix(2)))
    }

    @Test("those of one client", arguments: Family.allCases)
    func ofClients(_ family: Family) {
        let history = DecisionHistory()
        for other in Family.allCases {
            for port in [1000, 2000, 3000] as [UInt16] { history.note(past(other, port: port, at: Int64(port))) }
        }
        let client = IPPrefix(address: family.client, length: family.client.bitWidth)!
        #expect(
            history.last(10, clients: [client], port: nil).map(\.tuple.client.address) == [
                family.client, family.client, family.client,
            ])
        #expect(history.last(10, clients: [client], port: 2000).map(\.time) == [2000])
        #expect(history.last(10, clients: [IPPrefix("192.0.2.0/24")!], port: nil).isEmpty)
    }
}
