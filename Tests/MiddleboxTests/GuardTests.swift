import Lab
import LinuxSystem
import Testing
import Wire

/// Clients that may not exist: what a flood of SYNs can do to servers is bounded.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct GuardTests {
    struct Flood: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let family: IPFamily
        /// Upstream connections at a time that the guard allows it.
        let limit: Int
        let source: @Sendable (Int) -> Endpoint
    }

    /// Nobody has these addresses, so that nobody answers or resets.
    static let floods = [
        Flood(testDescription: "from many addresses", family: .v4, limit: 20) { index in
            Endpoint(address: IPAddress("10.1.0.\(3 + index % 250)")!, port: UInt16(40_000 + index))
        },
        Flood(testDescription: "from one address", family: .v4, limit: 8) { index in
            Endpoint(address: IPAddress("10.1.0.77")!, port: UInt16(40_000 + index))
        },
        Flood(testDescription: "from one IPv6 /64", family: .v6, limit: 8) { index in
            Endpoint(address: IPAddress("fd00:1::77:\(index)")!, port: 40_000)
        },
    ]

    private static let settings = """
        max_held = 20
        max_held_per_client = 8
        client_timeout = "4s"
        """

    private static let size = 400
    private static let overLimit = "intercept: split, over the limit of held SYNs"

    @Test(arguments: floods)
    func aFloodOpensFewConnections(_ flood: Flood) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(configuration: lab.configuration(["advanced": Self.settings]))
            let server = try await lab.serve()
            let sender = try await SYNSender(lab, flood.family)
            // Where nobody has completed a handshake yet, a flood has SYNs pass (`CompletionRecord`).
            #expect(try await lab.fetch(lab.plan(.echo, 1000, flood.family)).failures == [:])
            for start in stride(from: 0, to: Self.size, by: 25) {
                for index in start..<start + 25 { try sender.send(from: flood.source(index)) }
                try await expectFew(flood, lab, sluice)
                // A client that exists comes through.
                if start == 200 {
                    #expect(try await lab.fetch(lab.plan(.echo, 100_000, flood.family)).failures == [:])
                }
            }
            try await lab.wait(for: "all SYNs to be decided about") {
                try await sluice.decisions().values.reduce(0, +) == Self.size + 2
            }
            try await expectFew(flood, lab, sluice)
            try await lab.waitUntilIdle(sluice)
            try await lab.wait(for: "the server to be rid of them") { server.statistics.active == 0 }
            #expect(server.statistics.completed == 2)

            let status = try await sluice.status()
            let answered = status.decisions["intercept: server answered"] ?? 0
            #expect(status.decisions[Self.overLimit] == UInt64(Self.size + 2) - answered)
            #expect(status.decisions[Self.overLimit] ?? 0 > 0)
            #expect(answered > flood.limit)
            #expect((UInt64(flood.limit)...answered).contains(status.connections.clientTimeouts))
            #expect(status.connections.accepted == 2)

            #expect(try await lab.fetch(lab.plan(.echo, 100_000, flood.family)).failures == [:])
            #expect(try await sluice.count("intercept: server answered") == answered + 1)
        }
    }

    private func expectFew(_ flood: Flood, _ lab: Lab, _ sluice: SluiceDaemon) async throws {
        #expect(try await sluice.status().connections.pending <= flood.limit)
        // ss takes a while to list them: one that has ended meanwhile and its successor may both be there.
        let first = try await strangers(lab, flood.family)
        if first > flood.limit { #expect(try await min(first, strangers(lab, flood.family)) <= flood.limit) }
    }

    /// The server's connections with addresses that aren't the client's.
    private func strangers(_ lab: Lab, _ family: IPFamily) async throws -> Int {
        let lines = try await lab.sockets(
            in: .server(0), ["-t", "state", "established", "state", "syn-recv", "sport", "=", ":5000"])
        return try lines.count { line in
            let peer = try #require(line.split(separator: " ").last.flatMap { Endpoint(String($0)) }, "\(line)")
            return peer.address != lab.address(.client(0), family)
        }
    }
}
