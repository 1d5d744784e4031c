import Lab
import Testing

/// Connections that send at once and are over at once, with their ACK and their data on two processors.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct ShortConnectionTests {
    @Test(arguments: IPFamily.allCases) func noneIsReset(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            try await lab.startSluice()
            try await lab.withLoadServer {
                var plan = ExchangePlan(to: lab.endpoint(.server(0), port: LoadServer.echoPort, family), .mptcp)
                plan.parallel = 4
                plan.duration = .seconds(4)
                let report = try await lab.inside(.client(0)) { [plan] in try plan.run() }
                #expect(report.failures == [:])
                #expect(!report.times.isEmpty)
            }
            // What TPROXY is asked about: of each subflow its SYN and, but for a race, the one packet that answers the
            // box's SYN-ACK.
            let (syns, answers) = try await taken(lab, family)
            #expect(syns > 0)
            #expect(answers < syns * 5 / 4)
        }
    }

    /// Packets that met SLUICE_TAKE's first rule, for SYNs, and its last.
    private func taken(_ lab: Lab, _ family: IPFamily) async throws -> (syns: Int, answers: Int) {
        let command = family == .v4 ? "iptables" : "ip6tables"
        let output = try await lab.run(in: .box, [command, "-t", "mangle", "-nvxL", "SLUICE_TAKE"]).output
        let counts = output.split(separator: "\n").dropFirst(2).compactMap { line in
            line.split(separator: " ").first.flatMap { Int($0) }
        }
        try #require(counts.count == 3)
        return (counts[0], counts[2])
    }
}
