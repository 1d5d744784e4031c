import Lab
import LinuxSystem
import Testing
import Wire

/// What `conversion` in `sluice status` measures, and what it leaves out.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(3))) struct ConversionTimeTests {
    /// Transfers leave figures; a sample of them may be small, but the first of each direction is always there.
    @Test(arguments: IPFamily.allCases)
    func conversionIsTimed(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            var plan = lab.plan(.echo, 100_000, family)
            plan.count = 5
            let start = MonotonicTime.now
            #expect(try await lab.fetch(plan).failures == [:])
            try await lab.waitUntilIdle(sluice)
            let elapsed = Double(MonotonicTime.now.nanoseconds(since: start)) / 1000
            let conversion = try await sluice.status().conversion
            #expect(conversion.syn.count == 5)
            for latency in [conversion.syn, conversion.dataToServer, conversion.dataToClient] {
                #expect(latency.count >= 5)
                let (median, longest) = (try #require(latency.p50Us), try #require(latency.maxUs))
                #expect(median > 0 && median <= longest && longest < elapsed * 1.125)
            }
            #expect(try await sluice.command("status").output.contains("conversion   SYNs p50 "))
        }
    }

    /// Whatever else goes on: reads that alternate must not have always the same one timed.
    @Test func bothDirectionsAreSampledAlike() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let conversation = try await lab.converse(lab.plan(.echo, 0))
            for _ in 0..<40 { try await conversation.bounce(100) }
            let idle = try await lab.converse(lab.plan(.echo, 0))
            for _ in 0..<280 { try await conversation.bounce(100) }
            try await conversation.end()
            try await idle.end()
            let conversion = try await sluice.status().conversion
            // One in sixteen of 320 messages, each of which wakes the box once.
            for latency in [conversion.dataToServer, conversion.dataToClient] {
                #expect((20...30).contains(latency.count))
            }
        }
    }

    /// A client that doesn't read keeps the server's bytes waiting in the box.
    @Test func waitingForTheOtherSideIsNoConversion() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let nginx = try await lab.startNginx()
            try nginx.addFile("file", bytes: 30_000_000)
            let request = "exec 3<>/dev/tcp/\(lab.address(.server(0)))/80; printf 'GET /file HTTP/1.0\\r\\n\\r\\n' >&3"
            let reader = ["mptcpize", "run", "bash", "-c", "\(request); sleep 3; wc -c <&3"]
            let result = try await lab.run(in: .client(0), reader, within: .seconds(60))
            #expect(Int(result.output.filter(\.isNumber)) ?? 0 > 30_000_000, "\(result.errors)")
            try await lab.waitUntilIdle(sluice)
            let conversion = try await sluice.status().conversion
            // None at all if already the first bytes were more than the client took.
            #expect((conversion.dataToClient.maxUs ?? 0) < 2_900_000)
        }
    }

    /// What a client sends while its server is being dialled waits for the server; nothing else is sent here.
    @Test func waitingForADialIsNoConversion() async throws {
        try await Lab.with(LabConfiguration(servers: [.init(delay: .milliseconds(500))])) { lab in
            let sluice = try await lab.startSluice(
                configuration: lab.configuration(["intercept": "connect = \"split\""]))
            try await lab.serve()
            #expect(try await lab.fetch(lab.plan(.download, 10_000)).failures == [:])
            try await lab.waitUntilIdle(sluice)
            let conversion = try await sluice.status().conversion
            #expect(conversion.dataToServer.count == 0)
            #expect(conversion.dataToClient.count > 0)
        }
    }
}
