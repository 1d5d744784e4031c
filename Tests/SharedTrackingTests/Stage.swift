import LinuxSystem
import PacketForge
import SharedTracking
import Synchronization
import Wire

@testable import Tracking

/// A watch, what goes past it, and what its follower is told.
final class Stage {
    let watch: ConnectionWatch
    let secrets = Secrets()
    let server = Endpoint("10.9.0.2:80")!
    private var now = MonotonicTime(nanoseconds: 1_000_000_000)
    private let told = Told()
    /// Of the lines alone, which only count with it.
    private let scene = Scene()

    init(connections: Int = 64) { watch = ConnectionWatch(connections: connections) }

    /// Another follower, who hears of connections with so many subflows.
    func follow(from subflows: Int) {
        watch.follow(ConnectionWatch.Follower(subflows: subflows) { [told] in told.add($0) })
    }

    /// What has been told since this was asked for last.
    func news() -> [ConnectionID] { told.take() }

    func see(_ draft: PacketDraft, isForwarded: Bool = true) {
        let bytes = draft.bytes
        guard let segment = try? Segment(bytes.span.bytes) else { preconditionFailure("not a segment") }
        watch.observe(segment, at: now, interface: 0, isForwarded: isForwarded)
    }

    func send(
        _ line: Line, _ sender: Host, _ flags: TCPFlags = .ack, _ options: [MultipathOption] = [], payload: Int = 0
    ) {
        see(line.lose(sender, flags, options, payload: payload))
    }

    /// So much later that no connection is remembered, something else goes past.
    func forgetAll() {
        now = now + .seconds(8000)
        see(PacketDraft())
    }

    /// A connection that is established. Those with other secrets aren't joined.
    func open(_ client: String = "10.1.0.2:40000", _ secrets: Secrets? = nil) -> Line {
        let line = Line(scene, Endpoint(client)!, server)
        open(line, secrets)
        return line
    }

    /// From a client's endpoint to the server; nothing is sent yet.
    func line(_ client: String) -> Line { Line(scene, Endpoint(client)!, server) }

    func open(_ line: Line, _ secrets: Secrets? = nil) {
        let secrets = secrets ?? self.secrets
        send(line, .client, .syn, [secrets.synOption])
        send(line, .server, [.syn, .ack], [secrets.synAckOption])
        send(line, .client, .ack, [secrets.ackOption])
    }

    /// SYN and SYN-ACK of a further subflow.
    func beginJoin(_ client: String = "10.2.0.2:40000", id: UInt8 = 1) -> Line {
        let line = Line(scene, Endpoint(client)!, server)
        send(line, .client, .syn, [secrets.joinSYN(id: id)])
        send(line, .server, [.syn, .ack], [secrets.joinSYNACK()])
        return line
    }

    @discardableResult
    func join(_ client: String = "10.2.0.2:40000", id: UInt8 = 1) -> Line {
        let line = beginJoin(client, id: id)
        send(line, .client, .ack, [secrets.joinACK()])
        return line
    }

    func data(_ line: Line, length: Int) {
        send(line, .client, .ack, [Signal.map(secrets.data(.client), length: length)], payload: length)
    }

    private final class Told: Sendable {
        private let ids = Mutex<[ConnectionID]>([])

        func add(_ more: [ConnectionID]) { ids.withLock { $0 += more } }

        func take() -> [ConnectionID] {
            ids.withLock { ids in
                defer { ids = [] }
                return ids
            }
        }
    }
}
