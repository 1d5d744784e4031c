import Handshake
import Testing
import Wire

/// MP_JOIN at a box of a cluster: whose connection it is, is asked of others.
@Suite struct PeerTests {
    private func join(_ family: Family, asking: UInt64? = 50 * ms) -> Situation {
        var situation = Situation(family)
        situation.option = .join
        situation.facts.owner = .others
        situation.decider.askingTime = asking
        return situation
    }

    private func question(_ situation: Situation, _ id: UInt64) -> SYNAction {
        .ask(JoinQuestion(id: id, token: Token(7), server: situation.family.server))
    }

    @Test(
        "who is asked",
        arguments: [
            (.box, 50 * ms, false, .intercept(.interceptJoin)), (.box, 50 * ms, true, .intercept(.interceptJoin)),
            (.others, nil, false, .pass(.passUnknownToken)), (.others, nil, true, .pass(.passUnknownToken)),
            // What a peer has led here never goes to a peer.
            (.others, 50 * ms, true, .pass(.passUnknownToken)), (.unclear, 50 * ms, false, .pass(.passUnable)),
            (.unclear, 50 * ms, true, .pass(.passUnable)),
        ] as [(TokenOwner, UInt64?, Bool, SYNAction)], Family.allCases)
    func owners(_ row: (owner: TokenOwner, asking: UInt64?, isFromPeer: Bool, action: SYNAction), _ family: Family) {
        var situation = join(family, asking: row.asking)
        situation.facts.owner = row.owner
        situation.isFromPeer = row.isFromPeer
        #expect(situation.receive() == row.action)
        #expect(situation.decider.heldCount == 0)
    }

    @Test(
        "what the answer means",
        arguments: [
            (.peer(3), .lead(3)), (.nobody, .pass(.passUnknownToken)), (.unknown, .pass(.passDirectorySilent)),
        ] as [(JoinOwner, SYNAction)], Family.allCases)
    func answers(_ row: (owner: JoinOwner, action: SYNAction), _ family: Family) {
        var situation = join(family)
        #expect(situation.receive() == question(situation, 1))
        #expect(situation.decider.heldCount == 1)
        // A copy of the one that is held.
        #expect(situation.receive() == .drop)
        #expect(situation.decider.located(1, row.owner) == row.action)
        #expect(situation.decider.heldCount == 0)
        // An answer that comes twice.
        #expect(situation.decider.located(1, row.owner) == nil)
        // Its retransmission is asked about anew.
        #expect(situation.receive() == question(situation, 2))
    }

    @Test("no answer in time", arguments: Family.allCases)
    func overdue(_ family: Family) {
        var situation = join(family)
        _ = situation.receive()
        #expect(situation.decider.overdue(at: situation.now + 50 * ms).isEmpty)
        let late = situation.decider.overdue(at: situation.now + 50 * ms + 1)
        #expect(late.map(\.id) == [1] && late.map(\.action) == [.pass(.passDirectorySilent)])
        #expect(situation.decider.located(1, .peer(0)) == nil)
        _ = situation.receive()
        #expect(situation.decider.giveUpAll(at: situation.now).map(\.action) == [.pass(.passDirectorySilent)])
    }

    @Test("it can't be led there", arguments: Family.allCases)
    func obstructed(_ family: Family) {
        var situation = join(family)
        let syn = situation.syn.identity
        #expect(
            situation.decider.obstructed(syn, .passToPeer, by: .unable, at: situation.now) == .pass(.passUnable))
    }

    @Test("at every stage", arguments: SYNDecider.Stage.allCases)
    func stages(_ stage: SYNDecider.Stage) {
        var situation = join(.ipv4)
        situation.decider.stage = stage
        #expect(situation.receive() == question(situation, 1))
    }

    @Test("an interface is known by its tag")
    func tags() {
        let names = (0..<200).map { "lan\($0)" } + ["wifi0", "eth0.100", "br-lan", "ppp0"]
        for name in names { #expect(InterfaceTag.tag(of: name) != 0) }
        #expect(InterfaceTag.name(InterfaceTag.tag(of: "wifi0"), among: ["lan0", "wifi0"]) == "wifi0")
        #expect(InterfaceTag.name(InterfaceTag.tag(of: "wifi0"), among: ["lan0", "lan1"]) == nil)
        #expect(InterfaceTag.name(InterfaceTag.tag(of: "lan0"), among: ["lan0", "lan0"]) == nil)
    }
}
