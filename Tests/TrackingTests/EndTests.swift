import PacketForge
import Testing
import Wire

@testable import Tracking

/// How subflows and connections end (RFC 8684 sections 3.3.3, 3.5 and 3.6).
@Suite struct EndTests {
    @Test func dataFINs() {
        let conversation = Conversation.established()
        let id = conversation.id!
        conversation.data(.client, length: 10)
        conversation.dataFIN(.client, at: 10)
        let fin = conversation.secrets.data(.client, 10)
        #expect(conversation.connection.hosts.client.stream.state == .finSent(fin))
        conversation.acknowledge(.server, 10)
        #expect(conversation.connection.hosts.client.stream.state == .finSent(fin))
        conversation.acknowledge(.server, 11)
        // Half closed: the server goes on.
        #expect(conversation.connection.hosts.client.stream.state == .finAcknowledged)
        #expect(conversation.state == .established)
        conversation.data(.server, length: 500, acknowledging: 11)
        #expect(conversation.state == .established)
        conversation.dataFIN(.server, at: 500, acknowledging: 11)
        #expect(conversation.state == .established)
        conversation.acknowledge(.client, 501)
        #expect(conversation.state == .closed && conversation.events == [.closed(id)])
        #expect(conversation.first.state == .established)
        // The subflows end behind it.
        conversation.line.send(.client, [.fin, .ack])
        #expect(conversation.first.state == .halfClosed(by: .client))
        conversation.line.send(.server, [.fin, .ack])
        #expect(conversation.events == [.subflowClosed(id, subflow: 0, .fin)])
    }

    @Test func dataFINWithDataAndSentAgain() {
        let conversation = Conversation.established()
        let secrets = conversation.secrets
        let last = Signal.map(secrets.data(.server), length: 11, isFIN: true)
        conversation.line.send(.server, .ack, [last], payload: 10)
        conversation.line.sendAgain(.server)
        #expect(conversation.connection.hosts.server.stream.state == .finSent(secrets.data(.server, 10)))
        #expect(conversation.connection.hosts.server.stream.next == secrets.data(.server, 11))
        #expect(conversation.first.streams.server.retransmittedBytes == 10)
    }

    /// The F flag means nothing without a mapping (section 3.3.3).
    @Test func finFlagWithoutMapping() {
        let conversation = Conversation.established()
        let signal = DataSequenceSignal(acknowledgement: nil, mapping: nil, hasFinFlag: true)
        conversation.line.send(.client, .ack, [.dataSequenceSignal(signal)])
        #expect(conversation.connection.hosts.client.stream.state == .open)
    }

    @Test func finsOfASubflow() {
        let conversation = Conversation.established()
        conversation.join()
        let id = conversation.id!
        conversation.line.send(.server, [.fin, .ack])
        #expect(conversation.first.state == .halfClosed(by: .server))
        conversation.line.sendAgain(.server)
        #expect(conversation.first.state == .halfClosed(by: .server) && conversation.events == [])
        conversation.data(.client)
        #expect(conversation.first.state == .halfClosed(by: .server))
        conversation.line.send(.client, [.fin, .ack])
        #expect(conversation.first.state == .closed(.fin))
        #expect(conversation.events == [.subflowClosed(id, subflow: 0, .fin)])
        conversation.line.sendAgain(.client)
        #expect(conversation.events == [] && conversation.state == .established)
    }

    @Test(arguments: Host.allCases)
    func resets(host: Host) {
        let conversation = Conversation.established()
        let second = conversation.join()
        let reset = MPReset(flags: 1, reason: 5)
        second.send(host, [.rst, .ack], [.reset(reset)])
        #expect(conversation.subflow(1).state == .closed(.resetWithReason(reset, by: host)))
        conversation.line.send(host, .rst)
        #expect(conversation.first.state == .closed(.reset(by: host)))
        // Neither has sent DATA_FIN: another subflow may join.
        #expect(conversation.state == .established)
    }

    @Test func lastSubflowAfterBothDATA_FINs() {
        let conversation = Conversation.established()
        conversation.dataFIN(.client)
        conversation.dataFIN(.server)
        #expect(conversation.state == .established)
        conversation.line.send(.server, .rst)
        #expect(conversation.state == .closed)
    }

    @Test func anotherSubflowAfterTheLast() {
        let conversation = Conversation.established()
        conversation.data(.client)
        conversation.line.send(.client, .rst)
        #expect(conversation.state == .established && conversation.first.state.isClosed)
        let second = conversation.join()
        #expect(conversation.subflow(1).state == .established)
        conversation.data(.client, 10, on: second)
        #expect(conversation.connection.hosts.client.stream.next == conversation.secrets.data(.client, 20))
        #expect(conversation.scene.tracker.brokenInvariants() == [])
    }

