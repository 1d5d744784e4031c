import Lab
import LinuxSystem
import Testing
import Wire

/// The router's operator sets the MSS of forwarded SYNs, since something on the way takes no larger packets and says so to
/// nobody. What Sluice sends heeds it, towards server and client.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct SegmentSizeTests {
    private static func clamp(_ size: Int) -> String {
        "*mangle\n-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss \(size)\nCOMMIT"
    }

    /// Also when the client is answered before the server has been.
    @Test(arguments: ["faithful", "split"], IPFamily.allCases)
    func theWayOfConnectingMakesNoDifference(_ connect: String, _ family: IPFamily) async throws {
        try await Lab.with { lab in
            try await lab.operate(.nft, Self.clamp(1200))
            let sluice = try await lab.startSluice(
                configuration: lab.configuration(["intercept": "connect = \"\(connect)\""]))
            try await lab.serve()
            let toServer = try await lab.record(in: .server(0), interface: "eth0")
            #expect(try await lab.fetch(lab.plan(.echo, 1000, family)).failures == [:])
            #expect(try await lab.announcedSizes(toServer, byServer: false) == [1200])
            #expect(try await sluice.status().connections.accepted == 1)
        }
    }

    @Test(arguments: IPTables.allCases, IPFamily.allCases)
    func bothSidesSeeWhatForwardingSets(_ backend: IPTables, _ family: IPFamily) async throws {
        try await Lab.with { lab in
            try await lab.operate(backend, Self.clamp(1200))
            let sluice = try await lab.startSluice(configuration: lab.configuration(backend.setting))
            let server = try await lab.serve()
            let toServer = try await lab.record(in: .server(0), interface: "eth0")
            let toClient = [
                try await lab.record(in: .client(0), interface: "lan0"),
                try await lab.record(in: .client(0), interface: "lan1"),
            ]
            let plan = lab.endlessPlan(family)
            async let report = lab.fetch(plan)
            try await lab.wait(for: "two subflows") { try await sluice.connections().first?.subflows.count == 2 }
            let sizes = try await lab.segmentSizes()
            #expect(sizes.count == 3 && sizes.allSatisfy { $0 <= 1200 }, "\(sizes)")
            #expect(try await lab.announcedSizes(toServer, byServer: false) == [1200])
            for recording in toClient {
                #expect(try await lab.announcedSizes(recording, byServer: true) == [1200])
            }
            server.stop()
            _ = try await report
        }
    }

    /// The server's own SYN-ACK counts for the client as it would have, had it been forwarded.
    @Test(arguments: IPFamily.allCases)
    func theServersSizeReachesTheClient(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            try await lab.shell(in: .server(0), "ip link set eth0 mtu 1300")
            let recording = try await lab.record(in: .client(0), interface: "lan0")
            #expect(try await lab.fetch(lab.plan(.echo, 100_000, family)).failures == [:])
            let expected = family == .v4 ? 1260 : 1240
            #expect(try await lab.announcedSizes(recording, byServer: true) == [expected])
            #expect(try await sluice.count("intercept: server answered") == 1)
        }
    }

    /// A hop of 1280 bytes before client or server, whose ICMP errors the router drops. The operator has set the MSS for it.
    @Test(arguments: IPFamily.allCases, ["client", "server"])
    func aHopThatSaysNothingStallsNothing(_ family: IPFamily, _ side: String) async throws {
        let narrow = LabConfiguration.Link(mtu: 1280)
        let wide = LabConfiguration.Link()
        let configuration = LabConfiguration(
            clients: [.init(links: side == "client" ? [narrow, narrow] : [wide, wide])],
            servers: [side == "server" ? narrow : wide])
        try await Lab.with(configuration) { lab in
            try await lab.operate(.nft, Self.clamp(1220))
            try await lab.shell(
                """
                iptables -t raw -A PREROUTING -p icmp --icmp-type fragmentation-needed -j DROP
                ip6tables -t raw -A PREROUTING -p ipv6-icmp --icmpv6-type packet-too-big -j DROP
                """)
            let sluice = try await lab.startSluice()
            try await lab.serve()
            for operation in [PeerRequest.Operation.upload, .silence] {
                var plan = lab.plan(operation, 1_000_000, family)
                plan.pause = 1
                plan.limit = .seconds(20)
                #expect(try await lab.fetch(plan).failures == [:], "\(operation)")
            }
            #expect(try await sluice.count("intercept: server answered") == 2)
        }
    }
}

extension Lab {
    /// What the box's established sockets send at most in a segment, options included.
    fileprivate func segmentSizes() async throws -> [Int] {
        let text = try await run(in: .box, ["ss", "-tinOH", "state", "established"]).output
        return text.split(separator: "\n").compactMap { line in
            let field = line.split(separator: " ").first { $0.hasPrefix("mss:") }
            // Beside the timestamps.
            return field.flatMap { Int($0.dropFirst(4)) }.map { $0 + 12 }
        }
    }

    /// The MSS options of the SYNs in a recording, or of the SYN-ACKs.
    fileprivate func announcedSizes(_ recording: Recording, byServer: Bool) async throws -> [Int] {
        let filter = "tcp.flags.syn == 1 && tcp.flags.ack == \(byServer ? 1 : 0)"
        let file = try await recording.stop()
        return try await run(
            in: .box, ["tshark", "-r", file, "-Y", filter, "-T", "fields", "-e", "tcp.options.mss_val"]
        ).output.split(separator: "\n").compactMap { Int($0) }
    }
}
