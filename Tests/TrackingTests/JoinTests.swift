import PacketForge
import Testing
import Wire

@testable import Tracking

/// RFC 8684 section 3.2.
@Suite struct JoinTests {
    @Test(arguments: Family.allCases, [UInt8(0), 1])
    func byTheClient(family: Family, version: UInt8) throws {
        let conversation = Conversation.established(Secrets(version: version), family)
        let secrets = conversation.secrets
        let line = conversation.joinLine()
        let sighting = try #require(line.send(.client, .syn, [secrets.joinSYN(id: 3)]))
        #expect(sighting.connection == conversation.id && sighting.subflow == 1 && sighting.sender == .client)
        #expect(conversation.events == [.subflowOpened(sighting.connection, subflow: 1)])
        #expect(conversation.subflow(1).state == .synSent)
        line.send(.server, [.syn, .ack], [secrets.joinSYNACK(id: 4)])
        #expect(conversation.subflow(1).state == .synReceived)
        #expect(conversation.subflow(1).addressID == PerHost(client: AddressID(3), server: AddressID(4)))
        line.send(.client, .ack, [secrets.joinACK()])
        #expect(conversation.events == [.subflowEstablished(sighting.connection, subflow: 1)])
        #expect(conversation.subflow(1).state == .established && conversation.subflow(1).initiator == .client)
        #expect(conversation.subflow(1).endpoints == line.ends)
        #expect(conversation.connection.anomalies.all == [] && conversation.tracker.counters.joins == 1)
    }

    /// What a joining client names: by the server's key, while there is a connection here to join.
    @Test(arguments: Family.allCases, [false, true])
    func byTokenOfAConvertedConnection(family: Family, isForwarded: Bool) {
        let conversation = Conversation(Secrets(), family)
        let (scene, secrets, line) = (conversation.scene, conversation.secrets, conversation.line)
        let isConverted = { scene.tracker.isConverted(secrets.token($0), at: family.server.address) }
        scene.see(line.draft(.client, .syn, [secrets.synOption]), isForwarded: isForwarded)
        line.next.client += 1
        conversation.sendSYNACK()
        #expect(!isConverted(.server))
        line.send(.client, .ack, [secrets.ackOption])
        #expect(isConverted(.server) == !isForwarded)
        #expect(!isConverted(.client))
        scene.tracker.release(line.tuple, at: scene.now)
        #expect(!isConverted(.server))
    }

    /// The server joins by the client's token, and the subflow's client is the connection's all the same.
    @Test(arguments: Family.allCases)
    func byTheServer(family: Family) {
        let conversation = Conversation.established(Secrets(), family)
        let line = conversation.join(by: .server, id: 5, server: family.secondServer)
        let subflow = conversation.subflow(1)
        #expect(subflow.initiator == .server && subflow.state == .established)
        #expect(subflow.endpoints == PerHost(client: family.secondClient, server: family.secondServer))
        #expect(subflow.addressID.server == AddressID(5) && subflow.addressID.client == AddressID(0))
        #expect(conversation.connection.anomalies.all == [])
        #expect(conversation.data(.server, on: line)?.sender == .server)
        #expect(conversation.data(.client, on: line)?.sender == .client)
        #expect(conversation.subflow(1).streams.server.bytes == 10)
    }

    @Test func wrongHMACInTheSYNACK() {
        let conversation = Conversation.established()
        let line = conversation.joinLine()
        line.send(.client, .syn, [conversation.secrets.joinSYN()])
        line.send(.server, [.syn, .ack], [conversation.secrets.joinSYNACK(peerNonce: 9)])
        #expect(conversation.connection.anomalies.all == [.wrongJoinHMAC])
        line.send(.client, .rst)
        #expect(conversation.subflow(1).state == .closed(.reset(by: .client)))
        #expect(conversation.state == .established)
    }

