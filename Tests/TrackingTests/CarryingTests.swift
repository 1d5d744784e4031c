import Testing
import Wire

@testable import Tracking

/// Which subflows data may go over.
@Suite struct CarryingTests {
    private func count(_ conversation: Conversation) -> Int { conversation.connection.carryingSubflows }

    @Test func theFirstFromItsThirdACKOn() {
        let conversation = Conversation()
        conversation.sendSYN()
        #expect(count(conversation) == 0)
        conversation.sendSYNACK()
        #expect(count(conversation) == 0)
        conversation.line.send(.client, .ack, [conversation.secrets.ackOption])
        #expect(count(conversation) == 1)
    }

    @Test(arguments: Host.allCases)
    func aJoinFromItsHMACOn(by host: Host) {
        let conversation = Conversation.established()
        let secrets = conversation.secrets
        let line = conversation.joinLine()
        line.send(host, .syn, [secrets.joinSYN(by: host)])
        #expect(count(conversation) == 1)
        line.send(host.peer, [.syn, .ack], [secrets.joinSYNACK(by: host.peer)])
        #expect(count(conversation) == 1)
        line.send(host, .ack, [secrets.joinACK(by: host)])
        #expect(count(conversation) == 2 && conversation.subflow(1).isCarrying)
        conversation.join(id: 2, client: Endpoint("10.3.0.2:40000")!)
        #expect(count(conversation) == 3)
    }

    /// Whatever is sent on it.
    @Test(arguments: [true, false])
    func anUnprovenJoinDoesNotCount(hasWrongHMAC: Bool) {
        let conversation = Conversation.established()
        let secrets = conversation.secrets
        let line = conversation.joinLine()
        line.send(.client, .syn, [secrets.joinSYN()])
        line.send(.server, [.syn, .ack], [secrets.joinSYNACK()])
        if hasWrongHMAC { line.send(.client, .ack, [secrets.joinACK(peerNonce: 9)]) }
        conversation.data(.client, on: line)
        #expect(count(conversation) == 1)
        line.send(.client, [.fin, .ack])
        #expect(conversation.subflow(1).state == .halfClosed(by: .client) && count(conversation) == 1)
    }

    @Test func aRefusedJoinDoesNotCount() {
        let conversation = Conversation.established()
        let line = conversation.joinLine()
        line.send(.client, .syn, [conversation.secrets.joinSYN()])
        line.send(.server, [.syn, .ack])
        #expect(count(conversation) == 1)
    }

    @Test func theOtherHalfCarriesOn() {
        let conversation = Conversation.established()
        let second = conversation.join()
        second.send(.client, [.fin, .ack])
        #expect(conversation.subflow(1).state == .halfClosed(by: .client) && count(conversation) == 2)
        second.send(.server, [.fin, .ack])
        #expect(count(conversation) == 1)
    }

    @Test(arguments: Host.allCases)
    func reset(by host: Host) {
        let conversation = Conversation.established()
        let second = conversation.join()
        second.send(host, .rst)
        #expect(count(conversation) == 1 && conversation.first.isCarrying)
        conversation.line.send(host, .rst)
        #expect(count(conversation) == 0)
    }

    @Test func fastClose() {
        let conversation = Conversation.established()
        conversation.join()
        conversation.line.send(.client, .rst, [conversation.secrets.fastClose(by: .client)])
        #expect(count(conversation) == 0)
    }

    @Test func plainTCPCarriesOn() {
        let conversation = Conversation.established()
        conversation.line.send(.server, payload: 10)
        #expect(conversation.state == .fallback(.dataWithoutMapping) && count(conversation) == 1)
    }

    @Test func aRemovedAddressUntilNewDataComesOverIt() {
        let conversation = Conversation.established()
        let second = conversation.join(id: 1)
        conversation.line.send(.client, .ack, [.removeAddress(RemovedAddresses([AddressID(1)])!)])
        #expect(count(conversation) == 1)
        conversation.data(.server, length: 10, on: second)
        #expect(count(conversation) == 1)
        conversation.data(.client, length: 10, on: second)
        #expect(conversation.events == [.subflowEstablished(conversation.id!, subflow: 1)])
        #expect(count(conversation) == 2)
        // Once.
        conversation.data(.client, 10, length: 10, on: second)
        #expect(conversation.events == [] && count(conversation) == 2)
    }

    /// What had been closed in one direction by then ends with the other.
    @Test func aRevivedSubflowThatWasHalfClosed() {
        let conversation = Conversation.established()
        let second = conversation.join(id: 1)
        second.send(.server, [.fin, .ack])
        conversation.line.send(.client, .ack, [.removeAddress(RemovedAddresses([AddressID(1)])!)])
        conversation.data(.client, length: 10, on: second)
        #expect(conversation.subflow(1).state == .halfClosed(by: .server) && count(conversation) == 2)
        second.send(.client, [.fin, .ack])
        #expect(conversation.subflow(1).state == .closed(.fin) && count(conversation) == 1)
    }
}
