import Handshake
import Marks
import PacketForge
import Tracking
import Wire

extension Load {
    static let tracking = [
        Load(name: "track-data", warmUp: 20_000) { TrackWork(.data) },
        Load(name: "track-syn", warmUp: 20_000) { TrackWork(.synAgain) },
        Load(
            name: "track-connection",
            warmUp: 20_000,
            allowance: .perOperation(25, "a connection's subflows, and whose tokens are known")
        ) { TrackWork(.connection) },
        Load(name: "decide-policy") { PolicyWork() },
    ]
}

/// Follows segments of 80 connections that are established, new data both ways; or SYNs of theirs that come
/// again; or opens connections, three segments each, while others lose their place for them.
private final class TrackWork: Work {
    enum Kind {
        case data, synAgain, connection
    }

    private let kind: Kind
    private var tracker = Tracker(.init(connections: 128))
    private var connections: [MadeUpConnection]
    private let handshakes: [[[UInt8]]]
    private var time: UInt64 = 1_000_000_000

    init(_ kind: Kind) {
        self.kind = kind
        connections = (0..<(kind == .connection ? 512 : 80)).map { MadeUpConnection($0) }
        handshakes = connections.map(\.handshake)
        for packet in handshakes.joined() { observe(packet) }
    }

    func run(_ count: Int) {
        for index in 0..<count {
            let place = index % connections.count
            switch kind {
            case .data: connections[place].withNext { _, packet in observe(packet) }
            case .synAgain: observe(handshakes[place][0])
            case .connection: for packet in handshakes[place] { observe(packet) }
            }
        }
    }

    private func observe(_ packet: [UInt8]) {
        guard let segment = try? Segment(packet.span.bytes) else { preconditionFailure("a draft that isn't sound") }
        time += 1000
        let isKnown = tracker.observe(segment, at: time) != nil
        precondition(isKnown)
    }
}

/// Is the client's SYN to be converted: its MPTCP option, and a policy of several ports and networks.
private final class PolicyWork: Work {
    private let policy = ConversionPolicy(
        interfaces: ["lan0"], ports: [8000...8999, 443...443, 80...80],
        clients: ["10.0.0.0/8", "2001:db8::/32", "127.0.0.0/8"].map { IPPrefix($0)! },
        servers: ["192.0.2.0/24", "127.9.0.0/16"].map { IPPrefix($0)! })
    private let packet = MadeUpConnection(1).handshake[0]

    func run(_ count: Int) throws {
        let packet = packet
        for _ in 0..<count {
            let segment = try Segment(packet.span.bytes)
            let tuple = FourTuple(client: segment.source, server: segment.destination)
            guard try segment.multipathSYN() == .capable(version: 1), policy.covers(tuple) else {
                throw GuardError("a SYN that isn't to be converted")
            }
            use(PacketMark.standard.setting(nil, in: 0x0100_0007))
        }
    }
}
