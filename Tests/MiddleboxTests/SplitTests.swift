import Lab
import LinuxSystem
import Testing
import Wire

/// `connect = "split"`: the client is answered at once, the server dialled after that.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct SplitTests {
    private func start(_ lab: Lab) async throws -> SluiceDaemon {
        try await lab.startSluice(configuration: lab.configuration(["intercept": "connect = \"split\""]))
    }

    @Test(arguments: IPFamily.allCases)
    func converts(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await start(lab)
            let server = try await lab.serve()
            let plan = lab.quietPlan(family)
            async let report = lab.fetch(plan)
            try await lab.wait(for: "two subflows") { try await sluice.connections().first?.subflows.count == 2 }
            #expect(try await report.failures == [:])
            #expect(try await lab.fetch(lab.plan(.echo, 3_000_000, family)).failures == [:])
            try await lab.wait(for: "the server to finish") { server.statistics.completed == 2 }
            #expect(try await sluice.decisions() == ["intercept: split": 2])
            try await lab.waitUntilIdle(sluice)
        }
    }

    /// What split can't do, and is documented not to: the client has been answered when the server refuses.
    @Test(arguments: IPFamily.allCases)
    func aClosedPortIsAcceptedThenReset(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await start(lab)
            let report = try await lab.fetch(lab.plan(.download, 1, family))
            #expect(report.failures.count == 1)
            let isReset = report.failures.keys.allSatisfy { "\($0)".contains("reset") || "\($0)".contains("pipe") }
            #expect(isReset, "\(report.failures)")
            #expect(try await sluice.decisions() == ["intercept: split": 1])
            let status = try await sluice.status()
            #expect(status.connections.accepted == 1)
            #expect(status.dials.failed == 1)
            try await lab.waitUntilIdle(sluice)
        }
    }

    /// The first connection is relayed, as TCP to the server; it teaches that the second needn't be.
    @Test(arguments: IPFamily.allCases)
    func aServerThatSpeaksMultipathIsLearned(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await start(lab)
            try await lab.serve(.mptcp)
            let plan = lab.quietPlan(family)
            #expect(try await lab.fetch(plan).failures == [:])
            try await lab.waitUntilIdle(sluice)
            async let second = lab.fetch(plan)
            try await lab.wait(for: "the second at the server") { try await lab.tokens(in: .server(0)).count == 1 }
            #expect(try await sluice.connections().isEmpty)
            #expect(try await second.failures == [:])
            #expect(try await sluice.decisions() == ["intercept: split": 1, "pass: server speaks MPTCP": 1])
            #expect(try await sluice.status().dials.started == 1)
        }
    }
}
