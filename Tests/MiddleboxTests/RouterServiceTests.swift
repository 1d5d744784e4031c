import Lab
import LinuxSystem
import Testing
import Wire

/// What is the router's own: its services, port forwards, routing policy and settings.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct RouterServiceTests {
    /// The box would answer a port-forwarded client from the server's address instead of its own.
    @Test(arguments: IPTables.allCases)
    func aPortForwardIsPassed(_ backend: IPTables) async throws {
        try await Lab.with { lab in
            try await lab.operate(
                backend,
                """
                *nat
                -4 -A PREROUTING -d 10.1.0.1 -p tcp --dport 8080 -j DNAT --to-destination 10.9.0.2:5000
                -6 -A PREROUTING -d fd00:1::1 -p tcp --dport 8080 -j DNAT --to-destination [fd00:9::2]:5000
                -4 -A PREROUTING -d 192.0.2.1 -p tcp -j DNAT --to-destination 10.9.0.2
                -6 -A PREROUTING -d 2001:db8::1 -p tcp -j DNAT --to-destination fd00:9::2
                COMMIT
                """)
            let sluice = try await lab.startSluice(configuration: lab.configuration(backend.setting))
            let server = try await lab.serve()
            for endpoint in ["10.1.0.1:8080", "[fd00:1::1]:8080", "192.0.2.1:5000", "[2001:db8::1]:5000"] {
                var plan = lab.plan(.echo, 100_000)
                plan.to = try #require(Endpoint(endpoint))
                #expect(try await lab.fetch(plan).failures == [:], "\(endpoint)")
            }
            try await lab.wait(for: "the server to finish") { server.statistics.completed == 4 }
            let status = try await sluice.status()
            #expect(status.decisions == [:])
            #expect(status.packets.data == 0)
        }
    }

    /// By whichever of its addresses; its port is then not to be had for conversion, which is said once.
    @Test(arguments: IPTables.allCases)
    func aServiceOfTheRouterIsItsOwn(_ backend: IPTables) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(configuration: lab.configuration(backend.setting))
            let service = try await lab.serve(in: .box, .mptcp)
            try await lab.serve()
            let addresses = ["10.1.0.1", "fd00:1::1", "10.9.0.1", "fd00:9::1"]
            for address in addresses {
                var plan = lab.plan(.echo, 100_000)
                plan.to = Endpoint(address: try #require(IPAddress(address)), port: 5000)
                #expect(try await lab.fetch(plan).failures == [:], "\(address)")
            }
            try await lab.wait(for: "the service to finish") { service.statistics.completed == addresses.count }
            #expect(
                try lab.counters(in: .client(0))["MPTcpExtMPCapableFallbackSYNACK"] == 0, "MPTCP with the box itself")
            #expect(try await sluice.status().packets.data == 0)
            for family in IPFamily.allCases {
                for _ in 1...2 { #expect(try await lab.fetch(lab.plan(.download, 1000, family)).failures == [:]) }
            }
            #expect(try await sluice.status().connections.accepted == 0)
            #expect(try await sluice.count("pass: port occupied") == 4)
            #expect(sluice.log.split(separator: "\n").filter { $0.contains("port 5000 is taken") }.count == 1)
        }
    }

    /// The operator sends marked connections another way: the upstream connection goes that way too.
    ///
    /// Two servers have the same address, behind wan0 and, for port 5000, wan1.
    @Test(arguments: ["faithful", "split"], IPFamily.allCases)
    func theUpstreamTakesTheOperatorsWay(_ connect: String, _ family: IPFamily) async throws {
        try await Lab.with(LabConfiguration(servers: [.init(), .init()])) { lab in
            let (option, address) = family == .v4 ? ("-4", "192.0.2.5") : ("-6", "2001:db8::5")
            for index in 0...1 {
                try await lab.shell(in: .server(index), "ip addr add \(address) dev lo")
                let table = index == 0 ? "main" : "300"
                let next = lab.address(.server(index), family)
                try await lab.shell("ip \(option) route add \(address) via \(next) table \(table)")
            }
            try await lab.shell("ip \(option) rule add fwmark 0x1/0xff lookup 300 priority 1000")
            try await lab.operate(
                .nft,
                "*mangle\n-A PREROUTING -i lan0 -p tcp --dport 5000 --syn -j MARK --set-xmark 0x1/0xff\nCOMMIT")
            let sluice = try await lab.startSluice(
                configuration: lab.configuration(["intercept": "connect = \"\(connect)\""]))
            for (port, way) in [(UInt16(5000), [0, 1]), (5001, [1, 0])] {
                let servers = [
                    try await lab.serve(in: .server(0), port: port), try await lab.serve(in: .server(1), port: port),
                ]
                var plan = lab.plan(.echo, 100_000)
                plan.to = Endpoint(address: try #require(IPAddress(address)), port: port)
                #expect(try await lab.fetch(plan).failures == [:])
                #expect(servers.map(\.statistics.accepted) == way, "port \(port)")
            }
            #expect(try await sluice.status().connections.accepted == 2)
        }
    }

    /// With rules of the operator's in every table, after a conversion in each family.
    @Test(arguments: IPTables.allCases)
    func stoppingLeavesEverythingAsItWas(_ backend: IPTables) async throws {
        try await Lab.with { lab in
            try await lab.operate(backend, Self.operatorRules)
            try await lab.shell(
                "for f in -4 -6; do ip $f rule add fwmark 0x1/0xff lookup 300 priority 78; done")
            let before = try await lab.settings()
            let sluice = try await lab.startSluice(configuration: lab.configuration(backend.setting))
            try await lab.serve()
            try await lab.expectConversion(sluice, bytes: 1000)
            #expect(Set(try await lab.settings()).subtracting(before).count > 20, "the comparison sees the rules")
            #expect(try await sluice.stop().isSuccess)
            let after = try await lab.settings()
            #expect(after.difference(from: before).map(String.init(describing:)) == [])
        }
    }

    static let operatorRules = """
        *raw
        -A PREROUTING -p udp --dport 9 -j DROP
        COMMIT
        *mangle
        -A PREROUTING -i lan0 -p tcp --dport 5001 -j MARK --set-xmark 0x1/0xff
        -A INPUT -m comment --comment "not -j SLUICE_INPUT" -j ACCEPT
        -A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
        -A OUTPUT -p udp --dport 9 -j DROP
        -A POSTROUTING -o wan0 -p udp --dport 9 -j DROP
        COMMIT
        *nat
        -4 -A POSTROUTING -o wan0 -s 192.0.2.0/24 -j MASQUERADE
        -6 -A POSTROUTING -o wan0 -s 2001:db8::/32 -j MASQUERADE
        COMMIT
        *filter
        :INPUT DROP [0:0]
        :MINE - [0:0]
        -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
        -A INPUT -i lo -j ACCEPT
        -6 -A INPUT -p ipv6-icmp -j ACCEPT
        -A FORWARD -p tcp --dport 81 -j MINE
        -A MINE -j REJECT
        COMMIT
        """
}
