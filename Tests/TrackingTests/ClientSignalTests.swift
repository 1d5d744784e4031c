import PacketForge
import Testing
import Wire

@testable import Tracking

/// What a client's segments ask for besides the data: whether the box is there, and how routers are to treat them.
@Suite struct ClientSignalTests {
    private let second: UInt64 = 1_000_000_000

    /// A segment that begins so many bytes before what comes next.
    private func send(
        _ line: Line, _ host: Host = .client, back: UInt32, payload: Int = 0, flags: TCPFlags = .ack
    ) -> Sighting? {
        var draft = line.draft(host, flags, payload: payload)
        draft.sequence &-= back
        return line.scene.see(draft)
    }

    @Test("a keepalive probe begins one byte back", arguments: Family.allCases)
    func probes(family: Family) throws {
        let conversation = Conversation.established(Secrets(), family)
        let line = conversation.line
        conversation.data(.client, length: 100)
        for (back, payload, flags, isProbe) in [
            (0, 0, .ack, false), (1, 0, .ack, true), (1, 1, .ack, true), (2, 0, .ack, false),
            (1, 0, [.ack, .rst], false),
            (1, 2, .ack, false), (1, 0, [.ack, .fin], false),
        ] as [(UInt32, Int, TCPFlags, Bool)] {
            // Each in a conversation of its own: some end it.
            let other = Conversation.established(
                Secrets(), family, client: Endpoint(address: family.client.address, port: 50000))
            other.data(.client, length: 100)
            other.scene.now += 10 * second
            let sighting = try #require(send(other.line, back: back, payload: payload, flags: flags))
            #expect((sighting.probe != nil) == isProbe, "\(back), \(payload), \(flags)")
        }
        // After how much silence, each time anew and for each subflow by itself.
        let joined = conversation.join()
        conversation.scene.now += 10 * second
        #expect(send(line, back: 1)?.probe == 10 * second)
        conversation.scene.now += second
        #expect(send(joined, back: 1)?.probe == 11 * second)
        conversation.scene.now += 9 * second
        #expect(send(line, back: 1)?.probe == 10 * second)
        #expect(send(line, .server, back: 1)?.sender == .server)
    }

    @Test("only the client's probes are silenced, and only as long as they are to be")
    func silence() {
        let conversation = Conversation.established()
        conversation.data(.client, length: 100)
        conversation.data(.server, length: 100)
        let joined = conversation.join()
        #expect(send(conversation.line, back: 1)?.isSilenced == false)
        conversation.scene.tracker.silence(conversation.line.tuple, true)
        #expect(send(conversation.line, back: 1)?.isSilenced == true)
        #expect(send(joined, back: 1)?.isSilenced == true)
        #expect(send(conversation.line, back: 0)?.isSilenced == false)
        #expect(send(conversation.line, .server, back: 1)?.isSilenced == false)
        #expect(conversation.data(.client, 100, length: 100)?.isSilenced == false)
        conversation.scene.tracker.silence(conversation.line.tuple, false)
        #expect(send(conversation.line, back: 1)?.isSilenced == false)
    }

    private func mark(
        _ line: Line, _ trafficClass: UInt8, by host: Host = .client, flags: TCPFlags = .ack
    ) -> UInt8? {
        var draft = line.draft(host, flags)
        draft.trafficClass = trafficClass
        return line.scene.see(draft)?.dscp?.rawValue
    }

    @Test("a client's DSCP is told when it changes, once a second at most", arguments: Family.allCases)
    func codePoints(family: Family) {
        let conversation = Conversation.established(Secrets(), family)
        let line = conversation.line
        conversation.scene.now += second
        // ECN's bits are none of it.
        #expect(mark(line, 0) == nil && mark(line, 3) == nil)
        #expect(mark(line, 0xb8, by: .server) == nil)
        #expect(mark(line, 0xb8, flags: .rst) == nil)
        #expect(mark(line, 0xba) == 46)
        #expect(mark(line, 0xb8) == nil)
        // Told later, if it is still so.
        #expect(mark(line, 0x28) == nil)
        conversation.scene.now += second
        #expect(mark(line, 0x28) == 10)
        conversation.scene.now += second
        #expect(mark(line, 0) == 0)
    }

    @Test("the segment behind the SYN, not the SYN, says what a client sends with")
    func codePointOfSYN() {
        let conversation = Conversation()
        var syn = conversation.line.lose(.client, .syn, [conversation.secrets.synOption])
        syn.trafficClass = 0xb8
        conversation.scene.see(syn)
        conversation.sendSYNACK()
        conversation.scene.now += second
        // A rule of the router's had set the SYN's.
        #expect(mark(conversation.line, 0) == nil)
        #expect(mark(conversation.line, 0xb8) == 46)
    }
}
