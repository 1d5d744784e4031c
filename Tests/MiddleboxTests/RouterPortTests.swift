import Lab
import LinuxSystem
import Testing
import Wire

/// The router's ports are its own services': Sluice borrows one for a handshake.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct RouterPortTests {
    /// On the wildcard of either family, beside converted connections of both to other machines' same port. What has been
    /// converted goes on; what comes is passed, and converted again when the service has stopped.
    @Test(arguments: IPFamily.allCases)
    func aServiceStartsBesideConvertedConnections(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let server = try await lab.serve(port: 22)
            try await withThrowingTaskGroup(of: FetchReport.self) { group in
                defer { server.stop() }
                for family in IPFamily.allCases {
                    var plan = lab.endlessPlan(family)
                    plan.to = lab.endpoint(.server(0), port: 22, family)
                    group.addTask { [plan] in try await lab.fetch(plan) }
                }
                try await lab.wait(for: "two subflows of each") {
                    try await sluice.connections().map(\.subflows.count) == [2, 2]
                }
                try await lab.wait(for: "the listeners to close") { try await sluice.status().listeners == 0 }
                do {
                    let service = try await HandSocket.listen(lab, in: .box, port: 22, family)
                    #expect(try await sluice.connections().map(\.state) == ["established", "established"])
                    // The router's own client gets the service.
                    let own = try await HandSocket.connect(
                        lab, from: lab.endpoint(.client(0), port: 40_000, family),
                        to: Endpoint(address: lab.links(of: .client(0))[0].boxAddress(family), port: 22), .tcp)
                    #expect(try service.accept() != nil)
                    _ = own
                }
                var plan = lab.plan(.download, 1000, family)
                plan.to = lab.endpoint(.server(0), port: 22, family)
                #expect(try await lab.fetch(plan).failures == [:])
                #expect(try await sluice.count("intercept: server answered") == 3)
            }
        }
    }

    /// A service that shares its port with others, and Sluice's listener: each gets what is meant for it.
    @Test(arguments: IPFamily.allCases)
    func aSharedPortIsSharedWithTheRouterToo(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let shared = try await HandSocket.listen(lab, in: .box, port: 5000, family, isShared: true)
            #expect(try await lab.fetch(lab.plan(.echo, 100_000, family)).failures == [:])
            #expect(try await sluice.count("intercept: server answered") == 1)
            #expect(try shared.accept(within: .zero) == nil)
        }
    }

    /// A client, or whoever uses its address, that begins handshakes with hundreds of ports and completes none.
    @Test(arguments: IPFamily.allCases)
    func handshakesToManyPortsLeaveRoomForOthers(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            try await lab.tables(
                in: .server(0), "-t nat -A PREROUTING -p tcp --dport 6000:6599 -j REDIRECT --to-ports 5000")
            // With IPv6, an address of another /64 than the client's.
            let stranger = Endpoint(address: IPAddress(family == .v4 ? "10.1.0.77" : "fd00:77::1")!, port: 40_000)
            let sender = try await SYNSender(lab, family)
            for port in 6000..<6600 as Range<UInt16> { try sender.send(from: stranger, port: port) }
            try await lab.wait(for: "all to be decided about") {
                let status = try await sluice.status()
                return status.packets.held == 0 && status.decisions.values.reduce(0, +) >= 600
            }
            let status = try await sluice.status()
            #expect(status.listeners <= 128)
            #expect(status.decisions["pass: no room"] ?? 0 > 0)
            #expect(try await lab.fetch(lab.plan(.download, 1000, family)).failures == [:])
            #expect(
                try await sluice.count("intercept: server answered")
                    == (status.decisions["intercept: server answered"] ?? 0) + 1)
        }
    }

    /// The server sees a port below 1024, as from a client of rsh or NFS; not one that a service of the router's has.
    @Test(arguments: IPFamily.allCases)
    func aPrivilegedClientStaysOne(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let server = try await HandSocket.listen(lab, port: 514, family)
            // Among them, all but a few that upstreams could have.
            var services: [HandSocket] = []
            for port in UInt16(516)...655 {
                if let service = try? await HandSocket.listen(lab, in: .box, port: port, family) {
                    services.append(service)
                }
            }
            for port in [1023, 777, 1] as [UInt16] {
                let client = try await HandSocket.connect(
                    lab, from: lab.endpoint(.client(0), port: port, family),
                    to: lab.endpoint(.server(0), port: 514, family))
                let (connection, seen) = try #require(try server.accept())
                #expect(seen.address == lab.address(.client(0), family))
                #expect((512..<1024).contains(seen.port) && seen.port != port, "\(seen)")
                _ = (connection, client)
            }
            #expect(try await sluice.count("intercept: server answered") == 3)
            #expect(services.count > 100)
        }
    }
}