    /// A join that was never answered keeps no connection.
    @Test func lastSubflowBesideAnUnansweredJoin() {
        let scene = Scene(.init(liveTime: 1_000_000, overTime: 1000))
        let conversation = Conversation.established(in: scene)
        conversation.joinLine().send(.client, .syn, [conversation.secrets.joinSYN()])
        conversation.dataFIN(.client)
        conversation.dataFIN(.server)
        conversation.line.send(.client, .rst)
        #expect(conversation.state == .closed)
        let other = Conversation.established(Secrets(3, 4), in: scene, client: Endpoint("10.1.0.9:1")!)
        other.joinLine(client: Endpoint("10.1.0.9:2")!).send(.client, .syn, [other.secrets.joinSYN()])
        other.line.send(.client, .rst)
        #expect(other.state == .established)
        scene.now += 1001
        scene.see(PacketDraft(flags: .rst))
        #expect(scene.tracker.count == 0)
    }

    @Test(arguments: Host.allCases, [TCPFlags.ack, [.rst, .ack]])
    func fastClose(host: Host, flags: TCPFlags) {
        let conversation = Conversation.established()
        conversation.join()
        conversation.line.send(host, flags, [conversation.secrets.fastClose(by: host)])
        #expect(conversation.state == .fastClosed(by: host))
        #expect(conversation.connection.subflows.allSatisfy { $0.state == .closed(.fastClosed) })
        #expect(conversation.tracker.counters.fastCloses == 1)
        conversation.line.send(host.peer, .rst)
        #expect(conversation.state == .fastClosed(by: host) && conversation.events == [])
    }

    /// The key is the receiver's (section 3.5).
    @Test func fastCloseWithTheSendersKey() {
        let conversation = Conversation.established()
        conversation.line.send(.client, .ack, [conversation.secrets.fastClose(by: .server)])
        #expect(conversation.state == .established && conversation.first.state == .established)
        #expect(conversation.connection.anomalies.all == [.wrongKey])
        conversation.line.send(.client, .rst, [conversation.secrets.fastClose(by: .server)])
        #expect(conversation.first.state == .closed(.reset(by: .client)) && conversation.state == .established)
    }

    @Test func fourTupleIsOpenedAnew() {
        let scene = Scene()
        let old = Conversation.established(in: scene)
        old.join()
        let new = Conversation(Secrets(3, 4), in: scene)
        new.line.next = PerHost(client: 700_000, server: 800_000)
        new.sendSYN()
        #expect(old.first.state == .closed(.reused) && old.subflow(1).state == .established)
        #expect(old.id != new.id && scene.tracker.find(new.line.tuple)?.connection == new.id)
        new.sendSYNACK()
        new.line.send(.client, .ack, [new.secrets.ackOption])
        #expect(new.state == .established && new.connection.token == new.secrets.token(.server))
        // What ends the old one leaves the new one alone.
        old.join(client: Endpoint("10.7.0.2:1")!).send(.client, .ack, [old.secrets.fastClose(by: .client)])
        #expect(old.state == .fastClosed(by: .client) && new.first.state == .established)
        #expect(scene.tracker.brokenInvariants() == [])
    }

    @Test func fourTupleOfASubflowIsUsedForAnotherConnection() {
        let scene = Scene()
        let conversation = Conversation.established(in: scene)
        let line = conversation.join()
        line.send(.client, [.fin, .ack])
        line.send(.server, [.fin, .ack])
        let new = Conversation(Secrets(3, 4), in: scene, client: Family.ipv4.secondClient)
        new.line.next = PerHost(client: 700_000, server: 800_000)
        new.sendSYN()
        #expect(conversation.subflow(1).state == .closed(.fin))
        #expect(scene.tracker.find(new.line.tuple)?.connection == new.id)
        #expect(scene.tracker.brokenInvariants() == [])
    }

    /// The next one on the 4-tuple doesn't speak MPTCP.
    @Test func fourTupleIsUsedWithoutMultipath() {
        let conversation = Conversation.established()
        conversation.line.next = PerHost(client: 700_000, server: 800_000)
        #expect(conversation.line.send(.client, .syn) == nil)
        #expect(conversation.first.state == .closed(.reused))
        #expect(conversation.line.send(.client, .ack, payload: 10) == nil)
    }
}
