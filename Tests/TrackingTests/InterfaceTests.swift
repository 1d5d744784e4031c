import Testing

@testable import Tracking

/// Where a subflow's segments come in.
@Suite struct InterfaceTests {
    /// Of a connection whose beginning was not seen.
    @Test func theServersIsNotTheClients() throws {
        let conversation = Conversation()
        let number = conversation.secrets.data(.server)
        let draft = conversation.line.lose(.server, .ack, [Signal.acknowledge(number)])
        let id = try #require(conversation.scene.see(draft, interface: 9, isForwarded: true)).connection
        #expect(conversation.tracker[id]?.subflows[0].interface == 0)
        let answer = conversation.line.lose(.client, .ack, [Signal.acknowledge(number)])
        conversation.scene.see(answer, interface: 4, isForwarded: true)
        #expect(conversation.tracker[id]?.subflows[0].interface == 4)
        #expect(conversation.events == [.interfaceLearned(id, subflow: 0)])
        // For good.
        conversation.scene.see(answer, interface: 5, isForwarded: true)
        #expect(conversation.tracker[id]?.subflows[0].interface == 4 && conversation.events == [])
    }

    /// A SYN that has come in by the TUN device doesn't tell.
    @Test func aLaterSegmentTells() {
        let conversation = Conversation()
        conversation.sendSYN()
        conversation.sendSYNACK()
        #expect(conversation.first.interface == 0)
        let draft = conversation.line.lose(.client, .ack, [conversation.secrets.ackOption])
        conversation.scene.see(draft, interface: 4)
        #expect(conversation.first.interface == 4)
    }

    @Test func theFirstSegmentSeenIsTheClients() throws {
        let conversation = Conversation()
        let draft = conversation.line.lose(.client, .ack, [Signal.acknowledge(conversation.secrets.data(.server))])
        let id = try #require(conversation.scene.see(draft, interface: 4)).connection
        #expect(conversation.tracker[id]?.subflows[0].interface == 4)
    }
}
