import Admin
import Lab
import LinuxSystem
import Testing
import Wire

/// MPTCP connections to servers that speak MPTCP themselves: the box forwards them, and follows them if it is to.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct EndToEndTests {
    private static let all = ["intercept": "inspect = \"all\""]

    @Test(arguments: IPFamily.allCases)
    func areListed(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(configuration: lab.configuration(Self.all))
            try await lab.serve(PeerProtocol.mptcp)
            var plan = lab.quietPlan(family)
            plan.length = 100_000...100_000
            let quiet = plan
            async let report = lab.fetch(quiet)
            try await lab.wait(for: "two subflows") {
                let subflows = try await sluice.connections().first?.subflows ?? []
                return subflows.count == 2 && subflows.allSatisfy { $0.state == "established" }
            }
            let connection = try #require(try await sluice.connections().first)
            #expect(connection.mode == "end-to-end")
            #expect(connection.state == "established")
            #expect(connection.upstream?.local == nil)
            #expect(connection.server == lab.endpoint(.server(0), port: 5000, family).description)
            #expect(connection.subflows.map(\.interface) == ["lan0", "lan1"])
            #expect(connection.subflows.map(\.remoteId) == [0, family == .v4 ? 1 : 2])
            #expect(connection.bytesToServer == 16)
            // ss leaves leading zeros out.
            let token = try #require(connection.token.flatMap { UInt32($0.dropFirst(2), radix: 16) })
            #expect(try await lab.tokens(in: .server(0)) == [String(token, radix: 16)])
            #expect(try await report.failures == [:])
            try await lab.wait(for: "the connection to be over") { try await sluice.connections().isEmpty }
            let status = try await sluice.status()
            #expect(status.tracking.established == 1)
            #expect(status.tracking.joins == 1)
            #expect(status.tracking.anomalies == [:])
            #expect(status.connections.accepted == 0)
            #expect(status.packets.unreadable == 0)
        }
    }

    /// A transfer in both directions at full speed, every segment looked at.
    @Test(arguments: [PeerRequest.Operation.download, .upload, .echo])
    func loseNoByte(_ operation: PeerRequest.Operation) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(configuration: lab.configuration(Self.all))
            try await lab.serve(PeerProtocol.mptcp)
            for family in IPFamily.allCases {
                let report = try await lab.fetch(lab.plan(operation, 50_000_000, family))
                #expect(report.failures == [:])
            }
            let status = try await sluice.status()
            #expect(status.tracking.established == 2)
            #expect(status.packets.dataBytes > 100_000_000)
        }
    }

    @Test func areLeftAloneUnlessToldOtherwise() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve(PeerProtocol.mptcp)
            #expect(try await lab.fetch(lab.plan(.download, 1_000_000)).failures == [:])
            let status = try await sluice.status()
            #expect(status.packets.data == 0)
            #expect(status.tracking.established == 0)
            #expect(status.decisions["pass: server speaks MPTCP"] == 1)
        }
    }
}
