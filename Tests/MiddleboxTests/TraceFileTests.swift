import Admin
import Capture
import Foundation
import Lab
import LinuxSystem
import Testing
import Wire

/// What a trace writes, held against tcpdump at the same places; and that it stays out of the way.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(5))) struct TraceFileTests {
    /// Over ten thousand packets of mixed traffic: each packet that tcpdump sees where the queues are is there, byte for
    /// byte, and no other. tshark, capinfos and jq have no complaint, and `sluice decode` says what was said live.
    @Test func everyPacketIsThereAsTcpdumpSeesIt() async throws {
        // Not faster than tcpdump, and the trace, on a machine that does something else.
        let links = [LabConfiguration.Link(rate: .mbit(150)), LabConfiguration.Link(rate: .mbit(80))]
        try await Lab.with(LabConfiguration(clients: [.init(links: links)])) { lab in
            let sluice = try await lab.startSluice(configuration: lab.configuration(["intercept": "inspect = \"all\""]))
            try await lab.serve()
            try await lab.serve(port: 5001, .mptcp)
            try await lab.serve(port: 5002)
            let recordings = try await lab.recordQueues()
            let (file, live) = ("\(sluice.configurationPath).pcapng", "\(sluice.configurationPath).json")
            let traces = [
                try await lab.trace(sluice, "--write", file), try await lab.trace(sluice, "--json", "--write", live),
            ]
            try await lab.mixTraffic()
            try await lab.waitUntilIdle(sluice)
            try await lab.waitUntilSilent()
            let inspected = try await sluice.status()
            for trace in traces {
                let totals = try await trace.end()
                #expect(totals.dropped == 0 && totals.written == totals.matched)
                let decisions = inspected.decisions.values.reduce(0, +)
                #expect(totals.matched == Int(inspected.packets.data + decisions))
                #expect(totals.matched > 10_000)
            }
            let recorded = try Sightings(trace: file)
            let seen = try await Sightings(recordings: recordings, of: lab, count: recorded.total)
            #expect(recorded.differences(to: seen) == [])
            #expect(recorded.total > 10_000)
            try await lab.checkCapture(file, packets: recorded.total)
            _ = try await lab.reading(["jq", "-e", ".frame", live])
            let decoded = try await sluice.command("decode", "--json", file, within: .seconds(60)).output
            try compareLines(try String(contentsOfFile: live, encoding: .utf8), decoded)
        }
    }

    /// Line by line; the closing object, which only decode has, is left out.
    private func compareLines(_ live: String, _ decoded: String) throws {
        let (live, decoded) = (live.split(separator: "\n"), decoded.split(separator: "\n").dropLast())
        #expect(live.count == decoded.count)
        let different = zip(live, decoded).filter { $0 != $1 }
        for (line, other) in different.prefix(3) { Issue.record("live    \(line)\ndecoded \(other)") }
        #expect(different.isEmpty)
    }

    /// The daemon is killed in the middle of it: the file is whole up to some packet.
    @Test func aKilledDaemonLeavesAFileThatOpens() async throws {
        try await Lab.with { lab in
            let file = "\(lab.directory)/trace.pcapng"
            let sluice = try await lab.startSluice(
                configuration: lab.configuration(["intercept": "inspect = \"all\"", "trace": "file = \"\(file)\""]))
            try await lab.serve()
            let plan = lab.plan(.download, 10_000_000_000)
            let transfer = Task { try? await lab.fetch(plan) }
            try await lab.wait(for: "the file to grow", within: .seconds(30)) {
                (try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int) ?? 0 > 300_000
            }
            try await sluice.kill()
            let size = try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int ?? 0
            let packets = try Sightings(trace: file).total
            // 400 bytes a packet at most.
            #expect(packets > size / 400)
            try await lab.checkCapture(file, packets: packets, isWhole: false)
            transfer.cancel()
        }
    }

    /// A full disk ends the trace, says so, and loses no packet of anybody; a reload begins it anew.
    @Test func aFullDiskCostsRecordsAlone() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(configuration: lab.configuration(["intercept": "inspect = \"all\""]))
            try await lab.serve()
            // In the daemon's own mount namespace, with which it goes.
            try await lab.require(
                in: .box,
                [
                    "nsenter", "-t", "\(sluice.process.pid)", "-m", "mount", "-t", "tmpfs", "-o", "size=128k", "none",
                    "/mnt",
                ])
            let traced = lab.configuration(["intercept": "inspect = \"all\"", "trace": "file = \"/mnt/trace.pcapng\""])
            try await lab.reload(sluice, traced)
            let report = try await lab.fetch(lab.plan(.download, 100_000_000))
            #expect(report.failures == [:])
            try await lab.wait(for: "the trace to end") { sluice.log.contains("No space left on device") }
            let ended = try #require(try await sluice.traces().first { $0.kind == "ended" })
            #expect(ended.written > 0 && ended.dropped > 0 && ended.written + ended.dropped == ended.matched)
            #expect(try await sluice.traces().count == 1)
            #expect(try await sluice.status().state == "running")
            try await lab.require(
                in: .box, ["nsenter", "-t", "\(sluice.process.pid)", "-m", "rm", "/mnt/trace.pcapng"])
            try await lab.reload(sluice, traced)
            #expect(try await sluice.traces().map(\.kind).sorted() == ["ended", "file"])
        }
    }

    @Test func theFileOfTheConfigurationIsWrittenFromStartToEnd() async throws {
        try await Lab.with { lab in
            let file = "\(lab.directory)/trace.text"
            let settings = "file = \"\(file)\"\nformat = \"text\"\nfilter = \"mp_capable and syn\""
            let sluice = try await lab.startSluice(configuration: lab.configuration(["trace": settings]))
            try await lab.serve()
            _ = try await lab.fetch(lab.plan(.download, 100_000, .v6))
            try await lab.waitUntilIdle(sluice)
            #expect(try await sluice.stop().isSuccess)
            let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
            #expect(lines.count == 2, "the SYN and its answer")
            #expect(lines.first?.contains("intercept: server answered") == true)
            let rights = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(rights == 0o600)
        }
    }

    @Test func aFileThatCannotBeMadeStopsNothing() async throws {
        try await Lab.with { lab in
            let settings = ["trace": "file = \"/nowhere/trace.pcapng\""]
            let sluice = try await lab.startSluice(configuration: lab.configuration(settings))
            #expect(sluice.log.contains("/nowhere/trace.pcapng: No such file or directory"))
            try await lab.serve()
            #expect(try await lab.fetch(lab.plan(.upload, 100_000)).failures == [:])
            let check = try await sluice.command("check", "--config", sluice.configurationPath)
            #expect(check.output.contains("[trace] file /nowhere/trace.pcapng can't be made"))
        }
    }
}

