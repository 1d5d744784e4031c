import Admin
import Foundation
import Lab
import LinuxSystem
import Testing
import Wire

extension SteerTests {
    @Test("traces carry what is decided about paths, and decode says the same") func tracesCarryDecisions()
        async throws
    {
        try await Lab.with(Self.network(wanted: .mbit(300))) { lab in
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + Self.overflow)
            try await lab.serve()
            let file = "\(lab.directory)/trace.pcapng"
            let traces = [
                try await lab.trace(sluice, "--write", file), try await lab.trace(sluice, "--json"),
                try await lab.trace(sluice), try await lab.trace(sluice, "--json", "--filter", "steering"),
                try await lab.trace(sluice, "--json", "--filter", "client 10.1.0.0/16 and syn"),
            ]
            #expect(try await lab.fetch(plan(lab, 60_000_000)).failures == [:])
            try await lab.wait(for: "the low path to help, and to stand by again") {
                try await sluice.paths().decisions.map(\.effect) == ["active", "standby"]
            }
            let decisions = try await sluice.paths().decisions
            // Its line comes at the next look of the trace thread.
            try await lab.wait(for: "the last event") { traces[3].lines.count == 2 }
            #expect(try await sluice.traces().map(\.events).max() == 2)
            var totals: [LiveTrace.Totals] = []
            for trace in traces { totals.append(try await trace.end()) }
            #expect(totals.allSatisfy { $0.dropped == 0 && $0.matched == $0.written })
            #expect(traces[3].process.errors.contains("2 steering events, 0 dropped\nsluice: 0 packets, "))
            #expect(!traces[4].process.errors.contains("steering"))

            let all = try traces[1].objects
            #expect(all.count == totals[1].written + 2)
            let events = all.filter { $0["steering"] != nil }
            let told = events.compactMap { $0["steering"] as? [String: String] }
            let expected = decisions.map {
                ["rule": $0.rule, "path": $0.path, "effect": $0.effect, "reason": $0.reason]
            }
            #expect(told == expected)
            for (event, decision) in zip(events, decisions) {
                // Both are made of one monotonic time and the clock of the moment.
                #expect(abs((event["time"] as? Double ?? 0) - decision.time) < 0.05)
            }
            // Between the packets of its time.
            let times = all.compactMap { $0["time"] as? Double }
            for (place, line) in all.enumerated() where line["steering"] != nil && place > 0 {
                #expect(times[place] >= times[place - 1] - 0.01)
            }
            #expect(try traces[3].objects.compactMap { $0["steering"] as? [String: String] } == expected)
            #expect(
                try traces[4].objects.allSatisfy {
                    $0["steering"] == nil && ($0["flags"] as? String)?.contains("S") == true
                })

            let json = try await sluice.command("decode", "--json", file, within: .seconds(60)).output
            let lines = json.split(separator: "\n").filter { $0.contains("\"steering\": ") }
            #expect(lines.count == 2)
            for (line, event) in zip(lines, events) {
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
                #expect(object["steering"] as? [String: String] == event["steering"] as? [String: String])
                #expect(object["time"] as? Double == event["time"] as? Double)
            }
            let text = try await sluice.command("decode", file, within: .seconds(60)).output
            let said = traces[2].lines.filter { $0.contains(" steering rule: mobile ") }
            #expect(said.count == 2)
            #expect(text.split(separator: "\n").filter { $0.contains(" steering rule: mobile ") } == said)

            let tshark = try await lab.reading(
                ["tshark", "-n", "-r", file, "-Y", "systemd_journal", "-T", "fields", "-e", "systemd_journal.message"])
            #expect(
                tshark.split(separator: "\n").map(String.init)
                    == decisions.map { "\($0.rule): \($0.path) \($0.effect): \($0.reason)" })
            let capinfos = try await lab.run(in: .box, ["capinfos", "-c", "-M", file])
            #expect(capinfos.status.isSuccess)
            #expect(capinfos.errors.split(separator: "\n").allSatisfy { $0.contains("Running as user") })
            #expect(capinfos.output.contains("Number of packets:   \(totals[0].written)\n"))

            // The explanation of any client's decisions ends with those about the paths, the newest first.
            let explained = try await sluice.command("trace", "--explain", "10.1.0.2").output
            let tail = explained.split(separator: "\n").suffix(3)
            #expect(tail.first == "of late, about the paths (`sluice paths --why` has more):")
            for (line, decision) in zip(tail.dropFirst(), decisions.reversed()) {
                #expect(line.hasPrefix("    20"))
                #expect(
                    line.hasSuffix(" \(decision.rule): \(decision.path) \(decision.effect): \(decision.reason)"))
            }
        }
    }

    @Test("where nothing was decided, the explanation says nothing of paths") func nothingToExplain() async throws {
        try await Lab.with(Self.network(wanted: .mbit(10))) { lab in
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + Self.overflow)
            let explained = try await sluice.command("trace", "--explain", "10.1.0.2").output
            #expect(!explained.contains("about the paths"))
        }
    }
}
