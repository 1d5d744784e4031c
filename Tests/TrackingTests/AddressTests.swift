import PacketForge
import Testing
import Wire

@testable import Tracking

/// ADD_ADDR, REMOVE_ADDR and MP_PRIO (RFC 8684 sections 3.3.8, 3.4.1 and 3.4.2).
@Suite struct AddressTests {
    private func remove(_ ids: UInt8...) -> MultipathOption {
        .removeAddress(RemovedAddresses(ids.map { AddressID($0) })!)
    }

    @Test(arguments: Family.allCases, [nil, 8080 as UInt16?])
    func announcement(family: Family, port: UInt16?) {
        let conversation = Conversation.established(Secrets(), family)
        let address = family.secondServer.address
        let option = conversation.secrets.addAddress(by: .server, id: 5, address, port: port)
        conversation.line.send(.server, .ack, [option])
        #expect(conversation.events == [.addressAnnounced(conversation.id!, AddressID(5), by: .server)])
        let announced = conversation.connection.hosts.server.addresses
        #expect(announced.map(\.address) == [address] && announced.map(\.port) == [port])
        #expect(announced.map(\.id) == [AddressID(5)] && !announced[0].isEchoed)
        #expect(conversation.connection.hosts.client.addresses.isEmpty)

        // It is sent again until the echo comes.
        conversation.line.send(.server, .ack, [option])
        #expect(conversation.events == [] && conversation.connection.hosts.server.addresses.count == 1)
        let echo = AddAddress(kind: .echo, addressID: AddressID(5), address: address, port: port)
        conversation.line.send(.client, .ack, [.addAddress(echo)])
        #expect(conversation.connection.hosts.server.addresses[0].isEchoed)
        #expect(conversation.connection.anomalies.all == [])
    }

    @Test func announcementByTheClient() {
        let conversation = Conversation.established()
        let address = Family.ipv4.secondClient.address
        conversation.line.send(.client, .ack, [conversation.secrets.addAddress(by: .client, id: 1, address)])
        #expect(conversation.connection.hosts.client.addresses.map(\.address) == [address])
        #expect(conversation.connection.anomalies.all == [])
    }

    /// The server's HMAC begins with the server's key.
    @Test func announcementWithTheHMACOfTheOtherHost() {
        let conversation = Conversation.established()
        let address = Family.ipv4.secondServer.address
        conversation.line.send(.server, .ack, [conversation.secrets.addAddress(by: .client, id: 5, address)])
        #expect(conversation.connection.anomalies.all == [.wrongAddressHMAC])
        #expect(conversation.connection.hosts.server.addresses.isEmpty)
    }

    @Test func announcementOfVersion0() {
        let option = Secrets(version: 0).addAddress(by: .server, id: 5, Family.ipv4.secondServer.address)
        let conversation = Conversation.established(Secrets(version: 0))
        conversation.line.send(.server, .ack, [option])
        #expect(conversation.connection.hosts.server.addresses.count == 1)
        // In version 1 there is none without an HMAC.
        let other = Conversation.established()
        other.line.send(.server, .ack, [option])
        #expect(other.connection.hosts.server.addresses.isEmpty && other.connection.anomalies.all == [.misplacedOption])
    }

    @Test func echoOfWhatWasNotAnnounced() {
        let conversation = Conversation.established()
        let echo = AddAddress(kind: .echo, addressID: AddressID(5), address: IPAddress(v4: 1), port: nil)
        conversation.line.send(.client, .ack, [.addAddress(echo)])
        #expect(conversation.connection.hosts.server.addresses.isEmpty)
    }

    @Test func addressIDIsUsedAgain() {
        let conversation = Conversation.established()
        let addresses = [Family.ipv4.secondServer.address, IPAddress("10.9.0.77")!]
        for address in addresses {
            conversation.line.send(.server, .ack, [conversation.secrets.addAddress(by: .server, id: 5, address)])
            #expect(conversation.connection.hosts.server.addresses.map(\.address) == [address])
            conversation.line.send(.server, .ack, [remove(5)])
            #expect(conversation.connection.hosts.server.addresses.isEmpty)
        }
    }

