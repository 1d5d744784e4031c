import PacketTap
import Testing
import Wire

/// Programs as they are, whatever language they come from; TraceOutputTests has those of ours.
@Suite struct PacketFilterTests {
    private func facts(_ flags: TCPFlags, payload: UInt32) -> PacketFacts {
        var facts = PacketFacts()
        facts.ends = FourTuple(client: Endpoint("10.1.0.2:40000")!, server: Endpoint("10.9.0.2:443")!)
        (facts.flags, facts.payloadLength) = (flags, payload)
        return facts
    }

    @Test func jumpsLeadToStepsAndAnswers() {
        // syn, or data without fin
        let filter = PacketFilter(
            steps: [
                .init(test: .flag(.fin), yes: PacketFilter.reject, no: PacketFilter.accept),
                .init(test: .data, yes: 0, no: PacketFilter.reject),
                .init(test: .flag(.syn), yes: PacketFilter.accept, no: 1),
            ], start: 2)
        #expect(filter.matches(facts(.syn, payload: 0)))
        #expect(filter.matches(facts(.ack, payload: 1)))
        #expect(!filter.matches(facts(.ack, payload: 0)))
        #expect(!filter.matches(facts(.fin, payload: 1)))
    }

    /// Of what is no segment nothing that is asked about segments holds.
    @Test func whatIsNoSegment() {
        let step = PacketFilter.Step(test: .flag(.syn), yes: PacketFilter.accept, no: PacketFilter.reject)
        var facts = facts(.syn, payload: 0)
        facts.ends = nil
        #expect(!PacketFilter(steps: [step], start: 0).matches(facts))
        #expect(PacketFilter.all.matches(facts))
    }
}
