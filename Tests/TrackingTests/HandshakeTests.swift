import PacketForge
import Testing
import Wire

@testable import Tracking

@Suite struct HandshakeTests {
    @Test(arguments: Family.allCases)
    func version1(family: Family) throws {
        let conversation = Conversation(Secrets(), family)
        let secrets = conversation.secrets
        let sighting = try #require(conversation.sendSYN())
        let id = sighting.connection
        #expect(conversation.events == [.opened(id), .subflowOpened(id, subflow: 0)])
        #expect(conversation.state == .opening && sighting.sender == .client && conversation.connection.token == nil)
        #expect(conversation.connection.tuple == FourTuple(client: family.client, server: family.server))

        conversation.sendSYNACK()
        #expect(conversation.state == .answered && conversation.first.state == .synReceived)
        #expect(conversation.connection.token == secrets.token(.server))

        conversation.line.send(.client, .ack, [secrets.ackOption])
        #expect(conversation.events.contains(.established(id)))
        #expect(conversation.events.contains(.subflowEstablished(id, subflow: 0)))
        #expect(conversation.state == .established && conversation.first.state == .established)
        #expect(conversation.connection.hosts.client.token == secrets.token(.client))
        #expect(conversation.connection.hosts.client.stream.next == secrets.data(.client))
        #expect(conversation.connection.hosts.server.stream.next == secrets.data(.server))
        #expect(conversation.connection.anomalies.all == [])
    }

    @Test(arguments: Family.allCases)
    func version0(family: Family) {
        let conversation = Conversation(Secrets(version: 0), family)
        conversation.sendSYN()
        // The client's key is in the SYN already (RFC 6824 section 3.1).
        #expect(conversation.connection.hosts.client.token == conversation.secrets.token(.client))
        conversation.sendSYNACK()
        conversation.line.send(.client, .ack, [conversation.secrets.ackOption])
        #expect(conversation.state == .established && conversation.connection.version == 0)
        #expect(conversation.connection.token == conversation.secrets.token(.server))
        #expect(conversation.connection.anomalies.all == [])
    }

    /// The server answers a SYN of version 1 with version 0: all that follows from keys is version 0's.
    @Test func versionIsLowered() {
        let scene = Scene()
        let secrets = Secrets(version: 0)
        let conversation = Conversation(Secrets(), in: scene)
        conversation.sendSYN()
        conversation.line.send(.server, [.syn, .ack], [secrets.synAckOption])
        conversation.line.send(.client, .ack, [secrets.ackOption])
        #expect(conversation.state == .established && conversation.connection.version == 0)
        #expect(conversation.connection.token == secrets.token(.server))
        #expect(conversation.connection.hosts.client.token == secrets.token(.client))
    }

    /// A version that the client hasn't asked for is none that it speaks (RFC 8684 section 3.1).
    @Test func versionIsNotRaised() {
        let conversation = Conversation(Secrets(version: 0))
        conversation.sendSYN()
        conversation.line.send(.server, [.syn, .ack], [Secrets().synAckOption])
        #expect(conversation.state == .fallback(.noOptionInSYNACK))
        #expect(conversation.connection.version == 0)
    }

    @Test func keyComesWithTheFirstDataWhenTheThirdACKIsLost() {
        let conversation = Conversation()
        let secrets = conversation.secrets
        conversation.sendSYN()
        conversation.sendSYNACK()
        conversation.line.lose(.client, .ack, [secrets.ackOption])
        conversation.line.send(.client, .ack, [secrets.ackOption(data: 100)], payload: 100)
        #expect(conversation.state == .established)
        #expect(conversation.connection.hosts.client.key == secrets.client)
        #expect(conversation.connection.hosts.client.stream.next == secrets.data(.client, 100))
        #expect(conversation.first.streams.client.bytes == 100)
        // Once more: nothing is new, and nothing is counted twice.
        conversation.data(.client, 100, length: 50)
        conversation.line.next.client -= 150
        let sighting = conversation.line.send(.client, .ack, [secrets.ackOption(data: 100)], payload: 100)
        #expect(sighting?.retransmitted == 100)
        #expect(conversation.connection.hosts.client.stream.next == secrets.data(.client, 150))
        #expect(conversation.first.streams.client.bytes == 150)
    }

    /// The first segment with the key is overtaken by one whose mapping has the lower half of the number.
    @Test func keyComesAfterAShortMapping() {
        let conversation = Conversation()
        let secrets = conversation.secrets
        conversation.sendSYN()
        conversation.sendSYNACK()
        let first = conversation.line.lose(.client, .ack, [secrets.ackOption(data: 10)], payload: 10)
        conversation.line.send(
            .client, .ack, [Signal.mapShort(secrets.data(.client, 10), length: 10)], payload: 10)
        conversation.scene.see(first)
        #expect(conversation.state == .established)
        #expect(conversation.connection.hosts.client.stream.next == secrets.data(.client, 20))
        #expect(conversation.connection.hosts.client.token == secrets.token(.client))
        #expect(conversation.first.streams.client.bytes == 20)
    }

