import PacketForge
import Testing
import Wire

@testable import Tracking

/// RFC 8684 section 3.7.
@Suite struct FallbackTests {
    private func answered() -> Conversation {
        let conversation = Conversation()
        conversation.sendSYN()
        conversation.sendSYNACK()
        return conversation
    }

    @Test func noOptionInTheSYNACK() {
        let conversation = Conversation()
        conversation.sendSYN()
        conversation.line.send(.server, [.syn, .ack])
        #expect(conversation.state == .fallback(.noOptionInSYNACK))
        #expect(conversation.events == [.fellBack(conversation.id!, .noOptionInSYNACK)])
        conversation.line.send(.client, .ack)
        conversation.line.send(.client, .ack, payload: 5)
        #expect(conversation.first.state == .established && conversation.first.streams.client.bytes == 5)
        conversation.line.send(.client, [.fin, .ack])
        conversation.line.send(.server, [.fin, .ack])
        #expect(conversation.state == .closed && conversation.tracker.counters.fallbacks == 1)
    }

    @Test func bareOptionInTheSYNACK() {
        let conversation = Conversation()
        conversation.sendSYN()
        conversation.line.send(.server, [.syn, .ack], [conversation.secrets.synOption])
        #expect(conversation.state == .fallback(.noOptionInSYNACK))
    }

    @Test(arguments: [0, 10])
    func noOptionAfterTheSYNACK(payload: Int) {
        let conversation = answered()
        conversation.line.send(.client, .ack, payload: payload)
        #expect(conversation.state == .fallback(.noOptionAfterSYNACK))
    }

    @Test(arguments: Host.allCases)
    func firstDataWithoutMapping(host: Host) {
        let conversation = Conversation.established()
        conversation.line.send(host, .ack, payload: 10)
        #expect(conversation.state == .fallback(.dataWithoutMapping))
    }

    /// The third ACK was not seen; the server goes on as TCP.
    @Test func serverDataWithoutMappingBehindAnUnseenACK() {
        let conversation = answered()
        conversation.line.lose(.client, .ack, [conversation.secrets.ackOption])
        conversation.line.send(.server, .ack, payload: 10)
        #expect(conversation.state == .fallback(.dataWithoutMapping))
    }

    /// The SYN-ACK was not seen either.
    @Test func clientDataWithoutMappingBehindAnUnseenSYNACK() {
        let conversation = Conversation()
        conversation.sendSYN()
        conversation.line.lose(.server, [.syn, .ack])
        conversation.line.send(.client, .ack)
        conversation.line.send(.client, .ack, payload: 10)
        #expect(conversation.state == .fallback(.dataWithoutMapping))
    }

    @Test func acknowledgementsWithoutDSSAreNoFallback() {
        let conversation = Conversation.established()
        conversation.line.send(.server, .ack)
        conversation.line.send(.client, .ack)
        conversation.data(.client)
        conversation.line.send(.server, .ack)
        conversation.data(.server)
        conversation.line.send(.client, .ack)
        #expect(conversation.state == .established)
    }

    /// A mapping covers what follows in segments without one.
    @Test func oneMappingForSeveralSegments() {
        let conversation = Conversation.established()
        let signal = Signal.map(conversation.secrets.data(.client), length: 30)
        conversation.line.send(.client, .ack, [signal], payload: 10)
        conversation.line.send(.client, .ack, payload: 10)
        conversation.line.send(.client, .ack, payload: 10)
        #expect(conversation.state == .established && conversation.first.streams.client.bytes == 30)
    }

    /// The segment with the mapping is overtaken by the one behind it.
    @Test func mappingComesLate() {
        let conversation = Conversation.established()
        let signal = Signal.map(conversation.secrets.data(.client), length: 20)
        let first = conversation.line.lose(.client, .ack, [signal], payload: 10)
        conversation.line.send(.client, .ack, payload: 10)
        conversation.scene.see(first)
        #expect(conversation.state == .established)
    }

    /// A mapping may come in a segment of its own before its data (section 3.3).
    @Test func mappingComesBeforeItsData() {
        let conversation = Conversation.established()
        conversation.line.send(.server, .ack, [Signal.map(conversation.secrets.data(.server), length: 10)])
        conversation.line.send(.server, .ack, payload: 10)
        #expect(conversation.state == .established)
    }

    @Test func malformedOptionIsNoFallback() {
        let conversation = answered()
        var draft = conversation.line.lose(.client, .ack)
        draft.options = [30, 5, 0x01, 0, 0, 0, 0, 0]
        conversation.scene.see(draft)
        #expect(conversation.state == .answered)
        #expect(conversation.connection.anomalies.all == [.malformedOption])
        conversation.data(.server)
        #expect(conversation.state == .established)
    }

    /// MP_FAIL asks for an infinite mapping; with that the connection is plain TCP.
    @Test func failureOfTheOnlySubflow() {
        let conversation = Conversation.established()
        conversation.data(.client)
        conversation.line.send(.server, .ack, [.fail(conversation.secrets.data(.client))])
        #expect(conversation.state == .established)
        #expect(conversation.connection.anomalies.contains(.checksumFailed))
        conversation.line.send(.client, .ack, [Signal.map(conversation.secrets.data(.client), length: 0)], payload: 9)
        #expect(conversation.state == .fallback(.checksumFailed) && conversation.tracker.counters.fallbacks == 1)
    }

    @Test func failureOfOneOfTwo() {
        let conversation = Conversation.established()
        let second = conversation.join()
        second.send(.server, .rst, [.fail(conversation.secrets.data(.client))])
        #expect(conversation.state == .established)
        #expect(conversation.subflow(1).state == .closed(.reset(by: .server)))
        #expect(conversation.connection.anomalies.contains(.checksumFailed))
    }

    /// On a reset MP_FAIL ends the subflow; there is nothing to fall back to.
    @Test func failureOnTheResetOfTheOnlySubflow() {
        let conversation = Conversation.established()
        conversation.line.send(.server, .rst, [.fail(conversation.secrets.data(.client))])
        #expect(conversation.tracker.counters.fallbacks == 0)
        #expect(conversation.state == .established && conversation.first.state.isClosed)
    }

    @Test func infiniteMapping() {
        let conversation = Conversation.established()
        conversation.data(.client)
        let signal = Signal.map(conversation.secrets.data(.client, 10), length: 0)
        conversation.line.send(.client, .ack, [signal], payload: 10)
        #expect(conversation.state == .fallback(.infiniteMapping))
    }
}
