import Lab
import LinuxSystem
import Testing
import Wire

/// Many connections, one after the other and at once; and nothing is left of them.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct LoadTests {
    private struct Holdings: Equatable {
        let descriptors: Int
        let listeners: Int
        let conntrackEntries: Int
    }

    private func holdings(_ lab: Lab, _ sluice: SluiceDaemon) async throws -> Holdings {
        Holdings(
            descriptors: try lab.descriptors(of: sluice), listeners: try await sluice.status().listeners,
            conntrackEntries: try await lab.conntrackEntries())
    }

    @Test func thousandsOfConnectionsLeaveNothingBehind() async throws {
        try await Lab.with { lab in
            // Connection tracking remembers ended connections for minutes otherwise.
            for state in ["time_wait", "close", "last_ack", "fin_wait", "close_wait"] {
                try await lab.run(
                    in: .box, ["sysctl", "-qw", "net.netfilter.nf_conntrack_tcp_timeout_\(state)=1"])
            }
            // So it does a SYN that the busy server had no room for, when the box has dialled anew since.
            try await lab.run(in: .box, ["sysctl", "-qw", "net.netfilter.nf_conntrack_tcp_timeout_syn_sent=10"])
            // And with the ended ones forgotten so soon, a late packet would count as a connection begun elsewhere.
            try await lab.run(in: .box, ["sysctl", "-qw", "net.netfilter.nf_conntrack_tcp_loose=0"])
            let sluice = try await lab.startSluice()
            let server = try await lab.serve()
            let before = try await holdings(lab, sluice)
            for (count, parallel, family) in [(1000, 1, IPFamily.v4), (1000, 1, .v6), (500, 500, .v4), (500, 500, .v6)]
            {
                var plan = FetchPlan(to: lab.endpoint(.server(0), port: 5000, family), .mptcp)
                plan.count = count
                plan.parallel = parallel
                plan.length = 0...1_000_000
                let report = try await lab.fetch(plan)
                #expect(report.failures == [:])
                #expect(report.completed == count)
            }
            let status = try await sluice.status()
            #expect(status.connections.accepted == 3000)
            #expect(status.decisions["intercept: server answered"] == 3000)
            #expect(status.connections.bytesToClient > 1_000_000_000)
            try await lab.wait(for: "the server to finish") { server.statistics.completed == 3000 }
            try await lab.waitUntilIdle(sluice)
            do {
                try await lab.wait(for: "descriptors, listeners and conntrack entries to go", within: .seconds(30)) {
                    try await holdings(lab, sluice) == before
                }
            } catch is LabError {
                let entries = try await lab.shell(in: .box, "conntrack -L -f ipv4; conntrack -L -f ipv6")
                Issue.record("\(before) first, \(try await holdings(lab, sluice)) now; \(entries)")
            }
        }
    }
}
