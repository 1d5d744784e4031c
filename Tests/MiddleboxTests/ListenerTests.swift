import Lab
import LinuxSystem
import Testing
import Wire

/// Redirect listeners come and go with the connections that need them.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct ListenerTests {
    private static let shortIdle = ["advanced": "listener_idle = \"1s\""]

    /// A client that tries many ports takes no descriptor for those that are closed.
    @Test func aPortScanOpensNone() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let descriptors = try lab.descriptors(of: sluice)
            for port in 6000..<6300 as Range<UInt16> {
                var plan = lab.plan(.download, 1)
                plan.to = lab.endpoint(.server(0), port: port)
                #expect(try await lab.fetch(plan).failures.keys.allSatisfy { "\($0)".contains("refused") })
            }
            #expect(try await sluice.count("pass: server refused") == 300)
            #expect(try await sluice.status().listeners == 0)
            #expect(try lab.descriptors(of: sluice) <= descriptors + 8)
            #expect(try await lab.fetch(lab.plan(.download, 1000)).failures == [:])
            #expect(try await sluice.count("intercept: server answered") == 1)
        }
    }

    @Test func oneForEachPortAndFamilyInUse() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(configuration: lab.configuration(Self.shortIdle))
            var servers: [PeerServer] = []
            for port in [5000, 5001, 5002] as [UInt16] { servers.append(try await lab.serve(port: port)) }
            #expect(try await sluice.status().listeners == 0)
            var plans: [FetchPlan] = []
            for (port, family) in [(5000, IPFamily.v4), (5000, .v6), (5001, .v4), (5002, .v6)] as [(UInt16, IPFamily)] {
                var plan = lab.endlessPlan(family)
                plan.to = lab.endpoint(.server(0), port: port, family)
                plans.append(plan)
            }
            try await withThrowingTaskGroup(of: FetchReport.self) { group in
                defer { servers.forEach { $0.stop() } }
                for plan in plans { group.addTask { try await lab.fetch(plan) } }
                // A second connection to one of them needs no other.
                group.addTask { [plan = plans[0]] in try await lab.fetch(plan) }
                try await lab.wait(for: "five connections") { try await sluice.connections().count == 5 }
                #expect(try await sluice.status().listeners == 4)
            }
            try await lab.wait(for: "the listeners to close") { try await sluice.status().listeners == 0 }
            try await lab.serve()
            #expect(try await lab.fetch(lab.plan(.download, 1000)).failures == [:])
            #expect(try await sluice.count("intercept: server answered") == 6)
        }
    }

    /// A second link that comes up long after the connection: it joins, since the listener is still there for it.
    @Test(arguments: IPFamily.allCases)
    func aListenerStaysWithItsConnection(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(configuration: lab.configuration(Self.shortIdle))
            let server = try await lab.serve()
            try await lab.serve(port: 5001)
            try await lab.shell(in: .client(0), "ip mptcp endpoint flush")
            let long = lab.endlessPlan(family)
            async let report = lab.fetch(long)
            defer { server.stop() }
            try await lab.wait(for: "the connection") { try await sluice.connections().first?.subflows.count == 1 }
            // A later listener, which closes when it has been idle for long enough, says that the first one has been, too.
            var short = lab.plan(.download, 1000, family)
            short.to = lab.endpoint(.server(0), port: 5001, family)
            #expect(try await lab.fetch(short).failures == [:])
            #expect(try await sluice.status().listeners == 2)
            try await lab.wait(for: "the later listener to close") { try await sluice.status().listeners == 1 }

            let second = lab.links(of: .client(0))[1]
            try await lab.shell(
                in: .client(0), "ip mptcp endpoint add \(second.address(family)) dev \(second.nodeInterface) subflow")
            try await lab.wait(for: "the join") { try await sluice.connections().first?.subflows.count == 2 }
            #expect(try await sluice.count("intercept: join") == 1)
            server.stop()
            #expect(try await report.failures.count == 1)
            try await lab.wait(for: "the listener to close") { try await sluice.status().listeners == 0 }
        }
    }

    /// While a service of the router's own has the port, connections to it are passed; afterwards, converted again.
    @Test func aPortThatIsFreedIsUsedAgain() async throws {
        try await Lab.with { lab in
            let service = try await lab.serve(in: .box)
            let sluice = try await lab.startSluice()
            let server = try await lab.serve()
            for _ in 1...3 {
                for family in IPFamily.allCases {
                    #expect(try await lab.fetch(lab.plan(.download, 1000, family)).failures == [:])
                }
            }
            #expect(try await sluice.decisions() == ["pass: port occupied": 6])
            #expect(sluice.log.split(separator: "\n").count { $0.contains("port 5000 is taken") } == 1)
            try await lab.wait(for: "the server to finish") { server.statistics.completed == 6 }
            #expect(service.statistics.accepted == 0)
            service.stop()
            for (count, family) in zip(1..., IPFamily.allCases) {
                try await lab.wait(for: "conversion", within: .seconds(30)) {
                    try await Task.sleep(for: .milliseconds(200))
                    #expect(try await lab.fetch(lab.plan(.download, 1000, family)).failures == [:])
                    return try await sluice.count("intercept: server answered") == count
                }
            }
        }
    }
}
