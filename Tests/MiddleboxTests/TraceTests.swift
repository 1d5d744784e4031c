import Admin
import Foundation
import Lab
import LinuxSystem
import Testing
import Wire

/// `sluice trace`: what those see who look on, and that the traffic doesn't.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(5))) struct TraceTests {
    private static let all = ["intercept": "inspect = \"all\""]

    /// A connection is told from its SYN to its end, with verdicts, reasons and what the tracker knows; in both formats.
    @Test(arguments: IPFamily.allCases)
    func connectionsAreToldWhole(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let json = try await lab.trace(sluice, "--json")
            let text = try await lab.trace(sluice)
            // Held open until the second subflow has joined, at leisure.
            let conversation = try await lab.converse(lab.plan(.echo, 0, family))
            try await conversation.bounce(1_500_000)
            try await lab.wait(for: "the second subflow") {
                try await sluice.connections().first?.subflows.map(\.state) == ["established", "established"]
            }
            try await conversation.bounce(1_500_000)
            try await conversation.end()
            try await lab.waitUntilIdle(sluice)
            let totals = try await (json.end(), text.end())
            #expect(totals.0.dropped == 0 && totals.0.matched == totals.0.written)
            #expect(totals.0.written == json.lines.count && text.lines.count == totals.1.written)
            let objects = try json.objects
            // Its two SYNs, each of which is there once.
            let decided = objects.filter { $0["verdict"] as? String == "intercept" }
            #expect(decided.map { $0["reason"] as? String } == ["server answered", "join"])
            #expect(decided.map { $0["interface"] as? String } == ["lan0", "lan1"])
            #expect(!objects.contains { $0["interface"] as? String == "sluice0" })
            #expect(objects.allSatisfy { $0["error"] is NSNull })
            // All have the token of the connection but its first SYN, whose key is yet to come.
            let tokens = Set(objects.compactMap { $0["token"] as? String })
            #expect(tokens.count == 1)
            #expect(objects.count { $0["token"] is NSNull } == 1)
            #expect(Set(objects.compactMap { $0["subflow"] as? Int }) == [0, 1])
            let events = objects.flatMap { $0["events"] as? [String] ?? [] }
            for event in ["connection opened", "connection established", "subflow 1 established", "connection closed"] {
                #expect(events.contains(event))
            }
            #expect(text.lines.contains { $0.contains("intercept: server answered, held ") })
            #expect(objects.map { $0["frame"] as? Int } == Array(1...objects.count))
        }
    }

    /// Each reader sees what its filter lets through, and nothing else.
    @Test func filtersChoose() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let first = try await lab.trace(sluice, "--json", "--filter", "mp_capable and syn")
            let other = try await lab.trace(sluice, "--filter", "client 10.77.0.0/16")
            let errors = try await lab.trace(sluice, "--only-errors")
            _ = try await lab.fetch(lab.plan(.upload, 200_000))
            try await lab.waitUntilIdle(sluice)
            let totals = try await first.end()
            // The SYN and the SYN-ACK.
            #expect(totals.matched == 2 && totals.written == 2)
            #expect(try first.objects.map { $0["flags"] as? String } == ["S", "S."])
            #expect(try await other.end().matched == 0)
            #expect(try await errors.end().matched == 0)
        }
    }

    @Test func aWrongFilterIsPointedAt() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let wrong = try await sluice.command("trace", "--filter", "client 10.1.0.0/16 and prot 80")
            #expect(wrong.status == .exited(1))
            #expect(wrong.errors.contains("client 10.1.0.0/16 and prot 80\n"))
            #expect(wrong.errors.contains("                       ^~~~"))
            let unknown = try await sluice.command("trace", "--filter", "interface lan9")
            #expect(unknown.status == .exited(1) && unknown.errors.contains("lan9"))
            #expect(try await sluice.traces().map(\.kind) == ["ended"])
        }
    }

    /// The class of a subflow that is held stands in each of its records.
    @Test func throttlesShow() async throws {
        try await Lab.with(.twoLinks) { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let trace = try await lab.trace(sluice, "--json")
            async let report = lab.fetch(lab.plan(.download, 8_000_000))
            try await lab.waitForSubflows(2, sluice)
            try await sluice.changeThrottles("add", "relieve", "--interface", "fast", "--download", "10mbit")
            #expect(try await report.failures == [:])
            _ = try await trace.end()
            let held = try trace.objects.filter { $0["class"] as? String == "relieve" }
            #expect(held.count > 20)
            #expect(Set(held.compactMap { $0["interface"] as? String }) == ["fast"])
            #expect(try trace.objects.contains { $0["interface"] as? String == "slow" })
        }
    }

    /// A reader that has stopped costs records, and no packet: the transfer ends as without it, and each packet is
    /// accounted for.
    @Test(arguments: ["--json", "--write"])
    func aReaderThatStandsStillIsNotWaitedFor(_ format: String) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(configuration: lab.configuration(Self.all))
            try await lab.serve()
            let trace =
                format == "--json"
                ? try await lab.trace(sluice, "--json") : try await lab.trace(sluice, "--write", "-")
            trace.process.signal(SIGSTOP)
            var rounds = 0
            try await lab.wait(for: "records to be dropped", within: .seconds(120)) {
                let report = try await lab.fetch(lab.plan(.download, 400_000_000))
                #expect(report.failures == [:])
                rounds += 1
                return try await sluice.traces().first { $0.kind == "live" }.map { $0.dropped > 0 } ?? true
            }
            let inspected = try await sluice.status().packets.data
            trace.process.signal(SIGCONT)
            let totals = try await trace.end()
            #expect(totals.dropped > 0 && totals.written > 0)
            #expect(totals.written + totals.dropped == totals.matched)
            // Every packet of the data queues, and the SYNs: two a connection.
            #expect(totals.matched == Int(inspected) + 2 * rounds)
            if format == "--json" { #expect(trace.lines.count == totals.written) }
            #expect(trace.process.errors.contains("dropped"))
        }
    }

    /// Whoever goes without a word is noticed, and costs nothing any more.
    @Test func aReaderThatIsKilledIsForgotten() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let trace = try await lab.trace(sluice)
            trace.process.signal(SIGKILL)
            try await lab.wait(for: "the trace to end", within: .seconds(30)) {
                _ = try await lab.fetch(lab.plan(.download, 10_000))
                return try await sluice.traces().map(\.kind) == ["ended"]
            }
        }
    }

    @Test func theDaemonsEndIsSaid() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let trace = try await lab.trace(sluice)
            #expect(try await sluice.stop().isSuccess)
            #expect(try await trace.process.wait(within: .seconds(10)) == .exited(1))
            #expect(trace.process.errors.contains("daemon has ended"))
        }
    }
}
