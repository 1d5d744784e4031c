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
            let scrapes = [try await lab.scrape(sluice), try await lab.scrape("http://\(address)/metrics")]
            for samples in scrapes {
                #expect(samples["sluice_connections_accepted_total"] == 4)
                #expect(samples["sluice_dials_total"] == Double(status.dials.started))
                #expect(samples["sluice_data_packets_total"] == Double(status.packets.data))
                #expect(samples["sluice_data_reads_total"] == Double(status.packets.dataReads))
                #expect((1...status.packets.data).contains(status.packets.dataReads))
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
            #expect(Set(scrapes[0].values.keys) == Set(scrapes[1].values.keys))
            // Nothing is changed, and no packet shown, over TCP.
            for (method, path, status) in [
                ("POST", "/v1/throttles", "405"), ("DELETE", "/v1/throttles/x", "405"), ("GET", "/v1/trace", "404"),
            ] {
                let answer = try await lab.reading(
                    ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", method, "http://\(address)\(path)"])
                #expect(answer == status)
            }
            #expect(try await lab.reading(["curl", "-s", "http://\(address)/"]).contains("/metrics"))
            #expect(try await lab.reading(["curl", "-s", "http://\(address)/v1/status"]).contains("\"running\""))
        }
    }

    @Test func anAddressThatIsTakenIsSaid() async throws {
        try await Lab.with { lab in
            let descriptor = try lab.namespace(.box).run { () throws -> Int32 in
                let socket = try StreamSocket.open(.tcp, for: IPAddress("127.0.0.1")!)
                try socket.bind(to: Endpoint("127.0.0.1:9470")!)
                try socket.listen(backlog: 1)
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
            let error = "[admin] http: can't listen on 127.0.0.1:9470: Address already in use; stop what listens there"
            #expect(said.contains(error), "\(said)")
            #expect(try await lab.run(in: .box, ["iptables-save"]).output.contains("SLUICE") == false)
            let sockets = try FileManager.default.contentsOfDirectory(atPath: lab.directory)
            #expect(!sockets.contains { $0.hasSuffix(".sock") })
        }
    }

    /// Nowhere but where it was told to; and nobody who hangs on keeps it from ending.
    @Test(arguments: ["127.0.0.1", "[::1]", "[::]"])
    func listensThereAlone(_ host: String) async throws {
        try await Lab.with { lab in
            let (token, secret) = ("\(lab.directory)/token", "0123456789abcdef")
            _ = FileManager.default.createFile(
                atPath: token, contents: Data(secret.utf8), attributes: [.posixPermissions: 0o600])
            let admin = "http = \"\(host):9470\"\nhttp_token = \"\(token)\""
            let sluice = try await lab.startSluice(configuration: lab.configuration(["admin": admin]))
            let listeners = try await lab.reading(["ss", "-Hltn", "sport", "=", "9470"]).split(separator: "\n")
            // ss writes `*` for an IPv6 socket that takes IPv4, too.
            #expect(listeners.map { $0.split(separator: " ")[3] } == [host == "[::]" ? "*:9470" : "\(host):9470"])
            let path = host == "[::]" ? "127.0.0.1" : host.filter { $0 != "[" && $0 != "]" }
            let half = "exec 3<>/dev/tcp/\(path)/9470; printf 'GET /metrics HTT' >&3; echo begun; sleep 60"
            let hanging = try lab.spawn(in: .box, ["bash", "-c", half])
            try await lab.wait(for: "the request to begin") { hanging.output.contains("begun") }
            _ = try await lab.scrape(["-H", "Authorization: Bearer \(secret)", "http://\(host):9470/metrics"])
            #expect(try await sluice.stop(within: .seconds(10)).isSuccess)
        }
    }

    /// While classes, traces and connections come and go.
    @Test func countersNeverFall() async throws {
        try await Lab.with { lab in
            let throttles = """

                [[throttle]]
                name = "shared"
                interface = "lan1"
                min_subflows = 1
                ports = [9]
                download = "10mbit"
                upload = "5mbit"

                [[throttle]]
                name = "each"
                interface = ["lan0", "lan1"]
                min_subflows = 1
                per = "subflow"
                download = "50mbit"
                """
            let file = ["trace": "file = \"\(lab.directory)/trace.text\"\nformat = \"text\""]
            let sluice = try await lab.startSluice(configuration: lab.configuration(file) + throttles)
            try await lab.serve()
            var scrapes = [try await lab.scrape(sluice)]
            let note = {
                let next = try await lab.scrape(sluice)
                #expect(next.fallen(since: scrapes.last!) == [])
                scrapes.append(next)
            }
            let trace = try await lab.trace(sluice)
            for operation in [PeerRequest.Operation.download, .upload] {
                async let report = lab.fetch(lab.plan(operation, 3_000_000))
                for _ in 0..<5 { try await note() }
                #expect(try await report.failures == [:])
            }
            try await lab.waitUntilIdle(sluice)
            try await lab.wait(for: "the classes to go") {
                try await sluice.throttles().allSatisfy { $0.name == "shared" || $0.classes.isEmpty }
            }
            try await note()
            let totals = try await trace.end()
            try await lab.wait(for: "the trace to be gone") {
                try await lab.scrape(sluice)["sluice_traces{kind=\"live\"}"] == 0
            }
            try await note()
            let end = scrapes.last!
            let written = end["sluice_trace_records_total{kind=\"live\",outcome=\"written\"}"]
            #expect(written == Double(totals.written))
            #expect(end["sluice_traces{kind=\"file\"}"] == 1)
            let carried = ["lan0", "lan1"].compactMap {
                end["sluice_throttle_bytes_total{throttle=\"each\",interface=\"\($0)\",direction=\"download\"}"]
            }
            #expect(carried.reduce(0, +) > 3_000_000)
            let limits = end.values.filter { $0.key.hasPrefix("sluice_throttle_limit_bytes_per_second{") }
            #expect(limits.values.sorted() == [625_000, 1_250_000])
        }
    }

    /// docs/operation.md has every name and no other.
    @Test func namesAreDocumented() async throws {
        try await Lab.with { lab in
            // With all that has metrics of its own.
            let cluster = ["cluster": "id = \"a\"\nredis = \"redis://127.0.0.1\""]
            let sluice = try await lab.startSluice(configuration: lab.configuration(cluster))
            let exported = try await lab.scrape(sluice).types
            let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent()
            let page = try String(contentsOf: root.appending(path: "docs/operation.md"), encoding: .utf8)
            let rows = page.matches(of: /\n\| `(sluice_[a-z_]+)(?:\{.*?\})?` \| ([a-z]+) \|/)
            #expect(rows.map { String($0.1) }.sorted() == exported.keys.sorted())
            for row in rows { #expect(exported[String(row.1)] == String(row.2)) }
        }
    }
}
