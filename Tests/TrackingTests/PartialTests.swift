import PacketForge
import Testing
import Wire

@testable import Tracking

/// Connections whose beginning was not seen.
@Suite struct PartialTests {
    private let secrets = Secrets()

    private func line(_ scene: Scene) -> Line { Line(scene, "10.1.0.2:40000", "10.9.0.2:80") }

    @Test(arguments: Host.allCases)
    func theLowerPortIsTheServers(sender: Host) throws {
        let scene = Scene()
        let line = line(scene)
        let sighting = try #require(
            line.send(sender, .ack, [Signal.map(secrets.data(sender), length: 10)], payload: 10))
        let connection = try #require(scene.tracker[sighting.connection])
        #expect(sighting.sender == sender && connection.isPartial && connection.state == .established)
        #expect(connection.tuple == line.tuple && connection.token == nil)
        #expect(connection.subflows[0].streams[sender].bytes == 10)
        #expect(connection.hosts[sender].stream.next == secrets.data(sender, 10))
        line.send(sender.peer, .ack, [Signal.acknowledge(secrets.data(sender, 10))])
        #expect(scene.tracker[sighting.connection]?.hosts[sender].stream.acknowledged == secrets.data(sender, 10))
        #expect(scene.tracker.count == 1)
    }

    /// Data without a mapping are no fallback where the first ones were not seen.
    @Test func goesOnToItsEnd() {
        let scene = Scene()
        let line = line(scene)
        let id = line.send(.client, .ack, [Signal.acknowledge(secrets.data(.server))])!.connection
        line.send(.server, .ack, payload: 100)
        #expect(scene.tracker[id]?.state == .established)
        let closing = Signal.map(secrets.data(.server), length: 1, acknowledging: secrets.data(.client), isFIN: true)
        line.send(.server, .ack, [closing])
        let answer = Signal.map(
            secrets.data(.client), length: 1, acknowledging: secrets.data(.server, 1), isFIN: true)
        line.send(.client, .ack, [answer])
        line.send(.server, .ack, [Signal.acknowledge(secrets.data(.client, 1))])
        #expect(scene.tracker[id]?.state == .closed)
    }

    /// The third ACK has both keys and says who is the client.
    @Test func beginsWithTheThirdACK() throws {
        let scene = Scene()
        let line = Line(scene, "10.1.0.2:80", "10.9.0.2:40000")
        let id = try #require(line.send(.client, .ack, [secrets.ackOption])).connection
        let connection = try #require(scene.tracker[id])
        #expect(connection.tuple == line.tuple && connection.token == secrets.token(.server))
        #expect(connection.state == .established && connection.anomalies.all == [])
        let join = Line(scene, "10.2.0.2:999", "10.9.0.2:40000")
        #expect(join.send(.client, .syn, [secrets.joinSYN()])?.connection == id)
    }

    @Test func whatSaysNothingOfMultipathOpensNothing() {
        let scene = Scene()
        let line = line(scene)
        #expect(line.send(.client, .ack, payload: 9) == nil)
        #expect(line.send(.client, .rst, [Signal.acknowledge(secrets.data(.server))]) == nil)
        #expect(line.send(.server, [.syn, .ack], [secrets.synAckOption]) == nil)
        #expect(line.send(.client, .ack, [secrets.joinACK()]) == nil)
        #expect(scene.tracker.count == 0)
    }

    @Test func itsSubflowsAreConnectionsOfTheirOwn() {
        let scene = Scene()
        let first = line(scene).send(.client, .ack, [Signal.acknowledge(secrets.data(.server))])
        let second = Line(scene, "10.2.0.2:40000", "10.9.0.2:80")
            .send(.client, .ack, [Signal.acknowledge(secrets.data(.server))])
        #expect(first?.connection != second?.connection && scene.tracker.count == 2)
    }
}
