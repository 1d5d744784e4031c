import Admin
import Lab
import LinuxSystem
import Testing
import Wire

/// What the segments tell of connections, against what the kernel says of them.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct AgreementTests {
    @Test(arguments: IPFamily.allCases)
    func convertedConnectionsAgree(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            var plan = lab.plan(.download, 100_000, family)
            plan.count = 100
            plan.parallel = 20
            plan.hold = .seconds(1)
            #expect(try await lab.fetch(plan).failures == [:])
            try await lab.waitUntilIdle(sluice)
            let tracking = try await sluice.status().tracking
            #expect(tracking.established == 100)
            #expect(tracking.joins == 100)
            #expect(tracking.compared > 150)
            #expect(tracking.disagreements == 0, "\(sluice.log)")
            #expect(tracking.anomalies == 0)
            #expect(tracking.unseen == 0)
        }
    }
}