extension Lab {
    /// Nobody has anything left to say or to repeat: tcpdump records for longer than the trace does.
    fileprivate func waitUntilSilent() async throws {
        let open = ["established", "syn-sent", "fin-wait-1", "close-wait", "last-ack", "closing"]
        for node in [Node.client(0), .box, .server(0)] {
            try await wait(for: "the sockets of \(node) to end", within: .seconds(20)) {
                try await sockets(in: node, ["-t"] + open.flatMap { ["state", $0] }).isEmpty
            }
        }
    }

    /// Converted and end to end, both ways and both families, many short ones and plain TCP.
    fileprivate func mixTraffic() async throws {
        for family in IPFamily.allCases {
            for operation in [PeerRequest.Operation.download, .upload, .echo] {
                _ = try await fetch(plan(operation, 25_000_000, family))
                var endToEnd = plan(operation, 8_000_000, family)
                endToEnd.to = endpoint(.server(0), port: 5001, family)
                _ = try await fetch(endToEnd)
            }
            var short = plan(.download, 2000, family)
            short.count = 100
            short.parallel = 4
            _ = try await fetch(short)
            var plain = plan(.download, 1_000_000, family, transport: .tcp)
            plain.to = endpoint(.server(0), port: 5002, family)
            _ = try await fetch(plain)
        }
    }

    /// tshark and capinfos read the file to its end.
    fileprivate func checkCapture(_ file: String, packets: Int, isWhole: Bool = true) async throws {
        let tshark = try await run(
            in: .box,
            ["tshark", "-r", file, "-T", "fields", "-e", "frame.packet_id", "-e", "frame.interface_name"]
                + ["-e", "frame.packet_flags_direction", "-e", "frame.comment"], within: .seconds(60))
        let lines = tshark.output.split(separator: "\n")
        #expect(lines.count == packets)
        #expect(Set(lines.compactMap { $0.split(separator: "\t").first }).count == packets)
        #expect(
            lines.allSatisfy {
                $0.contains("\t0x0000000")
                    && ($0.contains("\tlan") || $0.contains("\tsluice0") || $0.contains("\twan0"))
            })
        #expect(lines.contains { $0.hasSuffix("\tintercept: join") })
        guard isWhole else { return }
        #expect(tshark.status.isSuccess)
        let capinfos = try await run(in: .box, ["capinfos", file])
        #expect(capinfos.status.isSuccess)
        let complaints = capinfos.errors.split(separator: "\n").filter { !$0.contains("Running as user") }
        #expect(complaints == [])
        #expect(capinfos.output.contains("Capture application: Sluice"))
        #expect(capinfos.output.contains("Number of packets:   \(packets)") || packets > 9999)
    }
}
