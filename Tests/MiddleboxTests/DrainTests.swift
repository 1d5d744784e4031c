import Lab
import Testing

/// `sluice drain` and `sluice undrain`.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(3))) struct DrainTests {
    @Test(arguments: IPFamily.allCases) func newConnectionsPassAndOthersGoOn(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            try await lab.serve(port: 5001, .mptcp)
            let conversation = try await lab.converse(lab.plan(.echo, 1, family))
            try await conversation.bounce(1000)
            #expect(try await sluice.command("drain").output == "drains; 1 connection is left\n")
            #expect(try await sluice.status().state == "draining")
            #expect(try await sluice.command("upgrade").errors.contains("the daemon is draining"))
            let passed = try await sluice.count("pass: draining")
            #expect(try await lab.fetch(lab.plan(.download, 1000, family)).failures == [:])
            #expect(try await sluice.count("pass: draining") > passed)
            // Subflows still join.
            try await lab.wait(for: "a second subflow") {
                try await sluice.connections().first { $0.mode == "converted" }?.subflows.count == 2
            }
            try await conversation.bounce(100_000)
            let impatient = try await sluice.command("drain", "--wait", "--limit", "1")
            #expect(impatient.status == .exited(1) && impatient.errors.contains("1 connections are left after 1 s"))
            let waiting = Task { try await sluice.command(["drain", "--wait"], within: .seconds(30)) }
            try await conversation.end()
            let result = try await waiting.value
            #expect(result.status == .exited(0) && result.output.contains("no connection is left"), "\(result)")
            try await lab.wait(for: "its word") { sluice.log.contains("drained: no connection is left") }
            #expect(try await sluice.command("undrain").output == "running\n")
            let accepted = try await sluice.status().connections.accepted
            #expect(try await lab.fetch(lab.plan(.download, 1000, family)).failures == [:])
            #expect(try await sluice.status().connections.accepted == accepted + 1)
            #expect(try await sluice.stop() == .exited(0))
        }
    }

    /// Joins that other boxes lead to one that is drained reach it.
    @Test func aDrainedBoxServesItsJoins() async throws {
        try await ClusterTests.Rig.with(2, rate: BitRate("20mbit")!) { rig in
            var plan = rig.lab.plan(.download, 2_000_000)
            (plan.count, plan.parallel) = (16, 16)
            let fetch = Task { [plan] in try await rig.lab.fetch(plan) }
            for box in rig.boxes {
                try await rig.lab.wait(for: "connections") { try await box.status().connections.open > 0 }
            }
            #expect(try await rig.boxes[0].command("drain").status == .exited(0))
            #expect(try await fetch.value.failures == [:])
            let (sent, answered) = try await (
                rig.lab.multipath("MPJoinSynTx"), rig.lab.multipath("MPJoinSynAckRx")
            )
            // Those of connections that passed are the server's to answer, which speaks no MPTCP.
            #expect(answered == sent, "\(answered) of \(sent)")
        }
    }
}
