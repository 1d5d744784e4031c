import Foundation
import Lab
import Testing

/// A box of a cluster, with a real Redis server beside it.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(3))) struct DirectoryTests {
    private static let cluster = ["cluster": "id = \"box-1\"\nredis = \"redis://127.0.0.1\""]

    private func startRedis(_ lab: Lab) async throws -> ChildProcess {
        let server = try lab.spawn(in: .box, RedisServer.command(port: 6379))
        try await lab.wait(for: "the Redis server") { server.output.contains("Ready to accept connections") }
        return server
    }

    private func tokens(_ lab: Lab) async throws -> Set<String> {
        let names = try await lab.run(in: .box, ["redis-cli", "keys", "sluice:token:*"]).output
        return Set(names.split(separator: "\n").map { String($0.dropFirst("sluice:token:".count)) })
    }

    /// What the directory has is what the box has, also behind a server that was killed.
    @Test func tokensOfRunningConnectionsAreThere() async throws {
        try await Lab.with { lab in
            let redis = try await startRedis(lab)
            let sluice = try await lab.startSluice(configuration: lab.configuration(Self.cluster))
            try await lab.serve()
            try await lab.wait(for: "the directory") { try await sluice.status().cluster?.error == nil }
            var plans = IPFamily.allCases.map { lab.plan(.download, 50_000_000, $0) }
            for index in plans.indices { plans[index].count = 2 }
            let fetches = plans.map { plan in Task { try await lab.fetch(plan) } }
            let live = {
                try await sluice.connections().filter { $0.state == "established" }
                    .compactMap { report in report.token.map { "\($0):\(address(report.server))" } }
            }
            var seen: Set<String> = []
            try await lab.wait(for: "tokens") {
                let known = try await tokens(lab)
                seen.formUnion(known)
                let running = try await live()
                return !known.intersection(running).isEmpty
            }
            redis.signal(SIGKILL)
            try await redis.wait()
            try await lab.wait(for: "the loss") { try await sluice.status().cluster?.error != nil }
            for fetch in fetches { #expect(try await fetch.value.failures == [:]) }
            // Conversion goes on, and so does what is told of it.
            #expect(try await lab.fetch(lab.plan(.upload, 100_000, .v6)).failures == [:])
            let again = try await startRedis(lab)
            try await lab.wait(for: "the directory") { try await sluice.status().cluster?.error == nil }
            #expect(try await lab.fetch(lab.plan(.download, 100_000)).failures == [:])
            try await lab.waitUntilIdle(sluice)
            try await lab.wait(for: "the ends") { try await tokens(lab).isEmpty }
            let status = try #require(try await sluice.status().cluster)
            #expect(status.id == "box-1" && status.directory == "redis://127.0.0.1:6379/0")
            #expect(status.tokens == 0 && status.lost == 0 && status.collisions == 0 && !status.usedTwice)
            #expect(status.told >= 4)
            let samples = try await lab.scrape(sluice)
            #expect(samples["sluice_cluster_directory_up"] == 1)
            #expect(samples["sluice_cluster_told_total"] == Double(status.told))
            let text = try await sluice.command("status").output
            #expect(text.contains("cluster      box-1; redis://127.0.0.1:6379/0 is there\n             0 tokens, "))
            #expect(
                sluice.log.ranges(of: "the cluster's directory at redis://127.0.0.1:6379/0 can't be used").count == 1)
            try await sluice.stop()
            #expect(try await lab.run(in: .box, ["redis-cli", "keys", "*"]).output.allSatisfy(\.isWhitespace))
            again.signal(SIGTERM)
        }
    }
}

/// `10.9.0.2` of `10.9.0.2:5000`, and `2001:db8::1` of `[2001:db8::1]:5000`.
private func address(_ endpoint: String) -> String {
    String(endpoint[..<endpoint.lastIndex(of: ":")!].filter { $0 != "[" && $0 != "]" })
}
