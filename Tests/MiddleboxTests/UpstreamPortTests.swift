import Lab
import LinuxSystem
import Testing
import Wire

/// The ports from which servers are reached.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct UpstreamPortTests {
    private static let range: ClosedRange<UInt16> = 10_000...10_999
    private static let settings = ["advanced": "upstream_ports = \"10000-10999\""]

    /// Each has one of its own, from the range, and none is the client's.
    @Test(arguments: IPFamily.allCases)
    func threeHundredAtOnce(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(configuration: lab.configuration(Self.settings))
            let server = try await lab.serve()
            var plan = lab.endlessPlan(family)
            plan.count = 300
            plan.parallel = 300
            async let report = lab.fetch(plan)
            defer { server.stop() }
            try await lab.wait(for: "all connections", within: .seconds(30)) {
                try await sluice.connections().filter { $0.state == "established" }.count == 300
            }
            let connections = try await sluice.connections()
            let upstream = Set(connections.compactMap { $0.upstream?.local.flatMap { Endpoint($0) } })
            let clients = Set(connections.compactMap { Endpoint($0.client) })
            #expect(upstream.count == 300)
            #expect(clients.count == 300)
            #expect(upstream.isDisjoint(with: clients))
            #expect(upstream.allSatisfy { Self.range.contains($0.port) })
            #expect(upstream.allSatisfy { $0.address == lab.address(.client(0), family) })
            let peers = try await lab.sockets(in: .server(0), ["-t", "state", "established", "sport", "=", ":5000"])
                .compactMap { $0.split(separator: " ").last.flatMap { Endpoint(String($0)) } }
            #expect(Set(peers) == upstream)
            #expect(try await sluice.decisions()["intercept: server answered"] == 300)
            server.stop()
            #expect(try await report.completed == 0)
            try await lab.waitUntilIdle(sluice)
        }
    }

    /// More connections than there are ports, within a minute. The box's end stays in TIME_WAIT where the client ended
    /// first, which is every second handful: those ports are skipped. With timestamps the kernel would use them again.
    @Test func portsInTimeWaitAreSkipped() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(configuration: lab.configuration(Self.settings))
            try await lab.shell(in: .server(0), "sysctl -qw net.ipv4.tcp_timestamps=0")
            let server = try await lab.serve()
            var count = 0
            while count < 1100 {
                for operation in [PeerRequest.Operation.clientEndsFirst, .download] {
                    var plan = lab.plan(operation, 100)
                    plan.count = 5
                    #expect(try await lab.fetch(plan).failures == [:])
                    count += plan.count
                }
                try await lab.waitUntilIdle(sluice)
            }
            try await lab.wait(for: "the server to finish") { server.statistics.completed == count }
            let waiting = try await lab.sockets(in: .box, ["-t", "state", "time-wait", "dport", "=", ":5000"])
            #expect(waiting.count > 100, "ports were in use")
            let status = try await sluice.status()
            #expect(status.decisions["intercept: server answered"] == UInt64(count))
            #expect(status.decisions["pass: unable"] == nil)
            #expect(status.connections.accepted == UInt64(count))
        }
    }
}
