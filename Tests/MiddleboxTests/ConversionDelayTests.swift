import Lab
import Testing

/// Conversion as it is seen from outside: by packets on the box's interfaces. How long it takes is not asserted.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(3))) struct ConversionDelayTests {
    @Test(arguments: IPFamily.allCases)
    func whatComesIsSeenToGo(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            try await lab.startSluice()
            let report = try await lab.withLoadServer { try await lab.measureConversionDelay(lab.fewMessages(family)) }
            #expect(report.connections == 12)
            let delays = report.delays
            #expect(delays.syn.count == 12)
            #expect(delays.multipathDials == 1, "of a server that Sluice doesn't know yet")
            #expect(delays.toServer.count == 60)
            #expect(delays.toClient.count == 60)
            #expect(delays.unpairedSYNs == 0 && delays.unpairedMessages == 0 && delays.forwardedSYNs == 0)
            for times in [delays.syn, delays.toServer, delays.toClient] { #expect(times.allSatisfy { $0 > 0 }) }
        }
    }

    @Test func alsoWhileMuchElseGoesThrough() async throws {
        try await Lab.with { lab in
            try await lab.startSluice()
            var plan = lab.fewMessages(.v4)
            plan.load = BulkPlan(to: lab.endpoint(.server(0), port: LoadServer.bulkPort), .mptcp)
            plan.load?.uploads = 1
            let report = try await lab.withLoadServer { [plan] in try await lab.measureConversionDelay(plan) }
            let load = try #require(report.load)
            #expect(load.bytes > 0 && load.failures == [:])
            // The time of the load may end them early.
            #expect(report.connections > 0)
            #expect(report.delays.syn.count >= report.connections)
            #expect(report.delays.toServer.count >= report.connections)
            #expect(report.delays.unpairedSYNs == 0 && report.delays.unpairedMessages == 0)
        }
    }

    @Test func whatIsForwardedIsToldApart() async throws {
        try await Lab.with { lab in
            var plan = lab.fewMessages(.v4)
            plan.transport = .tcp
            let report = try await lab.withLoadServer { [plan] in try await lab.measureConversionDelay(plan) }
            #expect(report.delays.forwardedSYNs == 12)
            #expect(report.delays.syn.isEmpty)
            #expect(report.delays.toServer.count == 60)
        }
    }
}

extension Lab {
    fileprivate func fewMessages(_ family: IPFamily) -> ConversionDelayPlan {
        var plan = ConversionDelayPlan(to: endpoint(.server(0), port: LoadServer.echoPort, family), .mptcp)
        plan.connections = 12
        plan.messages = 5
        return plan
    }
}
