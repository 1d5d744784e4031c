import Lab
import LinuxSystem
import Testing
import Wire

/// Redirect listeners come and go with the handshakes that need them.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct ListenerTests {
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
            try await lab.wait(for: "descriptors to be given back") {
                try lab.descriptors(of: sluice) <= descriptors + 8
            }
            #expect(try await lab.fetch(lab.plan(.download, 1000)).failures == [:])
            #expect(try await sluice.count("intercept: server answered") == 1)
        }
    }

    /// When the handshakes are through, none is left; and the next connection has one again.
    @Test func noneIsLeftBehindTheHandshakes() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            var servers: [PeerServer] = []
            for port in [5000, 5001, 5002] as [UInt16] { servers.append(try await lab.serve(port: port)) }
            #expect(try await lab.fetch(lab.plan(.download, 1000)).failures == [:])
            try await lab.waitUntilIdle(sluice)
            let descriptors = try lab.descriptors(of: sluice)
            var plans: [FetchPlan] = []
            for (port, family) in [(5000, IPFamily.v4), (5000, .v6), (5001, .v4), (5002, .v6)] as [(UInt16, IPFamily)] {
                var plan = lab.endlessPlan(family)
                plan.to = lab.endpoint(.server(0), port: port, family)
                plans.append(plan)
            }
            try await withThrowingTaskGroup(of: FetchReport.self) { group in
                defer { servers.forEach { $0.stop() } }
                for plan in plans { group.addTask { try await lab.fetch(plan) } }
                group.addTask { [plan = plans[0]] in try await lab.fetch(plan) }
                try await lab.wait(for: "five connections of two subflows") {
                    try await sluice.connections().map(\.subflows.count) == [2, 2, 2, 2, 2]
                }
                try await lab.wait(for: "the listeners to close") { try await sluice.status().listeners == 0 }
                // Two for each connection, and perhaps one of the question for the status. Questions of before may still close.
                try await lab.wait(for: "no other descriptors") {
                    try lab.descriptors(of: sluice) <= descriptors + 11
                }
                for port in 5000...5002 as ClosedRange<UInt16> {
                    #expect(try !lab.isListening(in: .box, port: port))
                }
            }
            try await lab.serve()
            #expect(try await lab.fetch(lab.plan(.download, 1000)).failures == [:])
            #expect(try await sluice.count("intercept: server answered") == 7)
        }
    }

    /// A second link that comes up long after the connection: it joins, by a listener of its own.
    @Test(arguments: IPFamily.allCases)
    func aLateJoinHasAListener(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let server = try await lab.serve()
            try await lab.shell(in: .client(0), "ip mptcp endpoint flush")
            let long = lab.endlessPlan(family)
            async let report = lab.fetch(long)
            defer { server.stop() }
            try await lab.wait(for: "the connection") { try await sluice.connections().first?.subflows.count == 1 }
            try await lab.wait(for: "the listener to close") { try await sluice.status().listeners == 0 }
            let second = lab.links(of: .client(0))[1]
            try await lab.shell(
                in: .client(0), "ip mptcp endpoint add \(second.address(family)) dev \(second.nodeInterface) subflow")
            try await lab.wait(for: "the join") { try await sluice.connections().first?.subflows.count == 2 }
            #expect(try await sluice.count("intercept: join") == 1)
            try await lab.wait(for: "the listener to close") { try await sluice.status().listeners == 0 }
            server.stop()
            #expect(try await report.failures.count == 1)
        }
    }

    /// A client far away takes its time to answer; its listener waits for it, and for its second link as well.
    @Test(arguments: IPFamily.allCases)
    func aListenerWaitsForAFarClient(_ family: IPFamily) async throws {
        let far = LabConfiguration.Link(delay: .milliseconds(300))
        try await Lab.with(LabConfiguration(clients: [.init(links: [far, far])])) { lab in
            let sluice = try await lab.startSluice()
            let server = try await lab.serve()
            let plan = lab.endlessPlan(family)
            async let report = lab.fetch(plan)
            defer { server.stop() }
            try await lab.wait(for: "two subflows") { try await sluice.connections().first?.subflows.count == 2 }
            try await lab.wait(for: "the listener to close") { try await sluice.status().listeners == 0 }
            #expect(try await sluice.decisions() == ["intercept: server answered": 1])
            server.stop()
            #expect(try await report.failures.count == 1)
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
