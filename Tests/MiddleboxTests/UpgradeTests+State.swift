import Admin
import Firewall
import Foundation
import Lab
import LinuxSystem
import Settings
import Testing
import Wire

@testable import Middlebox

// What a daemon has beside its connections goes on, too: the session log, what the service manager knows of it, steering and volumes,
// the page.

extension UpgradeTests {
    /// A session that was taken over has the start that it had, and an end that names it.
    @Test(arguments: IPFamily.allCases)
    func theSessionLogGoesOn(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let log = LoggedSessions(lab)
            let sluice = try await lab.startSluice(configuration: lab.configuration(["sessions": log.table]))
            try await lab.serve()
            var conversations: [Conversation] = []
            for _ in 0..<3 {
                let conversation = try await lab.converse(lab.plan(.echo, 0, family))
                try await conversation.bounce(100_000)
                conversations.append(conversation)
            }
            try await lab.wait(for: "two subflows each") {
                try await sluice.connections().allSatisfy { $0.subflows.count { $0.state == "established" } == 2 }
            }
            let starts = try await log.wait(for: 3, "start")
            let connections = try await sluice.connections()
            let done = Flag()
            async let others = sessions(lab, family, until: done)
            for _ in 0..<2 {
                #expect(try await sluice.upgrade().status == .exited(0), "\(sluice.log)")
                for conversation in conversations { try await conversation.bounce(100_000) }
            }
            done.raise()
            let (count, failures) = try await others
            #expect(failures == [:])
            let start = try #require(starts.first)
            let open = try await log.ask(
                sluice, "--server", try #require(start.text("server")), "--port", "\(try #require(start.port))", "--at",
                try #require(start.text("time")))
            #expect(
                open.map(\.endedBefore) == [nil] && open.first?.end == nil && open.first?.client == start.text("client")
            )
            for conversation in conversations { try await conversation.end() }
            try await lab.waitUntilIdle(sluice)
            // Each is idle before the next upgrade: what was accepted is what has a record.
            try await lab.wait(for: "every end") { try log.all("end").count == log.all("start").count }
            let (allStarts, ends) = (try log.all("start"), try log.all("end"))
            #expect((3...3 + count).contains(allStarts.count))
            let numbers = allStarts.compactMap { $0.number("session") }
            #expect(
                Set(numbers).count == allStarts.count && Set(ends.compactMap { $0.number("session") }) == Set(numbers))
            for start in starts {
                let end = try #require(ends.first { $0.number("session") == start.number("session") })
                #expect(end.text("start") == start.text("time") && end.text("reason") == "closed")
                for key in ["client", "server", "upstream", "token", "interface"] {
                    #expect(end.text(key) == start.text(key), "\(key)")
                }
                #expect(end.number("bytes_to_client") == 300_000)
                let connection = try #require(connections.first { $0.client == start.text("client") })
                #expect(Set(end.subflows.compactMap { $0.text("client") }) == Set(connection.subflows.map(\.remote)))
                #expect(Set(end.subflows.compactMap { $0.text("interface") }) == ["lan0", "lan1"])
            }
            try await sluice.stopSuccessor()
            let events = try log.lines().compactMap { $0.text("event") }
            let marks = events.filter { $0 != "start" && $0 != "end" }
            #expect(
                marks == ["daemon start", "log opened", "log opened", "daemon stop"] && events.last == "daemon stop")
        }
    }

    /// Short ones, one after the other; how many, and which failed.
    private func sessions(
        _ lab: Lab, _ family: IPFamily, until done: Flag
    ) async throws -> (count: Int, failures: [PeerError: Int]) {
        var (count, failures) = (0, [PeerError: Int]())
        while !done.isUp {
            var plan = lab.plan(.echo, 2000, family)
            (plan.count, plan.parallel) = (4, 2)
            failures.merge(try await lab.fetch(plan).failures, uniquingKeysWith: +)
            count += 4
        }
        return (count, failures)
    }

    /// The service manager hears from the old process which one is the service's now, and from the new one that it is ready; its
    /// watchdog is fed by that one.
    @Test func theServiceManagerIsTold() async throws {
        try await Lab.with { lab in
            let socket = try NotifySocket("\(lab.directory)/notify")
            // As systemd sets it: the daemon is what becomes of the shell.
            let script = "WATCHDOG_PID=$$ exec \"$@\""
            let surroundings = ["NOTIFY_SOCKET=\(socket.name)", "WATCHDOG_USEC=4000000"]
            let sluice = try await lab.startSluice(through: ["env"] + surroundings + ["sh", "-c", script, "sh"])
            try await lab.serve()
            let idle = try await conversations(lab, 1)
            for _ in 0..<2 {
                _ = socket.take()
                let former = sluice.pid
                #expect(try await sluice.upgrade().status == .exited(0), "\(sluice.log)")
                var messages: [String] = []
                try await lab.wait(for: "READY, and the watchdog to be fed", within: .seconds(30)) {
                    messages += socket.take()
                    let ready = messages.firstIndex { $0.hasPrefix("READY=1") }
                    return ready.map { messages[$0...].contains { $0.contains("WATCHDOG=1") } } ?? false
                }
                #expect(messages.filter { $0.hasPrefix("MAINPID=") } == ["MAINPID=\(sluice.pid)"])
                let told = try #require(messages.firstIndex { $0.hasPrefix("MAINPID=") })
                let ready = try #require(messages.firstIndex { $0.hasPrefix("READY=1") })
                #expect(told < ready && messages[ready].contains("STATUS=converts on lan0, lan1; 2 connections"))
                #expect(!messages.contains { $0.contains("STOPPING") })
                try await lab.wait(for: "the former process to end") { hasEnded(former) }
                for conversation in idle { try await conversation.bounce(10_000) }
            }
            let environment = try Data(contentsOf: URL(fileURLWithPath: "/proc/\(sluice.pid)/environ"))
            let variables = String(decoding: environment, as: UTF8.self).split(separator: "\0")
            #expect(
                variables.contains("WATCHDOG_USEC=4000000") && !variables.contains { $0.hasPrefix("WATCHDOG_PID=") })
        }
    }

    /// What clients have carried: nothing is counted twice, and nothing is lost.
    @Test(arguments: IPFamily.allCases)
    func volumesGoOn(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let text =
                lab.configuration(["advanced": "state_directory = \"\(lab.directory)/state\""]) + """

                    [[path]]
                    name = "all"
                    clients = ["0.0.0.0/0", "::/0"]
                    client_cap = "2GB/month"
                    """
            let sluice = try await lab.startSluice(configuration: text)
            try await lab.serve()
            let conversation = try await lab.converse(lab.plan(.echo, 0, family))
            try await conversation.bounce(200_000)
            // By either link: its addresses are other clients.
            let used = { try await sluice.paths().paths.first?.clientCap?.largest.map(\.used).reduce(0, +) ?? 0 }
            for round in 1...2 as ClosedRange<UInt64> {
                #expect(try await sluice.upgrade().status == .exited(0), "\(sluice.log)")
                try await conversation.bounce(100_000)
                let carried = (200_000 + round * 100_000) * 2
                // Every connection is counted each ten seconds.
                try await lab.wait(for: "the client's volume", within: .seconds(30)) { try await used() >= carried }
                #expect(try await used() < carried * 5 / 4)
            }
        }
    }

    /// What steering has made of its paths stands, also with another daemon.
    @Test(arguments: IPFamily.allCases)
    func steeringGoesOn(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let text =
                lab.sluiceDefaults + """

                    [[path]]
                    name = "wired"
                    interface = "lan0"
                    [[path]]
                    name = "mobile"
                    interface = "lan1"
                    [[steer]]
                    name = "rule"
                    mode = "active-standby"
                    active = "wired"
                    standby = "mobile"
                    min_hold = "60s"
                    """
            let sluice = try await lab.startSluice(configuration: text)
            try await lab.serve()
            let conversation = try await lab.converse(lab.plan(.echo, 0, family))
            try await conversation.bounce(200_000)
            let isBackup = { (interface: String) in
                try await sluice.connections().first?.subflows.first { $0.interface == interface }?.backup == true
            }
            try await lab.wait(for: "the standby path's subflow to be a backup") { try await isBackup("lan1") }
            #expect(try await sluice.upgrade().status == .exited(0), "\(sluice.log)")
            try await conversation.bounce(100_000)
            try await lab.wait(for: "the subflow to be a backup again") { try await isBackup("lan1") }
            try await lab.require(in: .box, ["ip", "link", "set", "lan0", "down"])
            let uses = { try await sluice.paths().paths.map { $0.uses.map(\.use) } }
            try await lab.wait(for: "the mobile path to be taken") { try await uses() == [["standby"], ["active"]] }
            try await lab.require(in: .box, ["ip", "link", "set", "lan0", "up"])
            try await lab.wait(for: "the wired path to work") { try await sluice.paths().paths.first?.state == "fit" }
            #expect(try await sluice.upgrade().status == .exited(0), "\(sluice.log)")
            // A daemon that begins anew would be back on the first path.
            try await lab.wait(for: "its rules") { try await uses().count == 2 }
            #expect(try await uses() == [["standby"], ["active"]])
            withExtendedLifetime(conversation) {}
        }
    }

    /// Throttles of the file, and what was ordered since: added, set, cleared. They hold running connections again.
    @Test func throttlesGoOn() async throws {
        try await Lab.with { lab in
            let table = { (name: String, port: Int) in
                "\n[[throttle]]\nname = \"\(name)\"\ninterface = \"lan0\"\ndownload = \"40mbit\"\nports = [\(port)]\nmin_subflows = 1\n"
            }
            let sluice = try await lab.startSluice(
                configuration: lab.sluiceDefaults + table("kept", 5000) + table("cleared", 5001) + table("set", 5002))
            try await lab.serve()
            let idle = try await conversations(lab, 1)
            for words in [
                ["add", "added", "--interface", "lan1", "--upload", "30mbit", "--min-subflows", "1"],
                ["set", "set", "--download", "7mbit"], ["clear", "cleared"],
            ] {
                let result = try await sluice.command(["throttles"] + words)
                #expect(result.status.isSuccess, "\(result.errors)")
            }
            let held = {
                try await sluice.throttles().map { "\($0.name) \($0.download ?? 0) \($0.upload ?? 0) \($0.subflows)" }
            }
            let wanted = ["kept 40000000 0 2", "set 7000000 0 0", "added 0 30000000 2"]
            try await lab.wait(for: "what was ordered") { try await held() == wanted }
            for _ in 0..<2 {
                #expect(try await sluice.upgrade().status == .exited(0), "\(sluice.log)")
                try await lab.wait(for: "what was ordered before") { try await held() == wanted }
                for conversation in idle { try await conversation.bounce(100_000) }
            }
            for conversation in idle { try await conversation.end() }
            try await sluice.stopSuccessor()
            for link in ["lan0", "lan1"] {
                #expect(try await !lab.run(in: .box, ["tc", "qdisc", "show", "dev", link]).output.contains("htb"))
            }
        }
    }

    /// A signal that comes while daemons are exchanged is the successor's, too.
    @Test func whoeverIsToldToStopTellsItsSuccessor() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let path = "\(lab.directory)/program"
            // Started, it has the running daemon be told to stop, and begins then.
            let script = "#!/bin/sh\nkill -TERM $PPID\nsleep 0.3\nexec \(sluice.program) \"$@\"\n"
            try script.write(toFile: path, atomically: true, encoding: .utf8)
            chmod(path, 0o700)
            #expect(try await sluice.upgrade(to: path).status == .exited(0), "\(sluice.log)")
            let successor = sluice.pid
            try await lab.wait(for: "the successor to end", within: .seconds(30)) { hasEnded(successor) }
            #expect(try await !lab.run(in: .box, ["iptables-save"]).output.contains("SLUICE"))
        }
    }

    /// The page's address is the new daemon's, as is a control socket that the file has moved.
    @Test func whatAnswersGoesOn() async throws {
        try await Lab.with { lab in
            let configuration = { (port: Int) in lab.configuration(["admin": "http = \"127.0.0.1:\(port)\""]) }
            let sluice = try await lab.startSluice(configuration: configuration(9470))
            let page = { (port: Int) in
                try await lab.run(in: .box, ["curl", "-sS", "--max-time", "5", "http://127.0.0.1:\(port)/v1/status"])
            }
            // It holds a stream of events, and a trace: neither keeps the old daemon.
            let events = try lab.spawn(
                in: .box, ["curl", "-sSN", "--max-time", "60", "http://127.0.0.1:9470/v1/events"])
            try await lab.wait(for: "events") { events.output.contains("event: status") }
            let trace = try lab.spawn(
                in: .box, [sluice.program, "trace", "--control", sluice.controlPath])
            try await lab.wait(for: "the trace") {
                try await lab.run(in: .box, ["curl", "-sS", "--unix-socket", sluice.controlPath, "http://s/v1/traces"])
                    .output.contains("\"id\"")
            }
            for port in [9470, 9471] {
                let former = sluice.pid
                try configuration(port).write(toFile: sluice.configurationPath, atomically: true, encoding: .utf8)
                #expect(try await sluice.upgrade().status == .exited(0), "\(sluice.log)")
                try await lab.wait(for: "the former process to end") { hasEnded(former) }
                try await lab.wait(for: "the page") { try await page(port).output.contains("\"running\"") }
            }
            #expect(try await !page(9470).status.isSuccess)
            try await lab.wait(for: "the events and the trace to end") { events.status != nil && trace.status != nil }
            try await sluice.stopSuccessor()
            #expect(!FileManager.default.fileExists(atPath: sluice.controlPath))
        }
    }

    /// `sluice reload --upgrade`, as the unit calls it: it upgrades when the program's file is another one, and reloads otherwise.
    @Test func aReloadUpgradesToAnotherFile() async throws {
        try await Lab.with { lab in
            let program = "\(lab.directory)/sluice-copy"
            let replace = {
                try await lab.require(in: .box, ["cp", try Lab.programBeside("sluice"), "\(program).new"])
                try await lab.require(in: .box, ["mv", "\(program).new", program])
            }
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let idle = try await conversations(lab, 1)
            try await replace()
            #expect(try await !sluice.status().programReplaced)
            #expect(try await sluice.upgrade(to: program).status == .exited(0), "\(sluice.log)")
            #expect(try await !sluice.status().programReplaced)
            let first = try await sluice.command("reload", "--upgrade")
            #expect(first.output == "reloaded; nothing has changed\n", "\(first.errors)")
            try await replace()
            #expect(try await sluice.status().programReplaced)
            #expect(try await sluice.command("status").output.contains("sluice upgrade puts that in its place"))
            let former = sluice.pid
            let second = try await sluice.command("reload", "--upgrade")
            let words = second.output.split(separator: " ")
            #expect(second.output.contains(" has taken over; all stood still for "), "\(second.errors)\(sluice.log)")
            try sluice.goesOn(as: try #require(words.compactMap { pid_t($0) }.first))
            #expect(sluice.pid != former)
            for conversation in idle { try await conversation.bounce(10_000) }
            #expect(try await !sluice.status().programReplaced)
            try await lab.require(in: .box, ["rm", program])
            #expect(try await !sluice.status().programReplaced, "there is none to upgrade to")
            let wrong = try await sluice.command("reload", "--upgrade", "--dry-run")
            #expect(wrong.status == .exited(64))
        }
    }

    /// `sluice reload` says "restart" of the keys that the successor refuses, and of no other.
    @Test func whatIsFixedIsSaidToTakeARestart() throws {
        let settings = try Settings.parse("[intercept]\ninterfaces = ['lan0']\n", file: "t")
        let rules = try RuleSetting(settings)
        #expect(Set(settings.fixed(rules).keys) == SettingsChange.fixed)
    }

    /// A signal that comes while another process takes over is for that one.
    @Test func aReloadMeanwhileIsNotLost() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            for name in ["one", "two", "three"] {
                let former = sluice.pid
                async let result = sluice.upgrade()
                // The new one has read its file.
                try await lab.wait(for: "the other one's control socket") {
                    access(sluice.controlPath + "~", F_OK) == 0 || hasEnded(former)
                }
                let rule = "\n[[throttle]]\nname = \"\(name)\"\ninterface = \"lan0\"\ndownload = \"40mbit\"\n"
                try (lab.sluiceDefaults + rule).write(
                    toFile: sluice.configurationPath, atomically: true, encoding: .utf8)
                kill(former, SIGHUP)
                let wasThere = !hasEnded(former)
                #expect(try await result.status == .exited(0), "\(sluice.log)")
                if !wasThere { kill(sluice.pid, SIGHUP) }
                try await lab.wait(for: "the throttle \(name)") {
                    try await sluice.throttles().map(\.name) == [name]
                }
            }
            try await sluice.stopSuccessor()
        }
    }
}
