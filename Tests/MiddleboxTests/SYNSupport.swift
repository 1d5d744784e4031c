import Lab
import PacketForge
import Testing
import Wire

/// Sends SYNs of its own making out of the client's first link. No socket of the client's knows of them.
struct SYNSender {
    let server: Endpoint
    private let out: PacketSocket
    /// The box's, on lan0.
    private let hardware: [UInt8]

    init(_ lab: Lab, _ family: IPFamily, port: UInt16 = 5000) async throws {
        server = lab.endpoint(.server(0), port: port, family)
        out = try await lab.inside(.client(0)) { try PacketSocket(interface: "lan0", family) }
        hardware = try await lab.shell("cat /sys/class/net/lan0/address")
            .split { ":\n".contains($0) }.compactMap { UInt8($0, radix: 16) }
    }

    /// `port`: the server's, if it is to be another one.
    func send(from source: Endpoint, port: UInt16? = nil, options: [UInt8] = Self.capable) throws {
        let destination = Endpoint(address: server.address, port: port ?? server.port)
        let draft = PacketDraft(source: source, destination: destination, sequence: 1000, options: options)
        for packet in draft.packets { try out.send(packet, to: hardware) }
    }

    /// MP_CAPABLE, version 1, HMAC-SHA256 (RFC 8684 section 3.1).
    static let capable: [UInt8] = [30, 4, 0x01, 0x01]
    /// MP_CAPABLE, version 0, with the client's key (RFC 6824 section 3.1).
    static let capableVersion0: [UInt8] = [30, 12, 0x00, 0x01, 1, 2, 3, 4, 5, 6, 7, 8]
}

/// Counts what comes by on the server's wire.
final class SYNWatch {
    private let watch: PacketSocket
    private let header: Int
    private(set) var seen = 0
    private let port: UInt16

    /// `port`: the source port of the packets that count.
    init(_ lab: Lab, _ family: IPFamily, from port: UInt16) async throws {
        watch = try await lab.inside(.server(0)) { try PacketSocket(interface: "eth0", family) }
        header = family == .v4 ? 20 : 40
        self.port = port
    }

    /// Packets from that port until now.
    func count() -> Int {
        seen += watch.receive().count { $0.count > header + 1 && isOurs($0[header...]) }
        return seen
    }

    private func isOurs(_ segment: ArraySlice<UInt8>) -> Bool {
        segment.starts(with: [UInt8(port >> 8), UInt8(port & 0xff)])
    }
}

extension Lab {
    /// A connection that stays open and quiet until the server is stopped.
    func endlessPlan(_ family: IPFamily = .v4) -> FetchPlan {
        var plan = plan(.silence, 1000, family)
        plan.pause = 250
        return plan
    }

    /// Runs the same iptables command for both families.
    func tables(in node: Node = .box, of kind: String = "", _ arguments: String) async throws {
        for tool in ["iptables\(kind)", "ip6tables\(kind)"] { try await shell(in: node, "\(tool) \(arguments)") }
    }
}

extension SluiceDaemon {
    /// How often each decision about a new connection has been made, those never made left out; also those about joins,
    /// which a short connection may or may not bring.
    func decisions() async throws -> [String: UInt64] {
        try await status().decisions.filter { !["intercept: join", "pass: unknown token"].contains($0.key) }
    }
}
