import Admin
import Foundation
import Lab
import Testing
import Wire

/// `sluice close`: an operator ends running connections.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(3))) struct CloseTests {
    /// Each with what it has to say.
    private static let refused: [(arguments: [String], words: String)] = [
        ([], "say which connections"),
        (["--client", "10.1.0.2/33"], "10.1.0.2/33 is no client"),
        (["--server", "example.org"], "example.org is no server"),
        (["--token", "7"], "7 is no token"),
    ]

    @Test("what can't be understood closes nothing and says so")
    func wrongOrders() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            for (arguments, words) in Self.refused {
                let result = try await sluice.command(["close"] + arguments)
                #expect(!result.status.isSuccess && result.errors.contains(words), "\(arguments): \(result.errors)")
            }
            let none = try await sluice.command("close", "--client", "10.77.0.1")
            #expect(none.status.isSuccess && none.output == "0 connections closed\n")
        }
    }

    @Test("root alone may give orders")
    func theControlSocketIsPrivate() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let attributes = try FileManager.default.attributesOfItem(atPath: sluice.controlPath)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
    }

    /// By client and port, by server, by token: that one and no other is reset, on both sides.
    @Test("the connections that are meant are reset on both sides", arguments: IPFamily.allCases)
    func closes(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            var servers: [UInt16: PeerServer] = [:]
            for port in [5000, 5001, 5002, 5003] as [UInt16] { servers[port] = try await lab.serve(port: port) }
            var conversations: [UInt16: Conversation] = [:]
            for port in servers.keys.sorted() {
                var plan = FetchPlan(to: lab.endpoint(.server(0), port: port, family), .mptcp)
                plan.limit = .seconds(20)
                conversations[port] = try await lab.converse(plan)
                try await conversations[port]?.bounce(1000)
            }
            let connections = try await sluice.connections()
            func connection(_ port: UInt16) throws -> ConnectionReport {
                try #require(connections.first { $0.server.hasSuffix(":\(port)") })
            }
            let orders: [(UInt16, [String])] = [
                (5000, ["--client", try connection(5000).client]),
                (5001, ["--server", try connection(5001).server, "--client", try connection(5001).client]),
                (5002, ["--token", try #require(try connection(5002).token)]),
            ]
            for (port, order) in orders {
                let result = try await sluice.command(["close", "--json"] + order)
                #expect(result.output == "{\"closed\":1}\n", "\(order): \(result.output)\(result.errors)")
                await #expect(throws: (any Error).self) { try await conversations[port]?.bounce(1) }
                try await lab.wait(for: "the server to notice") { servers[port]?.statistics.active == 0 }
                #expect(servers[port]?.statistics.failures.keys.allSatisfy { $0.contains("reset") } == true)
            }
            try await conversations[5003]?.bounce(100_000)
            try await conversations[5003]?.end()
            try await lab.waitUntilIdle(sluice)
            #expect(try await sluice.status().connections.closed == 3)
            #expect(try await sluice.status().connections.resets == 0)
            // And the next one is converted as before.
            #expect(try await lab.fetch(lab.plan(.download, 100_000, family)).failures == [:])
            #expect(try await sluice.count("intercept: server answered") == 5)
        }
    }
}
