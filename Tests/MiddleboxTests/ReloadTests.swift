import Foundation
import Lab
import LinuxSystem
import Testing
import Wire

/// SIGHUP, and what the command line does without a daemon or a configuration.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct ReloadTests {
    /// Reloads with this configuration, and returns when the log has one more line with `sign`.
    private func reload(
        _ sluice: SluiceDaemon, _ lab: Lab, _ configuration: String, until sign: String = "reloaded"
    ) async throws {
        let before = lines(sluice, sign).count
        try configuration.write(toFile: sluice.configurationPath, atomically: true, encoding: .utf8)
        sluice.process.signal(SIGHUP)
        try await lab.wait(for: "\(sign) in the log") { lines(sluice, sign).count == before + 1 }
    }

    private func lines(_ sluice: SluiceDaemon, _ sign: String) -> [Substring] {
        sluice.log.split(separator: "\n").filter { $0.contains(sign) }
    }

    @Test func newSettingsCountForNewConnections() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let server = try await lab.serve()
            try await lab.serve(port: 5001)
            let long = lab.endlessPlan()
            async let report = lab.fetch(long)
            defer { server.stop() }
            try await lab.wait(for: "two subflows") { try await sluice.connections().first?.subflows.count == 2 }

            try await reload(sluice, lab, lab.configuration(["intercept": "ports = [5001]"]))
            for family in IPFamily.allCases {
                #expect(try await lab.fetch(lab.plan(.echo, 100_000, family)).failures == [:])
                var other = lab.plan(.echo, 100_000, family)
                other.to = lab.endpoint(.server(0), port: 5001, family)
                #expect(try await lab.fetch(other).failures == [:])
            }
            #expect(try await sluice.count("pass: policy") == 2)
            #expect(try await sluice.count("intercept: server answered") == 3)
            #expect(try await sluice.connections().map(\.state) == ["established"], "the old one goes on")

            try await reload(sluice, lab, lab.configuration(["intercept": "connect = \"split\""]))
            #expect(try await lab.fetch(lab.plan(.echo, 100_000)).failures == [:])
            #expect(try await sluice.count("intercept: split") == 1)
            server.stop()
            #expect(try await report.failures.count == 1)
            try await lab.waitUntilIdle(sluice)
        }
    }

    @Test func aBrokenFileChangesNothing() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(configuration: lab.configuration(["intercept": "ports = [5000]"]))
            try await lab.serve()
            try await lab.serve(port: 5001)
            let broken = "[intercept]\ninterfaces = [\"lan0\"]\nprots = [5001]\nconnect = \"sometimes\"\n"
            try await reload(sluice, lab, broken, until: "the settings stay as they were")
            for line in ["\(sluice.configurationPath):3: intercept.prots", "\(sluice.configurationPath):4: "] {
                #expect(lines(sluice, line).count == 1, "\(sluice.log)")
                #expect(lines(sluice, line).allSatisfy { $0.hasPrefix("error: ") })
            }
            #expect(try await lab.fetch(lab.plan(.echo, 1000)).failures == [:])
            var other = lab.plan(.echo, 1000)
            other.to = lab.endpoint(.server(0), port: 5001)
            #expect(try await lab.fetch(other).failures == [:])
            #expect(try await sluice.decisions() == ["intercept: server answered": 1, "pass: policy": 1])

            try FileManager.default.removeItem(atPath: sluice.configurationPath)
            sluice.process.signal(SIGHUP)
            try await lab.wait(for: "the log") { lines(sluice, "can't be read: No such file").count == 1 }
            #expect(try await sluice.status().state == "running")
        }
    }

    /// A SYN that is held and then passed has a line of its own at level debug.
    @Test func theLogLevelChanges() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            for (count, level) in [(0, "info"), (1, "debug"), (1, "notice")] {
                try await reload(sluice, lab, lab.configuration(["log": "level = \"\(level)\""]))
                #expect(try await lab.fetch(lab.plan(.echo, 1000)).failures.count == 1, "nobody listens")
                #expect(lines(sluice, "pass: server refused").count == count, "\(level)")
            }
            #expect(try await sluice.count("pass: server refused") == 3)
        }
    }

    /// A reload that fails at its throttles has changed no level either.
    @Test func aReloadThatFailsChangesNoLogLevel() async throws {
        try await Lab.with { lab in
            try await lab.require(in: .box, ["tc", "qdisc", "add", "dev", "lan1", "root", "bfifo", "limit", "99000"])
            let sluice = try await lab.startSluice()
            let refused = "\n[[throttle]]\nname = \"a\"\ninterface = \"lan1\"\ndownload = \"1mbit\"\n"
            try await reload(
                sluice, lab, lab.configuration(["log": "level = \"debug\""]) + refused,
                until: "the settings stay as they were")
            #expect(try await lab.fetch(lab.plan(.echo, 1000)).failures.count == 1, "nobody listens")
            #expect(try await sluice.count("pass: server refused") == 1)
            #expect(lines(sluice, "pass: server refused") == [])
        }
    }

    /// As systemd does behind a daemon that has failed, perhaps because of its configuration.
    @Test func theRulesAreRemovedWithoutTheConfiguration() async throws {
        try await Lab.with { lab in
            let before = try await lab.footprint()
            let program = try Lab.programBeside("sluice")
            for configuration in ["/nonexistent", "/dev/null"] {
                let sluice = try await lab.startSluice()
                #expect(try await sluice.command("status").output.contains(/running for \d+s\n/))
                try await sluice.kill()
                #expect(try await lab.footprint() != before)
                let removal = try await lab.run(
                    in: .box, [program, "rules", "remove", "--config", configuration])
                #expect(removal.status == .exited(0), "\(removal.errors)")
                #expect(removal.output + removal.errors == "")
                #expect(try await lab.footprint() == before)
            }
        }
    }
}
