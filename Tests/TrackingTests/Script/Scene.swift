import PacketForge
import Wire

@testable import Tracking

/// A tracker and its clock.
final class Scene {
    var tracker: Tracker
    var now: UInt64 = 1_000_000_000

    init(_ limits: Tracker.Limits = Tracker.Limits()) { tracker = Tracker(limits) }

    @discardableResult
    func see(_ draft: PacketDraft, interface: UInt32 = 0, isForwarded: Bool = false) -> Sighting? {
        let bytes = draft.bytes
        guard let segment = try? Segment(bytes.span.bytes) else { preconditionFailure("not a segment") }
        return tracker.observe(segment, at: now, interface: interface, isForwarded: isForwarded)
    }
}

/// A TCP connection whose ends count their sequence numbers as TCP does.
final class Line {
    let scene: Scene
    /// The hosts are those of the MPTCP connection, whoever opens the line.
    let ends: PerHost<Endpoint>
    /// What each end sends next.
    var next: PerHost<UInt32>
    private var last: PerHost<PacketDraft?> = PerHost(client: nil, server: nil)

    init(_ scene: Scene, _ client: Endpoint, _ server: Endpoint, next: PerHost<UInt32>? = nil) {
        self.scene = scene
        ends = PerHost(client: client, server: server)
        self.next = next ?? PerHost(client: 1000, server: 90_000)
    }

    convenience init(_ scene: Scene, _ client: String, _ server: String) {
        self.init(scene, Endpoint(client)!, Endpoint(server)!)
    }

    var tuple: FourTuple { FourTuple(client: ends.client, server: ends.server) }

    /// The next segment of this end, and what it acknowledges.
    func draft(
        _ sender: Host, _ flags: TCPFlags, _ options: [MultipathOption] = [], payload: Int = 0
    ) -> PacketDraft {
        var draft = PacketDraft(
            source: ends[sender], destination: ends[sender.peer], sequence: next[sender], flags: flags,
            options: options.flatMap(\.bytes), payload: [UInt8](repeating: 0x61, count: payload))
        if flags.contains(.ack) { draft.acknowledgement = next[sender.peer] }
        return draft
    }

    @discardableResult
    func send(
        _ sender: Host, _ flags: TCPFlags = .ack, _ options: [MultipathOption] = [], payload: Int = 0
    ) -> Sighting? {
        scene.see(lose(sender, flags, options, payload: payload))
    }

    /// As `send`, but the tracker doesn't see it.
    @discardableResult
    func lose(
        _ sender: Host, _ flags: TCPFlags = .ack, _ options: [MultipathOption] = [], payload: Int = 0
    ) -> PacketDraft {
        let draft = draft(sender, flags, options, payload: payload)
        let occupied = payload + (flags.isDisjoint(with: [.syn]) ? 0 : 1) + (flags.isDisjoint(with: [.fin]) ? 0 : 1)
        next[sender] &+= UInt32(occupied)
        last[sender] = draft
        return draft
    }

    /// This end's last segment once more.
    @discardableResult
    func sendAgain(_ sender: Host) -> Sighting? { last[sender].flatMap { scene.see($0) } }
}
