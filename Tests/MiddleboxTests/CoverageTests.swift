import Lab
import LinuxSystem
import Testing
import Wire

/// Which connections are converted is the operator's to say; the others pass, and work.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct CoverageTests {
    /// Server, port, family, and the client's link.
    typealias Connection = (server: Int, port: UInt16, family: IPFamily, link: Int)

    struct Policy: CustomTestStringConvertible, Sendable {
        let setting: String
        let covered: [Connection]
        let others: [Connection]
        var testDescription: String { setting }
    }

    static let policies = [
        Policy(
            setting: "ports = [5000, \"5002-5003\"]",
            covered: [(0, 5000, .v4, 0), (0, 5002, .v6, 0), (0, 5003, .v4, 0)],
            others: [(0, 5001, .v4, 0), (0, 5001, .v6, 0)]),
        Policy(
            setting: "clients = [\"10.2.0.0/24\", \"fd00:1::/64\"]",
            covered: [(0, 5000, .v4, 1), (0, 5000, .v6, 0)],
            others: [(0, 5000, .v4, 0), (0, 5000, .v6, 1)]),
        Policy(
            setting: "clients = [\"10.0.0.0/8\"]",
            covered: [(0, 5000, .v4, 0)],
            others: [(0, 5000, .v6, 0)]),
        Policy(
            setting: "servers = [\"10.9.0.2\", \"fd00:9:1::/48\"]",
            covered: [(0, 5000, .v4, 0), (1, 5000, .v6, 0)],
            others: [(1, 5000, .v4, 0), (0, 5000, .v6, 0)]),
    ]

    @Test(arguments: policies)
    func whatIsNotCoveredPasses(_ policy: Policy) async throws {
        try await Lab.with(LabConfiguration(servers: [.init(), .init()])) { lab in
            let sluice = try await lab.startSluice(configuration: lab.configuration(["intercept": policy.setting]))
            for server in 0...1 {
                for port in 5000...5003 as ClosedRange<UInt16> {
                    try await lab.serve(in: .server(server), port: port)
                }
            }
            for (index, connection) in (policy.covered + policy.others).enumerated() {
                var plan = lab.plan(.echo, 100_000, connection.family)
                plan.to = lab.endpoint(.server(connection.server), port: connection.port, connection.family)
                plan.from = lab.address(.client(0), link: connection.link, connection.family)
                #expect(try await lab.fetch(plan).failures == [:], "\(connection)")
                let passed = max(0, index + 1 - policy.covered.count)
                #expect(try await sluice.count("pass: policy") == UInt64(passed), "\(connection)")
            }
            #expect(try await sluice.count("intercept: server answered") == UInt64(policy.covered.count))
        }
    }

    /// The box is full: others go by until there is room again.
    @Test(arguments: IPFamily.allCases)
    func aFullBoxIsPassed(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(
                configuration: lab.configuration(["advanced": "max_connections = 1"]))
            let server = try await lab.serve()
            let long = lab.endlessPlan(family)
            async let report = lab.fetch(long)
            defer { server.stop() }
            try await lab.wait(for: "two subflows") { try await sluice.connections().first?.subflows.count == 2 }
            #expect(try await lab.fetch(lab.plan(.echo, 100_000, family)).failures == [:])
            #expect(try await sluice.decisions() == ["intercept: server answered": 1, "pass: no room": 1])
            server.stop()
            #expect(try await report.failures.count == 1)
            try await lab.waitUntilIdle(sluice)
            try await lab.serve()
            #expect(try await lab.fetch(lab.plan(.echo, 100_000, family)).failures == [:])
            #expect(try await sluice.count("intercept: server answered") == 2)
        }
    }
}
