import HandOver
import Handshake
import Testing

/// What is remembered of SYNs goes over to another daemon: a retransmission is treated as the first was.
@Suite struct HandOverTests {
    /// The same situation with a decider that has what this one's has written.
    private func successor(of situation: Situation, after milliseconds: UInt64) throws -> Situation {
        var (situation, writer) = (situation, RecordWriter())
        situation.decider.write(to: &writer, at: situation.now)
        situation.now += milliseconds * ms
        situation.decider = SYNDecider(situation.decider.policy)
        situation.decider.stage = .converting
        var reader = RecordReader(writer.bytes)
        try situation.decider.adopt(from: &reader, at: situation.now)
        try reader.finish()
        return situation
    }

    @Test(arguments: Family.allCases) func whatWentOnGoesOnAgain(_ family: Family) throws {
        var situation = Situation(family)
        let id = try situation.held()
        #expect(situation.decider.answered(id, .silent, at: situation.now) == .pass(.passServerSilent))
        for (milliseconds, isRemembered) in [(1000, true), (129_000, true), (131_000, false)] as [(UInt64, Bool)] {
            var next = try successor(of: situation, after: milliseconds)
            let action = next.receive()
            #expect((action == .pass(.passDecidedBefore)) == isRemembered, "\(milliseconds) ms")
        }
    }

    @Test(arguments: Family.allCases) func whatHasGoneInIsOnItsWay(_ family: Family) throws {
        var situation = Situation(family)
        let id = try situation.held()
        _ = situation.decider.answered(id, .connected(maximumSegmentSize: nil), at: situation.now)
        situation.decider.entered(situation.syn.identity, at: situation.now)
        var next = try successor(of: situation, after: 100)
        #expect(next.receive() == .drop)
        next = try successor(of: situation, after: 1000)
        #expect(next.receive() == .pass(.passNotTaken) || next.receive() == .pass(.passDecidedBefore))
    }

    @Test func whatIsCutShortIsRefused() throws {
        var (situation, writer) = (Situation(.ipv6), RecordWriter())
        let id = try situation.held()
        _ = situation.decider.answered(id, .silent, at: situation.now)
        situation.decider.entered(situation.syn.identity, at: situation.now)
        situation.decider.write(to: &writer, at: situation.now)
        for length in writer.bytes.indices {
            var reader = RecordReader(Array(writer.bytes[..<length]))
            var other = SYNDecider(situation.decider.policy)
            #expect(throws: RecordError.self) { try other.adopt(from: &reader, at: situation.now) }
        }
    }
}
