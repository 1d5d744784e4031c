import Lab
import LinuxSystem
import Testing
import Wire

/// What a dial has taught about a server counts for the next ones, until it is too old.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct ServerMemoryTests {
    /// An unknown server is dialled with MPTCP, which falls back; a known one with TCP. Its other port is another server.
    @Test(arguments: IPFamily.allCases)
    func theSecondDialIsPlain(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            var servers: [PeerServer] = []
            for port in [5000, 5001] as [UInt16] { servers.append(try await lab.serve(port: port)) }
            try await withThrowingTaskGroup(of: FetchReport.self) { group in
                defer { servers.forEach { $0.stop() } }
                for (index, port) in ([5000, 5000, 5001] as [UInt16]).enumerated() {
                    var plan = lab.endlessPlan(family)
                    plan.to = lab.endpoint(.server(0), port: port, family)
                    group.addTask { [plan] in try await lab.fetch(plan) }
                    try await lab.wait(for: "connection \(index)") {
                        try await sluice.connections().filter { $0.state == "established" }.count == index + 1
                    }
                }
                let connections = try await sluice.connections().sorted { $0.ageUs > $1.ageUs }
                #expect(connections.map(\.upstream?.protocol) == ["mptcp", "tcp", "mptcp"])
            }
            #expect(try lab.counters(in: .server(0))["MPTcpExtMPCapableSYNRX"] == 0, "the server has no MPTCP listener")
        }
    }

    /// In both directions, at the latest when the memory of what it was is over.
    @Test(arguments: IPFamily.allCases)
    func aServerThatChangesIsNoticed(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(
                configuration: lab.configuration(["advanced": "server_memory = \"1s\""]))
            for (transport, decision) in [
                (PeerProtocol.tcp, "intercept: server answered"), (.mptcp, "pass: server speaks MPTCP"),
                (.tcp, "intercept: server answered"),
            ] {
                // A former listener that spoke MPTCP takes a moment to go.
                var successor: PeerServer?
                try await lab.wait(for: "the port to be free") {
                    successor = try? await lab.serve(transport)
                    return successor != nil
                }
                let server = try #require(successor)
                let before = try await sluice.count(decision)
                try await lab.wait(for: "\(decision)") {
                    #expect(try await lab.fetch(lab.plan(.download, 1000, family)).failures == [:])
                    return try await sluice.count(decision) > before
                }
                try await lab.wait(for: "the server to finish") { server.statistics.active == 0 }
                server.stop()
            }
        }
    }
}
