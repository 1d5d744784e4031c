import Admin
import Lab
import LinuxSystem
import Testing
import Wire

/// What the segments tell of connections, against what the kernel says of them.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct AgreementTests {
    /// Each kind of signalling, converted by the box: joins, backup, announcements, removals, fast closes, fallbacks …
    @Test(arguments: Scenario.all.filter { $0.routes.contains(.throughSluice) })
    func everyScenarioAgrees(_ scenario: Scenario) async throws {
        try await Lab.with(scenario.configuration) { lab in
            let stage = try await lab.stage(scenario, .throughSluice, rest: .milliseconds(700))
            let sluice = try #require(stage.sluice)
            for family in IPFamily.allCases {
                try await scenario.play(on: stage, family)
                try await sluice.expectAgreement()
            }
            let tracking = try await sluice.status().tracking
            #expect(tracking.established + tracking.fallbacks >= 2)
            // At the accept and, where it lasts long enough, in its rests.
            let isBrief = ["fastclose", "half-close", "join-refused"].contains { scenario.name.hasPrefix($0) }
            #expect(tracking.compared >= (isBrief ? 2 : 4))
            #expect(tracking.anomalies == [:])
        }
    }

    /// Hundreds of connections, while the client's path manager adds and withdraws endpoints, makes them backups and
    /// announces them, and while other connections are reset.
    @Test(arguments: IPFamily.allCases)
    func hundredsOfConnectionsAgree(_ family: IPFamily) async throws {
        let configuration = LabConfiguration(clients: [.init(links: [.init(), .init(), .init()])])
        try await Lab.with(configuration) { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            try await lab.mptcp(in: .box, ["limits", "set", "subflows", "8", "add_addr_accepted", "8"])
            try await lab.mptcp(in: .client(0), ["limits", "set", "subflows", "8", "add_addr_accepted", "8"])
            var orderly = lab.plan(.echo, 20_000, family)
            orderly.count = 300
            orderly.parallel = 30
            orderly.hold = .seconds(1)
            var aborted = lab.plan(.download, 5_000_000, family)
            aborted.count = 100
            aborted.parallel = 5
            aborted.abortAfter = 500_000
            let (first, second) = (orderly, aborted)
            async let reports = [lab.fetch(first), lab.fetch(second)]
            try await lab.unsettleEndpoints(family, rounds: 12)
            for report in try await reports { #expect(report.failures == [:]) }
            try await lab.waitUntilIdle(sluice)
            try await sluice.expectAgreement()
            let tracking = try await sluice.status().tracking
            #expect(tracking.established == 400)
            #expect(tracking.joins > 200)
            #expect(tracking.compared > 500)
            // A join to a connection that has ended meanwhile is the server's to refuse, which doesn't speak MPTCP.
            #expect(Set(tracking.anomalies.keys).subtracting(["MP_JOIN answered without MP_JOIN"]) == [])
        }
    }
}

extension SluiceDaemon {
    /// Waits until what has changed has been compared, and has found the two agreed.
    fileprivate func expectAgreement() async throws {
        try await Task.sleep(for: .milliseconds(800))
        let tracking = try await status().tracking
        #expect(tracking.disagreements == 0, "\(log)")
        #expect(tracking.compared > 0)
    }
}

extension Lab {
    /// Has the client's path manager change its mind, over and over.
    fileprivate func unsettleEndpoints(_ family: IPFamily, rounds: Int) async throws {
        let endpoints = [1, 2].map { link in
            (
                address: address(.client(0), link: link, family).description, id: "\(10 + link)",
                device: links(of: .client(0))[link].nodeInterface
            )
        }
        try await mptcp(in: .client(0), ["endpoint", "flush"])
        for round in 0..<rounds {
            for (index, endpoint) in endpoints.enumerated() {
                let flags = [["subflow"], ["subflow", "backup"], ["signal"], ["subflow", "fullmesh"]][
                    (round + index) % 4]
                try await mptcp(
                    in: .client(0),
                    ["endpoint", "add", endpoint.address, "dev", endpoint.device, "id", endpoint.id] + flags)
            }
            try await Task.sleep(for: .milliseconds(600))
            if (round + 1) % 4 != 3 {
                let priority = round.isMultiple(of: 2) ? "backup" : "nobackup"
                try await mptcp(in: .client(0), ["endpoint", "change", "id", "11", priority])
            }
            try await Task.sleep(for: .milliseconds(300))
            for endpoint in endpoints { try await mptcp(in: .client(0), ["endpoint", "delete", "id", endpoint.id]) }
        }
    }
}
