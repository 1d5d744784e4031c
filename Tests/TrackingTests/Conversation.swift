import Wire

@testable import Tracking

/// Addresses of a client with two links and of a server, in both families.
enum Family: CaseIterable {
    case ipv4, ipv6

    var client: Endpoint { Endpoint(self == .ipv4 ? "10.1.0.2:40000" : "[2001:db8:1::2]:40000")! }
    var secondClient: Endpoint { Endpoint(self == .ipv4 ? "10.2.0.2:40001" : "[2001:db8:2::2]:40001")! }
    var server: Endpoint { Endpoint(self == .ipv4 ? "10.9.0.2:80" : "[2001:db8:9::2]:80")! }
    var secondServer: Endpoint { Endpoint(self == .ipv4 ? "10.9.0.3:8080" : "[2001:db8:9::3]:8080")! }
}

/// A connection as both its hosts see it, and what the tracker makes of it.
final class Conversation {
    let scene: Scene
    let secrets: Secrets
    let family: Family
    let line: Line
    /// nil until the SYN has been seen.
    private(set) var id: ConnectionID?

    /// Nothing is sent yet.
    init(_ secrets: Secrets = Secrets(), _ family: Family = .ipv4, in scene: Scene = Scene(), client: Endpoint? = nil) {
        self.scene = scene
        self.secrets = secrets
        self.family = family
        line = Line(scene, client ?? family.client, family.server)
    }

    /// The handshake is complete.
    static func established(
        _ secrets: Secrets = Secrets(), _ family: Family = .ipv4, in scene: Scene = Scene(), client: Endpoint? = nil
    ) -> Conversation {
        let conversation = Conversation(secrets, family, in: scene, client: client)
        conversation.sendSYN()
        conversation.sendSYNACK()
        conversation.line.send(.client, .ack, [secrets.ackOption])
        return conversation
    }

    @discardableResult
    func sendSYN(payload: Int = 0) -> Sighting? {
        let sighting = line.send(.client, .syn, [secrets.synOption], payload: payload)
        id = sighting?.connection
        return sighting
    }

    func sendSYNACK() { line.send(.server, [.syn, .ack], [secrets.synAckOption]) }

    var tracker: Tracker { _read { yield scene.tracker } }
    var connection: Connection { scene.tracker[id!]! }
    var state: ConnectionState { connection.state }
    var events: [TrackingEvent] { scene.tracker.events }
    var first: Subflow { connection.subflows[0] }
    func subflow(_ number: Int) -> Subflow { connection.subflows.first { $0.number == number }! }

    /// A further subflow, complete with the fourth ACK.
    @discardableResult
    func join(
        by host: Host = .client, id: UInt8 = 1, peerID: UInt8 = 0, client: Endpoint? = nil, server: Endpoint? = nil
    ) -> Line {
        let line = joinLine(client: client, server: server)
        line.send(host, .syn, [secrets.joinSYN(by: host, id: id)])
        line.send(host.peer, [.syn, .ack], [secrets.joinSYNACK(by: host.peer, id: peerID)])
        line.send(host, .ack, [secrets.joinACK(by: host)])
        line.send(host.peer, .ack, [Signal.acknowledge(secrets.data(host))])
        return line
    }

    func joinLine(client: Endpoint? = nil, server: Endpoint? = nil) -> Line {
        Line(scene, client ?? family.secondClient, server ?? family.server)
    }

    /// Data with a whole mapping, on the first subflow if not on another one.
    @discardableResult
    func data(
        _ sender: Host, _ offset: Int = 0, length: Int = 10, acknowledging up: Int = 0, on line: Line? = nil
    ) -> Sighting? {
        let signal = Signal.map(
            secrets.data(sender, offset), length: length, acknowledging: secrets.data(sender.peer, up))
        return (line ?? self.line).send(sender, .ack, [signal], payload: length)
    }

    /// A DATA_FIN without data, at this offset of the sender's.
    func dataFIN(_ sender: Host, at offset: Int = 0, acknowledging up: Int = 0) {
        line.send(
            sender, .ack,
            [
                Signal.map(
                    secrets.data(sender, offset), length: 1, acknowledging: secrets.data(sender.peer, up), isFIN: true,
                    subflowSequence: 0)
            ])
    }

    func acknowledge(_ sender: Host, _ offset: Int) {
        line.send(sender, .ack, [Signal.acknowledge(secrets.data(sender.peer, offset))])
    }
}
