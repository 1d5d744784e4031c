import Admin
import Foundation
import Glibc
import Lab
import LinuxSystem
import SessionLog
import Testing
import Wire

/// `[sessions] log`, with sessions of the kernel.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(5))) struct LoggedSessionTests {
    /// What the log says is what `sluice connections` and the server's own kernel say; `sluice sessions` finds it.
    @Test(arguments: IPFamily.allCases)
    func theLogSaysWhatTheServerSees(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let log = LoggedSessions(lab)
            let sluice = try await lab.startSluice(configuration: lab.configuration(["sessions": log.table]))
            try await lab.serve()
            var conversations: [Conversation] = []
            for _ in 0..<5 {
                var plan = FetchPlan(to: lab.endpoint(.server(0), port: 5000, family), .mptcp)
                plan.limit = .seconds(60)
                let conversation = try await lab.converse(plan)
                try await conversation.bounce(300_000)
                conversations.append(conversation)
            }
            try await lab.wait(for: "two subflows each") {
                try await sluice.connections().allSatisfy { $0.subflows.count { $0.state == "established" } == 2 }
            }
            for conversation in conversations { try await conversation.bounce(300_000) }
            let connections = try await sluice.connections()
            let starts = try await log.wait(for: 5, "start")
            #expect(starts.count == 5 && connections.count == 5)
            #expect(Set(starts.compactMap { $0.text("upstream") }) == (try await lab.peers(ofServerOn: 5000)))
            for connection in connections {
                let start = try #require(starts.first { $0.text("client") == connection.client })
                #expect(start.text("server") == connection.server && start.text("token") == connection.token)
                #expect(start.text("upstream") == connection.upstream?.local && start.text("interface") == "lan0")
            }
            for conversation in conversations { try await conversation.end() }
            try await lab.waitUntilIdle(sluice)
            let ends = try await log.wait(for: 5, "end")
            for connection in connections {
                let end = try #require(ends.first { $0.text("client") == connection.client })
                #expect(end.text("reason") == "closed" && end.text("token") == connection.token)
                #expect(end.number("bytes_to_client") == 600_000 && end.number("bytes_to_server") == 600_016)
                let subflows = Set(end.subflows.compactMap { $0.text("client") })
                #expect(subflows == Set(connection.subflows.map(\.remote)))
                #expect(Set(end.subflows.compactMap { $0.text("interface") }) == ["lan0", "lan1"])
                for (key, total) in [("bytes_to_client", 600_000), ("bytes_to_server", 600_016)] as [(String, UInt64)] {
                    let sum = end.subflows.compactMap { $0.number(key) }.reduce(0, +)
                    // What goes over both counts twice; the kernel counts the end of a subflow as a byte.
                    #expect((total...total * 2).contains(sum), "\(key): \(sum)")
                }
                let answers = try await log.ask(
                    sluice, "--server", connection.server, "--port", "\(try #require(end.port))", "--at",
                    try #require(end.text("start")))
                #expect(answers.map(\.client) == [connection.client])
            }
            #expect(try await sluice.stop().isSuccess)
            let events = try log.lines().compactMap { $0.text("event") }
            #expect(events.first == "daemon start" && events.last == "daemon stop" && events.count == 12)
        }
    }

    /// Each ends in its own way.
    @Test(arguments: IPFamily.allCases)
    func theReasonIsLogged(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let log = LoggedSessions(lab)
            let configuration = lab.configuration([
                "sessions": log.table, "relay": "idle_timeout = \"8s\"", "advanced": "drain_timeout = 0",
            ])
            let sluice = try await lab.startSluice(configuration: configuration)
            for port in 5000...5005 as ClosedRange<UInt16> { try await lab.serve(port: port) }
            func plan(_ port: UInt16, _ operation: PeerRequest.Operation, _ length: UInt64) -> FetchPlan {
                var plan = lab.plan(operation, length, family)
                plan.to = lab.endpoint(.server(0), port: port, family)
                return plan
            }
            #expect(try await lab.fetch(plan(5000, .upload, 100_000)).failures == [:])
            var reset = plan(5001, .download, 50_000_000)
            reset.abortAfter = 1_000_000
            _ = try await lab.fetch(reset)
            _ = try await lab.fetch(plan(5002, .serverAborts, 100_000))
            var silent = plan(5003, .silence, 1000)
            silent.pause = 30
            _ = try await lab.fetch(silent)
            let closed = try await lab.converse(plan(5004, .echo, 0))
            try await closed.bounce(1000)
            let token = try #require(try await sluice.connections().first { $0.server.hasSuffix(":5004") }?.token)
            _ = try await sluice.command("close", "--token", token)
            let running = try await lab.converse(plan(5005, .echo, 0))
            try await running.bounce(1000)
            #expect(try await sluice.stop().isSuccess)
            let expected = [
                "5000": "closed", "5001": "client reset", "5002": "server reset", "5003": "idle timeout",
                "5004": "closed by order", "5005": "daemon stopped",
            ]
            let ends = try log.all("end")
            for (port, reason) in expected {
                let end = ends.filter { $0.text("server")?.hasSuffix(":\(port)") == true }
                #expect(end.map { $0.text("reason") } == [reason], "\(port)")
                #expect(end.first?.text("token") != nil && end.first?.port != nil, "\(port)")
                #expect(end.first?.subflows.first?.text("interface") == "lan0", "\(port)")
            }
            #expect(
                try log.all("start").compactMap { $0.number("session") }.sorted()
                    == ends.compactMap { $0.number("session") }.sorted())
            withExtendedLifetime((closed, running)) {}
        }
    }

    /// Many short ones: each has its start and its end.
    @Test func shortSessionsAreAllThere() async throws {
        try await Lab.with { lab in
            let log = LoggedSessions(lab)
            let table = log.table + "\nrotate_size = \"64KiB\"\nrotate_count = 100"
            let sluice = try await lab.startSluice(configuration: lab.configuration(["sessions": table]))
            try await lab.serve()
            for family in IPFamily.allCases {
                var plan = lab.plan(.download, 2000, family)
                plan.count = 500
                plan.parallel = 8
                #expect(try await lab.fetch(plan).failures == [:])
            }
            try await lab.waitUntilIdle(sluice)
            // Those that were too late for the box on a busy machine went past it.
            let accepted = Int(try await sluice.status().connections.accepted)
            #expect(accepted > 100)
            try await lab.wait(for: "the last records", within: .seconds(60)) {
                try await sluice.status().sessionLog.written == UInt64(accepted * 2)
            }
            let status = try await sluice.status()
            #expect(status.sessionLog.overflowed == 0 && status.sessionLog.failed == 0)
            #expect(try await sluice.stop().isSuccess)
            let (starts, ends) = (try log.all("start"), try log.all("end"))
            #expect(starts.count == accepted && ends.count == accepted)
            #expect(Set(starts.compactMap { $0.number("session") }) == Set(ends.compactMap { $0.number("session") }))
            #expect(Set(starts.compactMap { $0.number("session") }).count == accepted)
            #expect(ends.allSatisfy { $0.text("reason") == "closed" && $0.number("bytes_to_client") == 2000 })
            #expect(LogFiles.all(of: log.file).count > 3)
        }
    }

    /// A disk of 256 KiB: transfers don't notice, the counts do; when there is room again, it goes on.
    @Test func aFullDiskCostsRecordsAlone() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            func inItsMounts(_ command: String...) async throws {
                try await lab.require(in: .box, ["nsenter", "-t", "\(sluice.process.pid)", "-m"] + command)
            }
            try await inItsMounts("mount", "-t", "tmpfs", "-o", "size=256k", "none", "/mnt")
            let logged = lab.configuration(["sessions": "log = \"/mnt/s.jsonl\"\nrotate_size = \"1GiB\""])
            try await lab.reload(sluice, logged)
            var plan = lab.plan(.download, 2000)
            plan.count = 1000
            plan.parallel = 8
            #expect(try await lab.fetch(plan).failures == [:])
            try await lab.waitUntilIdle(sluice)
            try await lab.wait(for: "the last records") { try await sluice.status().sessionLog.waiting == 0 }
            let full = try await sluice.status().sessionLog
            #expect(full.state == "failing" && full.error?.contains("No space left on device") == true)
            #expect(full.failed > 0 && full.written > 0 && full.failed + full.written == 2000)
            #expect(sluice.log.split(separator: "\n").count { $0.contains("session records are lost") } == 1)
            let samples = try await lab.scrape(sluice)
            #expect(samples["sluice_session_log_state{state=\"failing\"}"] == 1)
            #expect(samples["sluice_session_log_records_total{outcome=\"failed\"}"] == Double(full.failed))
            try await inItsMounts("sh", "-c", "test -z \"$(tail -c 1 /mnt/s.jsonl)\"")
            try await inItsMounts("rm", "/mnt/s.jsonl")
            try await lab.reload(sluice, logged)
            #expect(try await lab.fetch(lab.plan(.download, 2000)).failures == [:])
            try await lab.wait(for: "the log to go on") { try await sluice.status().sessionLog.state == "writing" }
            #expect(sluice.log.contains("sessions are logged again; \(full.failed) records were lost meanwhile"))
            #expect(try await sluice.command("status").output.contains("session log  /mnt/s.jsonl, writing; "))
        }
    }

    /// On, elsewhere, renamed, off, while a session runs; its end is where the log is then, with all that there is to say.
    @Test func aReloadMovesTheLog() async throws {
        try await Lab.with { lab in
            let (first, second) = (LoggedSessions(lab, "first"), LoggedSessions(lab, "second"))
            let sluice = try await lab.startSluice()
            try await lab.serve()
            #expect(try await sluice.status().sessionLog.state == "off")
            let conversation = try await lab.converse(lab.plan(.echo, 0))
            try await conversation.bounce(1000)
            try await lab.reload(sluice, lab.configuration(["sessions": first.table]))
            _ = try await lab.fetch(lab.plan(.download, 1000))
            _ = try await first.wait(for: 1, "end")
            rename(first.file, first.file + ".1")
            try await lab.reload(sluice, lab.configuration(["sessions": first.table]))
            _ = try await lab.fetch(lab.plan(.download, 1000))
            _ = try await first.wait(for: 2, "end")
            // A mark, and the start and the end, as far as they haven't gone to the old file yet.
            let lines = try String(contentsOfFile: first.file, encoding: .utf8).split(separator: "\n")
            #expect((1...3).contains(lines.count), "\(lines)")
            try await lab.reload(sluice, lab.configuration(["sessions": second.table]))
            try await conversation.end()
            let end = try #require(try await second.wait(for: 1, "end").first)
            #expect(end.text("reason") == "closed" && end.port != nil && end.text("token") != nil)
            #expect(end.text("start").flatMap { LogTime.parse($0) } != nil)
            try await lab.reload(sluice, lab.configuration([:]))
            _ = try await lab.fetch(lab.plan(.download, 1000))
            try await lab.waitUntilIdle(sluice)
            #expect(try await sluice.status().sessionLog.state == "off")
            #expect(try second.lines().count == 2)
            let wrong = lab.configuration(["sessions": "log = \"udp://x:1\""])
            try await lab.reload(sluice, wrong, until: "the settings stay as they were")
            #expect(sluice.log.contains("sessions.log: \"udp://x:1\" has the unknown scheme \"udp\""))
        }
    }

    /// Starts without an end, and what `sluice sessions` makes of them.
    @Test func aKilledDaemonLeavesWholeLines() async throws {
        try await Lab.with { lab in
            let log = LoggedSessions(lab)
            let configuration = lab.configuration(["sessions": log.table, "advanced": "crash_grace = 0"])
            let sluice = try await lab.startSluice(configuration: configuration)
            try await lab.serve()
            let conversation = try await lab.converse(lab.plan(.echo, 0))
            try await conversation.bounce(1000)
            let start = try #require(try await log.wait(for: 1, "start").first)
            try await sluice.kill()
            let question = [
                "--server", try #require(start.text("server")), "--port", "\(try #require(start.port))", "--at",
                try #require(start.text("time")),
            ]
            let open = try await log.ask(
                sluice, question[0], question[1], question[2], question[3], question[4], question[5])
            #expect(open.map(\.endedBefore) == [nil] && open.first?.end == nil)
            let next = try await lab.startSluice(configuration: configuration)
            let later = try await log.ask(
                sluice, question[0], question[1], question[2], question[3], question[4], question[5])
            let restart = try #require(try log.all("daemon start").last?.text("time"))
            #expect(later.map(\.endedBefore) == [restart])
            #expect(try log.all("end").isEmpty && log.lines().count == 3)
            #expect(try await next.stop().isSuccess)
            withExtendedLifetime(conversation) {}
        }
    }

    /// A session that outlives the daemon has the end that it has.
    @Test func aSessionThatGoesOnHasOneStartAndOneEnd() async throws {
        try await Lab.with { lab in
            let log = LoggedSessions(lab)
            let configuration = lab.configuration(["sessions": log.table])
            let first = try await lab.startSluice(configuration: configuration)
            try await lab.serve()
            let conversation = try await lab.converse(lab.plan(.echo, 0))
            try await conversation.bounce(1000)
            let start = try #require(try await log.wait(for: 1, "start").first)
            try await first.kill()
            let second = try await lab.startSluice(configuration: configuration)
            try await conversation.bounce(2000)
            try await conversation.end()
            let end = try #require(try await log.wait(for: 1, "end").first)
            #expect(end.text("reason") == "closed" && end.port == start.port)
            #expect(try log.all("start").count == 1 && log.all("daemon start").count == 1)
            #expect(try await second.stop().isSuccess)
        }
    }

    /// What can't be used is a warning, with the mend; and the daemon runs all the same.
    @Test(arguments: [
        ("/nowhere/s.jsonl", "/nowhere: No such file or directory", "make the folder"),
        ("journal", "/run/systemd/journal/socket", "journald isn't running"),
        ("ipfix://127.0.0.1:9", "Connection refused", "start the collector"),
        ("ipfix://[::1]:9", "Connection refused", "start the collector"),
        ("ipfix://nowhere.invalid:4739", "look up nowhere.invalid", "start the collector"),
    ])
    func whatCannotBeUsedIsSaid(_ place: String, _ problem: String, _ mend: String) async throws {
        if place == "journal", FileManager.default.fileExists(atPath: SessionTarget.journalPath) { return }
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(configuration: lab.configuration(["sessions": "log = \"\(place)\""]))
            try await lab.serve()
            #expect(try await lab.fetch(lab.plan(.download, 1000)).failures == [:])
            try await lab.waitUntilIdle(sluice)
            try await lab.wait(for: "the losses") { try await sluice.status().sessionLog.failed == 2 }
            #expect(sluice.log.contains("session records are lost, and counted: ") && sluice.log.contains(mend))
            let check = try await sluice.command("check", "--config", sluice.configurationPath, within: .seconds(30))
            let finding = check.output.split(separator: "\n").first { $0.contains("[sessions] log") }
            #expect(finding?.hasPrefix("warning: ") == true, "\(check.output)")
            #expect(finding?.contains(problem) == true && finding?.contains(mend) == true, "\(finding ?? "")")
        }
    }

    /// Words of the command line.
    @Test func questionsThatCannotBeUnderstood() async throws {
        try await Lab.with { lab in
            let log = LoggedSessions(lab)
            try Data().write(to: URL(fileURLWithPath: log.file))
            let program = try Lab.programBeside("sluice")
            let right = ["--server", "10.9.0.2:80", "--port", "7", "--at", "2026-11-30T07:00:00Z"]
            for (arguments, code, words) in [
                (["--file", log.file] + right, 1, "no session is logged"),
                (["--file", "/nowhere"] + right, 1, "open /nowhere: No such file or directory"),
                (["--config", "/nowhere"] + right, 78, "/nowhere: can't be read"),
                (["--server", "10.9.0.2", "--port", "7", "--at", "1"], 64, "is not an address and a port"),
                (["--server", "10.9.0.2:80", "--port", "7", "--at", "noon"], 64, "--at: noon is no time"),
                (["--client", "x"] + right, 64, "--client: x is not an address"),
                (["--within", "-1"] + right, 64, "--within"),
            ] {
                let result = try await lab.run(in: .box, [program, "sessions"] + arguments)
                #expect(result.status == .exited(Int32(code)), "\(arguments): \(result.status)")
                #expect(
                    (result.output + result.errors).contains(words), "\(arguments): \(result.output + result.errors)")
            }
            for (log, words) in [
                ("log = \"journal\"", "journalctl SERVER=10.9.0.2:80"),
                ("log = \"ipfix://192.0.2.1:1\"", "ask that one"),
                ("", "has no [sessions] log"),
            ] {
                let path = "\(lab.directory)/sluice.toml"
                try lab.configuration(["sessions": log]).write(toFile: path, atomically: true, encoding: .utf8)
                let result = try await lab.run(in: .box, [program, "sessions", "--config", path] + right)
                #expect(result.status == .exited(1) && result.errors.contains(words), "\(result.errors)")
            }
        }
    }
}
