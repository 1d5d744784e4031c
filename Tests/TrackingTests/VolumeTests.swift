import PacketForge
import Testing
import Wire

@testable import Tracking

/// How much a connection has carried, and the alarm that tells of it.
@Suite struct VolumeTests {
    private func reached(_ conversation: Conversation) -> Bool {
        conversation.events.contains(.reached(conversation.id!))
    }

    @Test(arguments: Family.allCases)
    func bothDirectionsAndAllSubflows(family: Family) {
        let conversation = Conversation.established(Secrets(), family)
        #expect(conversation.connection.bytes == 0)
        let second = conversation.join()
        #expect(conversation.connection.bytes == 0)
        conversation.data(.client, length: 100)
        conversation.data(.server, length: 30)
        conversation.data(.client, 100, length: 7, on: second)
        conversation.data(.server, 30, length: 2, on: second)
        #expect(conversation.connection.bytes == 139)
        #expect(conversation.tracker.bytes(of: conversation.id!) == 139)
    }

    @Test func retransmissionsDoNotCount() {
        let conversation = Conversation.established()
        conversation.data(.client, length: 100)
        conversation.line.sendAgain(.client)
        #expect(conversation.connection.bytes == 100)
        // Half of it is new.
        conversation.line.next.client -= 50
        conversation.data(.client, 50, length: 100)
        #expect(conversation.connection.bytes == 150)
    }

    /// What a gap leaves out has been sent, and counts when the gap is seen.
    @Test func lostSegments() {
        let conversation = Conversation.established()
        conversation.data(.client, length: 10)
        let lost = conversation.line.lose(.client, payload: 100)
        conversation.data(.client, 110, length: 10)
        #expect(conversation.connection.bytes == 120)
        conversation.scene.see(lost)
        #expect(conversation.connection.bytes == 120)
    }

    /// What is acknowledged has been sent, though it has gone by unseen (`inspect = "signalling"`).
    @Test(arguments: Host.allCases)
    func dataThatGoByUnseen(sender: Host) {
        let conversation = Conversation.established()
        conversation.data(sender, length: 10)
        let unseen = conversation.line.lose(sender, payload: 100)
        conversation.scene.tracker.setAlarm(conversation.id!, bytes: 110)
        conversation.line.send(sender.peer)
        #expect(conversation.connection.bytes == 110 && reached(conversation))
        conversation.line.send(sender.peer)
        conversation.scene.see(unseen)
        #expect(conversation.connection.bytes == 110)
        conversation.data(sender, 110, length: 5)
        #expect(conversation.connection.bytes == 115)
    }

    @Test func acknowledgementsOfNothingNew() {
        let conversation = Conversation.established()
        conversation.data(.client, length: 10)
        conversation.line.send(.client, [.fin, .ack])
        conversation.line.send(.server)
        // Of older data, and of more than any window holds.
        for number in [conversation.line.next.client - 5, conversation.line.next.client &+ 0x6000_0000] {
            var draft = conversation.line.draft(.server, .ack)
            draft.acknowledgement = number
            conversation.scene.see(draft)
        }
        #expect(conversation.connection.bytes == 10)
    }

    @Test func signalsCarryNothing() {
        let conversation = Conversation.established()
        conversation.data(.client, length: 10)
        conversation.acknowledge(.server, 10)
        conversation.dataFIN(.client, at: 10)
        conversation.line.send(.client, [.fin, .ack])
        conversation.line.send(.server, [.rst])
        #expect(conversation.connection.bytes == 10)
    }

    /// TCP Fast Open (RFC 8684 appendix B).
    @Test func dataOfTheSYN() {
        let conversation = Conversation()
        conversation.sendSYN(payload: 20)
        #expect(conversation.connection.bytes == 20)
        conversation.line.sendAgain(.client)
        conversation.sendSYNACK()
        conversation.line.send(.client, .ack, [conversation.secrets.ackOption])
        conversation.data(.client, 20, length: 5)
        #expect(conversation.connection.bytes == 25)
    }

    @Test func subflowsThatAreDroppedHaveCounted() {
        let conversation = Conversation.established(in: Scene(.init(subflows: 2)))
        let second = conversation.join()
        conversation.data(.client, length: 100, on: second)
        second.send(.client, .rst)
        conversation.join(id: 2, client: Endpoint("10.3.0.2:40000")!)
        #expect(conversation.connection.subflows.map(\.number) == [0, 2] && conversation.connection.bytes == 100)
    }

    @Test func nothingIsKnownOfWhatIsForgotten() {
        let conversation = Conversation.established(in: Scene(.init(liveTime: 1000)))
        let id = conversation.id!
        conversation.scene.now += 2000
        conversation.scene.see(PacketDraft())
        #expect(conversation.events == [.forgotten(id)] && conversation.tracker.bytes(of: id) == nil)
        conversation.scene.tracker.setAlarm(id, bytes: 1)
    }

    @Test func theAlarmTellsOnceWhenItIsReached() {
        let conversation = Conversation.established()
        let second = conversation.join()
        conversation.scene.tracker.setAlarm(conversation.id!, bytes: 100)
        conversation.data(.client, length: 60)
        #expect(!reached(conversation))
        conversation.data(.server, length: 39, on: second)
        #expect(!reached(conversation))
        conversation.data(.client, 60, length: 1, on: second)
        #expect(conversation.events == [.reached(conversation.id!)])
        conversation.data(.client, 61, length: 500)
        #expect(conversation.events == [])
    }

    @Test func theAlarmIsSetAgain() {
        let conversation = Conversation.established()
        for bytes in [10 as UInt64, 20, 30] {
            conversation.scene.tracker.setAlarm(conversation.id!, bytes: bytes)
            conversation.data(.client, length: 9)
            #expect(!reached(conversation))
            conversation.data(.client, length: 1)
            #expect(reached(conversation))
        }
        // The last call counts.
        conversation.scene.tracker.setAlarm(conversation.id!, bytes: 40)
        conversation.scene.tracker.setAlarm(conversation.id!, bytes: 50)
        conversation.data(.client, length: 10)
        #expect(!reached(conversation))
        conversation.data(.client, length: 10)
        #expect(reached(conversation))
    }

    /// It may have got there while the alarm was being set: the next segment tells.
    @Test func anAlarmForWhatHasBeenReached() {
        let conversation = Conversation.established()
        conversation.data(.client, length: 100)
        conversation.scene.tracker.setAlarm(conversation.id!, bytes: 50)
        conversation.acknowledge(.server, 100)
        #expect(reached(conversation))
        conversation.data(.client, 100, length: 1)
        #expect(!reached(conversation))
    }

    @Test func eachConnectionHasItsOwn() {
        let scene = Scene()
        let first = Conversation.established(in: scene)
        let other = Conversation.established(Secrets(3, 4), in: scene, client: Endpoint("10.1.0.3:40000")!)
        scene.tracker.setAlarm(first.id!, bytes: 10)
        other.data(.client, length: 100)
        #expect(other.events == [] && first.connection.bytes == 0)
        first.data(.client, length: 10)
        #expect(first.events == [.reached(first.id!)])
    }
}
