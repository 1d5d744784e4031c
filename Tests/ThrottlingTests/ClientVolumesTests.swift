import Testing
import Wire

@testable import Throttling
@testable import Tracking

@Suite struct ClientVolumesTests {
    private let client = IPAddress("10.1.0.2")!
    private let other = IPAddress("fd00:1::2")!
    private let ids = (0..<4).map { ConnectionID(slot: $0, generation: 0) }
    private let day = ClientVolumes.memory

    @Test func allConnectionsOfAClientCount() {
        var volumes = ClientVolumes()
        #expect(volumes[client] == 0 && volumes.connections(of: client) == [])
        volumes.note(ids[0], of: client, bytes: 100, at: 1)
        volumes.note(ids[1], of: client, bytes: 20, at: 2)
        volumes.note(ids[2], of: other, bytes: 3, at: 3)
        #expect(volumes[client] == 120 && volumes[other] == 3)
        #expect(Set(volumes.connections(of: client)) == [ids[0], ids[1]])
        #expect(volumes.connections(of: other) == [ids[2]])
    }

    @Test func aConnectionCountsAsItWasSeenLast() {
        var volumes = ClientVolumes()
        volumes.note(ids[0], of: client, bytes: 100, at: 1)
        volumes.note(ids[0], of: client, bytes: 150, at: 2)
        #expect(volumes[client] == 150 && volumes.connections(of: client) == [ids[0]])
    }

    @Test func finishedConnectionsCountOn() {
        var volumes = ClientVolumes()
        volumes.note(ids[0], of: client, bytes: 100, at: 1)
        volumes.note(ids[1], of: client, bytes: 20, at: 1)
        volumes.finish(ids[0])
        volumes.finish(ids[0])
        #expect(volumes[client] == 120 && volumes.connections(of: client) == [ids[1]])
        // The slot is another connection's by now.
        let successor = ConnectionID(slot: 0, generation: 1)
        volumes.note(successor, of: client, bytes: 7, at: 2)
        volumes.finish(successor)
        volumes.finish(ids[1])
        #expect(volumes[client] == 127 && volumes.connections(of: client) == [])
    }

    @Test func strangersEndChangesNothing() {
        var volumes = ClientVolumes()
        volumes.note(ids[0], of: client, bytes: 100, at: 1)
        volumes.finish(ids[3])
        #expect(volumes[client] == 100 && volumes.connections(of: client) == [ids[0]])
    }

    @Test func aSilentClientBeginsAnew() {
        var volumes = ClientVolumes()
        volumes.note(ids[0], of: client, bytes: 100, at: 1000)
        volumes.note(ids[1], of: other, bytes: 5, at: 2000)
        volumes.finish(ids[0])
        volumes.finish(ids[1])
        volumes.forgetSilent(at: 1000 + day - 1)
        #expect(volumes[client] == 100)
        volumes.forgetSilent(at: 1000 + day)
        #expect(volumes[client] == 0 && volumes[other] == 5)
        volumes.note(ids[2], of: client, bytes: 1, at: 1000 + day)
        #expect(volumes[client] == 1)
    }

    @Test func noClientIsSilentWhoseConnectionIsThere() {
        var volumes = ClientVolumes()
        volumes.note(ids[0], of: client, bytes: 100, at: 1000)
        volumes.forgetSilent(at: 1000 + 5 * day)
        #expect(volumes[client] == 100 && volumes.connections(of: client) == [ids[0]])
    }
}
