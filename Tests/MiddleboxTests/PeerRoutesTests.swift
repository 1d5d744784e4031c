import Firewall
import Glibc
import Lab
import LinuxSystem
import PacketForge
import Testing
import Wire

/// Subflows led to a peer, packet by packet.
///
///     client: packet socket ── lan0 ── box, which forwards nothing else ── wan0 ── eth0: packet socket, the peer
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(3))) struct PeerRoutesTests {
    /// A SYN on the same ports ends what is led: it isn't led itself, and nothing behind it is.
    @Test(arguments: IPFamily.allCases) func aSYNEndsWhatIsLed(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let line = try await PeerLine(lab, family)
            try await line.lead(1000)
            try await line.lead(1001)
            #expect(try await line.pass([(1000, .ack), (1002, .ack), (1001, [.ack, .psh])]) == [1000, 1001])
            // Neither an answer nor an end is an opening.
            #expect(
                try await line.pass([(1000, [.syn, .ack]), (1000, [.fin, .ack]), (1000, .rst)]) == [1000, 1000, 1000])
            #expect(try await line.pass([(1000, .syn), (1000, .ack), (1001, .ack), (1000, .ack)]) == [1001])
            let left = try await lab.shell("nft list table netdev sluice_peers")
            #expect(left.contains(" 1001") && !left.contains(" 1000"), "\(left)")
            // It is led again when that is decided.
            try await line.lead(1000)
            #expect(try await line.pass([(1000, .ack)]) == [1000])
            line.routes = nil
            #expect(
                try await lab.run(in: .box, ["nft", "list", "table", "netdev", "sluice_peers"]).status != .exited(0))
        }
    }

    /// Another process takes over: what is led goes on without a gap, whatever numbers the peers have there.
    @Test(arguments: IPFamily.allCases) func anotherProcessTakesOver(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let line = try await PeerLine(lab, family)
            try await line.lead(1000)
            let other = PeerRoutes.Peer(ipv4: IPAddress("10.9.0.77"), ipv6: IPAddress("2001:db8::77"))
            try await line.takeOver(peers: [other, line.peer])
            #expect(try await line.pass([(1000, .ack), (1001, .ack)]) == [1000])
            try await line.refresh()
            #expect(try await line.pass([(1000, .ack), (1001, .ack)]) == [1000])
            try await line.lead(1001, to: 1)
            #expect(try await line.pass([(1000, .ack), (1001, .ack)]) == [1000, 1001])
            #expect(try await line.pass([(1001, .syn), (1001, .ack), (1000, .ack)]) == [1000])
            // The same peers: nothing is to be done for that.
            try await line.takeOver(peers: [other, line.peer])
            try await line.refresh()
            try await line.lead(1001, to: 1)
            #expect(try await line.pass([(1000, .ack), (1001, .ack)]) == [1000, 1001])
            // Without this peer, what was led there isn't any more; with it again it was not forgotten by others.
            try await line.takeOver(peers: [other])
            try await line.refresh()
            let left = try await lab.shell("nft list table netdev sluice_peers")
            #expect(left.contains("set to_10.9.0.77") && !left.contains("set to_\(line.peer.ipv4!)"), "\(left)")
            try line.send(1000, .ack)
            try await line.takeOver(peers: [line.peer])
            try await line.refresh()
            try await line.lead(PeerLine.marker)
            #expect(try await line.pass([(1000, .ack)]) == [])
        }
    }
}

/// One thread of control at a time.
private final class PeerLine: @unchecked Sendable {
    static let marker: UInt16 = 9

    let peer: PeerRoutes.Peer
    /// nil: ended.
    var routes: PeerRoutes?
    private let lab: Lab
    private let client: IPAddress
    private let server: Endpoint
    private let out: PacketSocket
    private let watch: PacketSocket
    private let hardware: [UInt8]
    private var sequence: UInt32 = 1

    init(_ lab: Lab, _ family: IPFamily) async throws {
        self.lab = lab
        client = lab.address(.client(0), family)
        server = Endpoint(address: IPAddress(family == .v4 ? "192.0.2.66" : "2001:db8::66")!, port: 443)
        let peer = PeerRoutes.Peer(ipv4: lab.address(.server(0)), ipv6: lab.address(.server(0), .v6))
        self.peer = peer
        out = try await lab.inside(.client(0)) { try PacketSocket(interface: "lan0", family) }
        watch = try await lab.inside(.server(0)) { try PacketSocket(interface: "eth0", family) }
        // Neighbours are found beforehand.
        _ = try await lab.ping(from: .client(0), to: lab.address(.server(0), family))
        for command in ["iptables", "ip6tables"] { try await lab.shell("\(command) -P FORWARD DROP") }
        hardware = try await lab.shell("cat /sys/class/net/lan0/address")
            .split { ":\n".contains($0) }.compactMap { UInt8($0, radix: 16) }
        routes = try await lab.inside(.box) { try PeerRoutes(link: "wan0", peers: [peer]) }
        try await lead(Self.marker)
    }

    private func tuple(_ port: UInt16) -> FourTuple {
        FourTuple(client: Endpoint(address: client, port: port), server: server)
    }

    func lead(_ port: UInt16, to number: Int = 0) async throws {
        let tuple = tuple(port)
        let routes = try #require(routes)
        try await lab.inside(.box) {
            try routes.lead(tuple, from: if_nametoindex("lan0"), by: if_nametoindex("lo"), to: number)
        }
    }

    func refresh() async throws {
        let routes = try #require(routes)
        try await lab.inside(.box) { try routes.refresh() }
    }

    /// As another process does.
    func takeOver(peers: [PeerRoutes.Peer]) async throws {
        let before = try #require(routes)
        let after = PeerRoutes(owning: Descriptor(owning: dup(before.descriptor)), link: "wan0", peers: peers)
        after.adopt(before.contents)
        routes = after
    }

    func send(_ port: UInt16, _ flags: TCPFlags) throws {
        sequence += 1
        let draft = PacketDraft(
            source: Endpoint(address: client, port: port), destination: server, sequence: sequence, flags: flags)
        try out.send(draft.bytes, to: hardware)
    }

    /// Sends these, and returns the ports of those that came to the peer, in order.
    func pass(_ packets: [(port: UInt16, flags: TCPFlags)]) async throws -> [UInt16] {
        for (port, flags) in packets { try send(port, flags) }
        try send(Self.marker, .ack)
        let last = sequence
        var arrived: [(port: UInt16, sequence: UInt32)] = []
        try await lab.wait(for: "the last packet at the peer") {
            for packet in watch.receive() {
                guard let segment = try? Segment(packet.span.bytes), segment.destination == server else { continue }
                arrived.append((segment.source.port, segment.sequence.rawValue))
            }
            return arrived.contains { $0.sequence == last }
        }
        return arrived.map(\.port).filter { $0 != Self.marker }
    }
}
