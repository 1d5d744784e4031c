import Lab
import LinuxSystem
import Testing
import Wire

/// `sluice trace --explain`: why was this client's connection not converted?
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(3))) struct ExplainTests {
    @Test(arguments: IPFamily.allCases)
    func conversionIsTold(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            var plan = lab.plan(.download, 300_000, family)
            plan.hold = .seconds(1)
            _ = try await lab.fetch(plan)
            try await lab.wait(for: "the join") { try await sluice.decisions("all").count == 2 }
            let client = lab.address(.client(0), family)
            let decision = try #require(try await sluice.decisions(client.description).first)
            #expect(decision.verdict == "intercept" && decision.reason == "server answered")
            #expect(decision.interface == "lan0" && decision.token == nil)
            #expect((decision.heldUs ?? 0) > 0)
            #expect(decision.state != nil)
            // The client's own port chooses, and the other address has joined.
            #expect(try await sluice.decisions(decision.client).count == 1)
            let join = try #require(
                try await sluice.decisions(lab.address(.client(0), link: 1, family).description).first)
            #expect(join.reason == "join" && join.token != nil && join.interface == "lan1")
            let text = try await sluice.command("trace", "--explain", client.description).output
            #expect(text.contains("intercept: server answered, held ") && text.contains("MP_CAPABLE"))
        }
    }

    @Test func whatWasForwardedIsExplained() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(configuration: lab.configuration(["intercept": "ports = [5000]"]))
            try await lab.serve(PeerProtocol.mptcp)
            var plan = lab.plan(.download, 1000)
            plan.count = 2
            _ = try await lab.fetch(plan)
            plan.to = lab.endpoint(.server(0), port: 5999)
            _ = try await lab.fetch(plan)
            let capable = try await sluice.decisions("10.1.0.0/16").filter { $0.token == nil }
            #expect(capable.map(\.reason) == ["policy", "policy", "server speaks MPTCP", "server speaks MPTCP"])
            #expect(capable.allSatisfy { $0.verdict == "pass" && $0.state == nil })
            let text = try await sluice.command("trace", "--explain", "10.1.0.0/16").output
            #expect(text.contains("[intercept] clients, servers and ports") && text.contains("stepped aside"))
        }
    }

    @Test func nothingToTellIsExplained() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let nobody = try await sluice.command("trace", "--explain", "10.1.0.2:80")
            #expect(nobody.status.isSuccess && nobody.output.contains("plain TCP isn't handed to Sluice"))
            let wrong = try await sluice.command("trace", "--explain", "10.1.0")
            #expect(wrong.status == .exited(1) && wrong.errors.contains("10.1.0 is no client"))
            let usage = try await sluice.command("trace", "--explain", "10.1.0.2", "--filter", "syn")
            #expect(usage.status == .exited(64))
        }
    }
}