    @Test func moreAddressesThanAreKept() {
        let conversation = Conversation.established()
        for id in UInt8(0)...255 {
            let address = IPAddress(v4: 0x0a09_0100 + UInt32(id))
            conversation.line.send(.server, .ack, [conversation.secrets.addAddress(by: .server, id: id, address)])
        }
        #expect(conversation.connection.hosts.server.addresses.map(\.id.rawValue) == Array(0..<32))
        conversation.line.send(.server, .ack, [remove(31)])
        #expect(conversation.connection.hosts.server.addresses.count == 31)
    }

    @Test func removalClosesWhatUsesTheAddress() {
        let conversation = Conversation.established()
        conversation.join(id: 1)
        conversation.join(id: 2, client: Endpoint("10.3.0.2:40000")!)
        conversation.join(id: 3, client: Endpoint("10.4.0.2:40000")!)
        conversation.line.send(.client, .ack, [remove(3, 1, 9)])
        #expect(conversation.subflow(1).state == .closed(.addressRemoved(by: .client)))
        #expect(conversation.subflow(2).state == .established)
        #expect(conversation.subflow(3).state == .closed(.addressRemoved(by: .client)))
        #expect(conversation.first.state == .established && conversation.state == .established)
    }

    /// Address IDs are the host's own: the server's 1 is not the client's 1.
    @Test func removalByTheOtherHost() {
        let conversation = Conversation.established()
        conversation.join(id: 1, peerID: 4)
        conversation.line.send(.server, .ack, [remove(1)])
        #expect(conversation.subflow(1).state == .established)
        conversation.line.send(.server, .ack, [remove(4)])
        #expect(conversation.subflow(1).state == .closed(.addressRemoved(by: .server)))
    }

    /// The first subflow's address has the ID 0 (section 3.2).
    @Test func removalOfTheFirstAddress() {
        let conversation = Conversation.established()
        let second = conversation.join(id: 1)
        second.send(.client, .ack, [remove(0)])
        #expect(conversation.first.state == .closed(.addressRemoved(by: .client)))
        #expect(conversation.subflow(1).state == .established)
    }

    @Test func aRemovedSubflowThatGoesOn() {
        let conversation = Conversation.established()
        let second = conversation.join(id: 1)
        conversation.data(.client, length: 10, on: second)
        conversation.line.send(.client, .ack, [remove(1)])
        // What was under way already, and the other host's data, say nothing.
        second.next.client -= 10
        conversation.data(.client, length: 10, on: second)
        conversation.data(.server, length: 10, on: second)
        #expect(conversation.subflow(1).state == .closed(.addressRemoved(by: .client)))
        conversation.data(.client, 10, length: 10, on: second)
        #expect(conversation.subflow(1).state == .established)
        second.send(.client, [.fin, .ack])
        second.send(.server, [.fin, .ack])
        #expect(conversation.subflow(1).state == .closed(.fin))
    }

    @Test func priority() {
        let conversation = Conversation.established()
        let second = conversation.join(id: 1)
        let revision = conversation.connection.revision
        second.send(.client, .ack, [.priority(MPPriority(isBackup: true))])
        #expect(conversation.events == [.backupChanged(conversation.id!, subflow: 1)])
        #expect(conversation.subflow(1).asksForBackup == PerHost(client: true, server: false))
        #expect(!conversation.first.isBackup && conversation.connection.revision != revision)
        second.send(.client, .ack, [.priority(MPPriority(isBackup: true))])
        #expect(conversation.events == [])
        second.send(.server, .ack, [.priority(MPPriority(isBackup: true))])
        second.send(.client, .ack, [.priority(MPPriority(isBackup: false))])
        #expect(conversation.subflow(1).asksForBackup == PerHost(client: false, server: true))
    }

    /// RFC 6824 section 3.3.8: the subflows of another address of the sender's.
    @Test func priorityOfAnotherAddress() {
        let conversation = Conversation.established(Secrets(version: 0))
        conversation.join(id: 1)
        conversation.join(id: 2, client: Endpoint("10.3.0.2:40000")!)
        conversation.line.send(.client, .ack, [.priority(MPPriority(isBackup: true, addressID: AddressID(2)))])
        #expect(conversation.connection.subflows.map(\.isBackup) == [false, false, true])
        conversation.line.send(.client, .ack, [.priority(MPPriority(isBackup: true, addressID: AddressID(0)))])
        #expect(conversation.connection.subflows.map(\.isBackup) == [true, false, true])
    }
}