    /// The server resets such a subflow; until then nothing that is said on it counts.
    @Test func wrongHMACInTheACK() {
        let conversation = Conversation.established()
        let secrets = conversation.secrets
        let line = conversation.joinLine()
        line.send(.client, .syn, [secrets.joinSYN()])
        line.send(.server, [.syn, .ack], [secrets.joinSYNACK()])
        line.send(.client, .ack, [secrets.joinACK(peerNonce: 9)])
        #expect(conversation.connection.anomalies.all == [.wrongJoinHMAC])
        #expect(conversation.subflow(1).state == .synReceived)

        conversation.data(.client, 5000, on: line)
        line.send(.client, .ack, [secrets.fastClose(by: .client), .removeAddress(RemovedAddresses([AddressID(0)])!)])
        #expect(conversation.subflow(1).state == .synReceived && conversation.state == .established)
        #expect(conversation.first.state == .established)
        #expect(conversation.connection.hosts.client.stream.next == secrets.data(.client))
        line.send(.server, .ack, [Signal.acknowledge(secrets.data(.client))])
        #expect(conversation.subflow(1).state == .synReceived)
        line.send(.server, .rst)
        #expect(conversation.subflow(1).state == .closed(.reset(by: .server)))
    }

    /// Nor does what is said without an HMAC.
    @Test func noHMACInTheACK() {
        let conversation = Conversation.established()
        let line = conversation.joinLine()
        line.send(.client, .syn, [conversation.secrets.joinSYN()])
        conversation.data(.client, 5000, on: line)
        #expect(conversation.subflow(1).state == .synSent)
        #expect(conversation.connection.hosts.client.stream.next == conversation.secrets.data(.client))
    }

    /// Nor on one that has ended before.
    @Test(arguments: [true, false])
    func noHMACBeforeTheEnd(isRemoved: Bool) {
        let conversation = Conversation.established()
        let line = conversation.joinLine()
        line.send(.client, .syn, [conversation.secrets.joinSYN(id: 1)])
        if isRemoved {
            conversation.line.send(.client, .ack, [.removeAddress(RemovedAddresses([AddressID(1)])!)])
        } else {
            line.send(.client, .rst)
        }
        #expect(conversation.subflow(1).state.isClosed)
        conversation.data(.client, 5000, on: line)
        line.send(.client, .ack, [conversation.secrets.fastClose(by: .client)])
        #expect(conversation.subflow(1).state.isClosed && conversation.state == .established)
        #expect(conversation.connection.hosts.client.stream.next == conversation.secrets.data(.client))
    }

    @Test func thirdACKNotSeen() {
        let conversation = Conversation.established()
        let line = conversation.joinLine()
        line.send(.client, .syn, [conversation.secrets.joinSYN()])
        line.send(.server, [.syn, .ack], [conversation.secrets.joinSYNACK()])
        line.lose(.client, .ack, [conversation.secrets.joinACK()])
        line.send(.server, .ack, [Signal.acknowledge(conversation.secrets.data(.client))])
        #expect(conversation.subflow(1).state == .established)
        conversation.data(.client, on: line)
        #expect(conversation.connection.hosts.client.stream.next == conversation.secrets.data(.client, 10))
    }

    @Test func SYNACKNotSeen() {
        let conversation = Conversation.established()
        let line = conversation.joinLine()
        line.send(.client, .syn, [conversation.secrets.joinSYN()])
        line.lose(.server, [.syn, .ack], [conversation.secrets.joinSYNACK()])
        // Without the server's nonce the HMAC can't be checked.
        line.send(.client, .ack, [conversation.secrets.joinACK()])
        #expect(conversation.subflow(1).state == .established && conversation.connection.anomalies.all == [])
    }

    @Test func refusedByReset() {
        let conversation = Conversation.established()
        let line = conversation.joinLine()
        line.send(.client, .syn, [conversation.secrets.joinSYN()])
        line.send(.server, [.rst, .ack], [.reset(MPReset(flags: 1, reason: 2))])
        let reason = SubflowEnd.resetWithReason(MPReset(flags: 1, reason: 2), by: .server)
        #expect(conversation.subflow(1).state == .closed(reason))
        #expect(conversation.state == .established)
    }

    @Test func answeredWithoutMultipath() {
        let conversation = Conversation.established()
        let line = conversation.joinLine()
        line.send(.client, .syn, [conversation.secrets.joinSYN()])
        line.send(.server, [.syn, .ack])
        #expect(conversation.subflow(1).state == .closed(.joinRefused))
        #expect(conversation.connection.anomalies.all == [.joinRefused] && conversation.state == .established)
    }