    @Test func handshakeSegmentsComeAgain() {
        let conversation = Conversation()
        conversation.sendSYN()
        let again = conversation.line.sendAgain(.client)
        #expect(again?.connection == conversation.id && conversation.events == [])
        conversation.sendSYNACK()
        conversation.line.sendAgain(.server)
        conversation.line.sendAgain(.client)
        #expect(conversation.state == .answered && conversation.tracker.counters.opened == 1)
        conversation.line.send(.client, .ack, [conversation.secrets.ackOption])
        conversation.line.sendAgain(.server)
        conversation.line.sendAgain(.client)
        #expect(conversation.state == .established && conversation.connection.subflows.count == 1)
        #expect(conversation.tracker.counters.established == 1 && conversation.connection.anomalies.all == [])
    }

    /// Linux leaves the option out when a SYN has been sent in vain a few times.
    @Test func retransmittedSYNWithoutTheOption() {
        let conversation = Conversation()
        conversation.sendSYN()
        conversation.line.next.client -= 1
        #expect(conversation.line.send(.client, .syn)?.connection == conversation.id)
        conversation.line.send(.server, [.syn, .ack])
        #expect(conversation.state == .fallback(.noOptionInSYNACK))
    }

    @Test func dataInTheSYN() {
        let conversation = Conversation()
        let secrets = conversation.secrets
        conversation.line.send(.client, .syn, [secrets.synOption], payload: 30)
        conversation.sendSYNACK()
        conversation.line.send(.client, .ack, [secrets.ackOption])
        let found = conversation.tracker.find(conversation.line.tuple)!.connection
        // The SYN's data have no mapping; the key's first number stands for them (RFC 8684 appendix B).
        conversation.line.send(.client, .ack, [Signal.map(secrets.data(.client, 30), length: 5)], payload: 5)
        let connection = conversation.tracker[found]!
        #expect(connection.state == .established)
        #expect(connection.subflows[0].streams.client.bytes == 35)
        #expect(connection.subflows[0].streams.client.retransmittedBytes == 0)
    }

    @Test func thirdACKWithAnotherKeyThanTheSYNACK() {
        let conversation = Conversation()
        conversation.sendSYN()
        conversation.sendSYNACK()
        let other = Secrets(conversation.secrets.client.rawValue, 99)
        conversation.line.send(.client, .ack, [other.ackOption])
        #expect(conversation.connection.anomalies.all == [.wrongKey])
        #expect(conversation.connection.token == conversation.secrets.token(.server))
    }

    /// In version 1 a SYN carries no key (RFC 8684 section 3.1): the third ACK's counts.
    @Test func keyInASYNOfVersion1() {
        let conversation = Conversation()
        let key = MPCapable(version: 1, flags: .hmac, form: .key(sender: MultipathKey(77)))
        let id = conversation.line.send(.client, .syn, [.capable(key)])!.connection
        conversation.sendSYNACK()
        conversation.line.send(.client, .ack, [conversation.secrets.ackOption])
        #expect(conversation.tracker[id]?.hosts.client.key == conversation.secrets.client)
    }

    @Test func refusedByReset() {
        let conversation = Conversation()
        conversation.sendSYN()
        conversation.line.send(.server, [.rst, .ack])
        #expect(conversation.state == .closed && conversation.first.state == .closed(.reset(by: .server)))
    }

    @Test func segmentsThatConcernNoOne() {
        let scene = Scene()
        let line = Line(scene, "10.1.0.2:40000", "10.9.0.2:80")
        #expect(line.send(.client, .syn) == nil)
        #expect(line.send(.server, [.syn, .ack], [Secrets().synAckOption]) == nil)
        #expect(line.send(.client, .ack, payload: 10) == nil)
        #expect(line.send(.server, .rst) == nil)
        #expect(line.send(.client, [.syn, .rst], [Secrets().synOption]) == nil)
        #expect(scene.tracker.count == 0)
    }

    @Test func interfaceAndWayAreNoted() {
        let scene = Scene()
        let line = Line(scene, "10.1.0.2:40000", "10.9.0.2:80")
        let id = scene.see(line.lose(.client, .syn, [Secrets().synOption]), isForwarded: true)!.connection
        scene.see(line.lose(.server, [.syn, .ack], [Secrets().synAckOption]), interface: 9)
        #expect(scene.tracker[id]?.subflows[0].interface == 0)
        scene.see(line.lose(.client, .ack, [Secrets().ackOption]), interface: 4)
        #expect(scene.tracker[id]?.subflows[0].interface == 4)
        #expect(scene.tracker[id]?.isForwarded == true)
    }
}
