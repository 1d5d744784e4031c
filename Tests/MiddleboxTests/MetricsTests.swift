import Foundation
import Lab
import LinuxSystem
import Testing
import Wire

/// `/metrics`, on the control socket and over TCP.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(3))) struct MetricsTests {
    @Test(arguments: ["127.0.0.1:9470", "[::1]:9470"])
    func tellWhatTheStatusTells(_ address: String) async throws {
        try await Lab.with { lab in
            let settings = lab.configuration(["admin": "http = \"\(address)\""])
            let sluice = try await lab.startSluice(configuration: settings)
            try await lab.serve()
            for family in IPFamily.allCases {
                for operation in [PeerRequest.Operation.download, .upload] {
                    #expect(try await lab.fetch(lab.plan(operation, 200_000, family)).failures == [:])
                }
            }
            try await lab.waitUntilIdle(sluice)
            let status = try await sluice.status()
            let scrapes = [
                try await lab.scrape("--unix-socket", sluice.controlPath, "http://sluice/metrics"),
                try await lab.scrape("http://\(address)/metrics"),
            ]
            for samples in scrapes {
                #expect(samples["sluice_connections_accepted_total"] == 4)
                #expect(samples["sluice_dials_total"] == Double(status.dials.started))
                #expect(samples["sluice_data_packets_total"] == Double(status.packets.data))
                #expect(
                    samples["sluice_syn_decisions_total{verdict=\"intercept\",reason=\"server answered\"}"]
                        == Double(try await sluice.count("intercept: server answered")))
                #expect(
                    samples["sluice_relayed_bytes_total{to=\"client\"}"] == Double(status.connections.bytesToClient))
                #expect(samples["sluice_state{state=\"running\"}"] == 1)
                #expect(samples["sluice_syn_conversion_seconds_count"] == 4)
                #expect(samples["sluice_syn_conversion_seconds_bucket{le=\"+Inf\"}"] == 4)
                #expect(samples["sluice_queue_waiting{queue=\"7700\"}"] == 0)
            }
            #expect(Set(scrapes[0].keys) == Set(scrapes[1].keys))
            // Nothing is changed, and no packet shown, over TCP.
            for (method, path) in [("POST", "/v1/throttles"), ("DELETE", "/v1/throttles/x"), ("GET", "/v1/trace")] {
                let answer = try await lab.reading(
                    ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", method, "http://\(address)\(path)"])
                #expect(answer == "404")
            }
            #expect(try await lab.reading(["curl", "-s", "http://\(address)/"]).contains("/metrics"))
            #expect(try await lab.reading(["curl", "-s", "http://\(address)/v1/status"]).contains("\"running\""))
        }
    }

    @Test func anAddressThatIsTakenIsSaid() async throws {
        try await Lab.with { lab in
            let descriptor = try lab.namespace(.box).run { () throws -> Int32 in
                let socket = try StreamSocket.open(.tcp, for: IPAddress("127.0.0.1")!)
                try StreamSocket.bind(socket.rawValue, to: Endpoint("127.0.0.1:9470")!)
                try StreamSocket.listen(socket.rawValue, backlog: 1)
                return socket.release()
            }
            defer { close(descriptor) }
            let settings = lab.configuration(["admin": "http = \"127.0.0.1:9470\""])
            var said = ""
            do {
                try await lab.startSluice(configuration: settings)
            } catch LabError.command(_, let status, let errors) {
                #expect(status == .exited(1))
                said = errors
            }
            #expect(said.contains("[admin] http: can't listen on 127.0.0.1:9470") && said.contains("in use"))
            #expect(try await lab.run(in: .box, ["iptables-save"]).output.contains("SLUICE") == false)
        }
    }

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

    /// docs/operation.md has every name and no other.
    @Test func namesAreDocumented() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let text = try await lab.reading(
                ["curl", "-s", "--unix-socket", sluice.controlPath, "http://sluice/metrics"])
            let exported = text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
                .map { String($0.split(separator: " ")[2]) }
            let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent()
            let page = try String(contentsOf: root.appending(path: "docs/operation.md"), encoding: .utf8)
            let documented = page.split(separator: "\n").filter { $0.hasPrefix("| `sluice_") }
                .map { String($0.dropFirst(3).prefix { $0 != "`" && $0 != "{" }) }
            #expect(Set(exported) == Set(documented))
            #expect(exported.count == Set(exported).count)
        }
    }
}

extension Lab {
    /// Values by series, of a text that keeps to the format: each family has its HELP and TYPE in front, no series stands
    /// twice.
    fileprivate func scrape(_ arguments: String...) async throws -> [String: Double] {
        let text = try await reading(["curl", "-sS", "--fail"] + arguments)
        var samples: [String: Double] = [:]
        var family = ""
        var isTyped = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) where !line.isEmpty {
            let words = line.split(separator: " ", maxSplits: 3).map(String.init)
            if words[0] == "#" {
                isTyped = words[1] == "TYPE" && words[2] == family
                if words[1] == "HELP" { family = words[2] } else { #expect(isTyped) }
                continue
            }
            let place = try #require(line.lastIndex(of: " "))
            let series = String(line[..<place])
            let name = String(series.prefix { $0 != "{" })
            #expect(isTyped && (name == family || ["_bucket", "_sum", "_count"].contains { name == family + $0 }))
            #expect(samples[series] == nil)
            let value = Double(String(line[line.index(after: place)...]))
            #expect(value != nil)
            samples[series] = value
        }
        return samples
    }
}