    @Test func unknownToken() {
        let conversation = Conversation.established()
        let line = conversation.joinLine()
        #expect(line.send(.client, .syn, [Secrets(5, 6).joinSYN()]) == nil)
        // The client's own token names the connection at the client, and yet there is no other with it.
        #expect(conversation.tracker.counters.joinsOfUnknownToken == 1 && conversation.connection.subflows.count == 1)
    }

    /// Tokens are unique at one host only.
    @Test func oneTokenAtTwoHosts() {
        let scene = Scene()
        let first = Conversation.established(in: scene)
        let other = Conversation(Secrets(), .ipv6, in: scene)
        other.sendSYN()
        other.sendSYNACK()
        other.line.send(.client, .ack, [other.secrets.ackOption])
        first.join()
        #expect(first.connection.subflows.count == 2 && other.connection.subflows.count == 1)
        other.join()
        #expect(first.connection.subflows.count == 2 && other.connection.subflows.count == 2)
        // At an address that the server has only announced.
        let address = Family.ipv4.secondServer
        first.line.send(.server, .ack, [first.secrets.addAddress(by: .server, id: 2, address.address)])
        first.join(client: Endpoint("10.2.0.2:40009")!, server: address)
        #expect(first.connection.subflows.count == 3 && other.connection.subflows.count == 2)
    }

    @Test func backupAsEachSideAsks() {
        let conversation = Conversation.established()
        let secrets = conversation.secrets
        let line = conversation.joinLine()
        line.send(.client, .syn, [secrets.joinSYN(isBackup: true)])
        #expect(conversation.subflow(1).asksForBackup == PerHost(client: true, server: false))
        line.send(.server, [.syn, .ack], [secrets.joinSYNACK(isBackup: false)])
        #expect(conversation.subflow(1).asksForBackup == PerHost(client: true, server: false))

        let other = conversation.joinLine(client: Endpoint("10.3.0.2:40000")!)
        other.send(.client, .syn, [secrets.joinSYN(id: 2)])
        #expect(!conversation.subflow(2).isBackup)
        other.send(.server, [.syn, .ack], [secrets.joinSYNACK(isBackup: true)])
        #expect(conversation.subflow(2).asksForBackup == PerHost(client: false, server: true))
        #expect(conversation.subflow(2).isBackup && !conversation.first.isBackup)
    }

    @Test func joinsSegmentsComeAgain() {
        let conversation = Conversation.established()
        let line = conversation.joinLine()
        line.send(.client, .syn, [conversation.secrets.joinSYN()])
        line.sendAgain(.client)
        line.send(.server, [.syn, .ack], [conversation.secrets.joinSYNACK()])
        line.sendAgain(.server)
        line.send(.client, .ack, [conversation.secrets.joinACK()])
        line.sendAgain(.server)
        line.sendAgain(.client)
        #expect(conversation.connection.subflows.map(\.state) == [.established, .established])
        #expect(conversation.tracker.counters.joins == 1 && conversation.connection.anomalies.all == [])
    }

    @Test func joinOptionsWhereTheyDoNotBelong() {
        let conversation = Conversation.established()
        conversation.line.send(.client, .ack, [conversation.secrets.joinACK()])
        conversation.line.send(.server, .ack, [conversation.secrets.joinSYN()])
        conversation.join().send(.client, .ack, [conversation.secrets.ackOption])
        #expect(conversation.connection.anomalies.all == [.misplacedOption])
        #expect(conversation.state == .established && conversation.tracker.counters[.misplacedOption] == 3)
    }

    @Test func tooMany() {
        let conversation = Conversation.established(in: Scene(.init(subflows: 2)))
        conversation.join()
        let line = conversation.joinLine(client: Endpoint("10.3.0.2:40000")!)
        #expect(line.send(.client, .syn, [conversation.secrets.joinSYN(id: 2)]) == nil)
        #expect(conversation.connection.anomalies.all == [.tooManySubflows])
        #expect(conversation.connection.subflows.map(\.number) == [0, 1])
        // A closed one makes room.
        conversation.line.send(.server, .rst)
        line.next.client &+= 1
        #expect(line.send(.client, .syn, [conversation.secrets.joinSYN(id: 2)])?.subflow == 2)
        #expect(conversation.connection.subflows.map(\.number) == [1, 2])
        #expect(conversation.tracker.find(conversation.line.tuple) == nil)
        #expect(conversation.scene.tracker.brokenInvariants() == [])
    }
}
