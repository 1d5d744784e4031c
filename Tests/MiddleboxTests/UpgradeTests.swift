import Foundation
import Lab
import LinuxSystem
import Synchronization
import Testing
import Wire

/// `sluice upgrade`: another process takes over all that the running one has, and no connection notices.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct UpgradeTests {
    /// Slow enough that transfers last.
    static let links = LabConfiguration(
        clients: [.init(links: [.init(rate: .mbit(150)), .init(rate: .mbit(150))])])

    /// Conversations of both families that have gone both ways.
    func conversations(_ lab: Lab, _ count: Int) async throws -> [Conversation] {
        var all: [Conversation] = []
        for family in IPFamily.allCases {
            for number in 0..<count {
                var plan = lab.plan(.echo, 1, family)
                plan.seed = UInt32(100 + number)
                let conversation = try await lab.converse(plan)
                try await conversation.bounce(1000)
                all.append(conversation)
            }
        }
        return all
    }

    /// Verified transfers of both families, both ways, until told to stop; those that went wrong.
    private func transfer(_ lab: Lab, until done: Flag) async throws -> [String] {
        try await withThrowingTaskGroup(of: [String].self) { group in
            for family in IPFamily.allCases {
                for operation in [PeerRequest.Operation.download, .upload, .echo] {
                    group.addTask {
                        var failures: [String] = []
                        var seed: UInt32 = 1
                        while !done.isUp {
                            var plan = lab.plan(operation, operation == .echo ? 2_000_000 : 8_000_000, family)
                            (plan.seed, plan.count, plan.parallel) = (seed, 2, 2)
                            let report = try await lab.fetch(plan)
                            failures += report.failures.map { "\(family) \(operation): \($0.key) x \($0.value)" }
                            seed += 2
                        }
                        return failures
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    @Test func connectionsGoOn() async throws {
        try await Lab.with(Self.links) { lab in
            let before = try await lab.footprint()
            let sluice = try await lab.startSluice()
            let server = try await lab.serve()
            let idle = try await conversations(lab, 10)
            try await lab.wait(for: "two subflows each") {
                try await sluice.connections().allSatisfy { $0.subflows.count == 2 }
            }
            let done = Flag()
            async let failures = transfer(lab, until: done)
            for round in 1...5 {
                let former = sluice.pid
                let result = try await sluice.upgrade()
                #expect(result.status == .exited(0), "\(result.errors)\(sluice.log)")
                #expect(sluice.pid != former)
                try await lab.wait(for: "the former process to end") { kill(former, 0) != 0 || hasEnded(former) }
                for conversation in idle { try await conversation.bounce(UInt64(round) * 10_000) }
                for family in IPFamily.allCases {
                    #expect(try await lab.fetch(lab.plan(.echo, 100_000, family)).failures == [:])
                }
                let status = try await sluice.status()
                #expect(status.state == "running" && status.connections.open >= idle.count)
            }
            done.raise()
            let wrong = try await failures
            #expect(wrong == [], "\(sluice.log)")
            // Who has which subflows, by which interface, is known as before.
            try await lab.wait(for: "the transfers to end") { try await sluice.status().connections.open == idle.count }
            for connection in try await sluice.connections() {
                #expect(Set(connection.subflows.map(\.interface)) == ["lan0", "lan1"], "\(connection)")
            }
            let status = try await sluice.status()
            #expect(
                status.tracking.disagreements == 0 && status.connections.resets == 0 && status.connections.faults == 0)
            for conversation in idle { try await conversation.end() }
            #expect(server.statistics.failures == [:])
            try await lab.waitUntilIdle(sluice)
            for family in IPFamily.allCases { #expect(try await isConverted(lab, family)) }
            // What the first one has put into the kernel is the last one's to remove.
            try await sluice.stopSuccessor()
            #expect(try await lab.footprint() == before)
        }
    }

    private func isConverted(_ lab: Lab, _ family: IPFamily) async throws -> Bool {
        let converted = { try lab.counters(in: .client(0))["MPTcpExtMPCapableSYNACKRX"] ?? 0 }
        let before = try converted()
        #expect(try await lab.fetch(lab.plan(.download, 100_000, family)).failures == [:])
        return try converted() > before
    }

    func hasEnded(_ pid: pid_t) -> Bool {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return true }
        return text.contains(") Z ")
    }

    /// A connection that is opened while daemons are exchanged is converted, or passes; none is refused.
    @Test func handshakesAreNotLost() async throws {
        try await Lab.with(Self.links) { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let done = Flag()
            async let failures = withThrowingTaskGroup(of: [PeerError: Int].self) { group in
                for family in IPFamily.allCases {
                    group.addTask {
                        var failures: [PeerError: Int] = [:]
                        while !done.isUp {
                            var plan = lab.plan(.echo, 1000, family)
                            (plan.count, plan.parallel) = (20, 2)
                            failures.merge(try await lab.fetch(plan).failures, uniquingKeysWith: +)
                        }
                        return failures
                    }
                }
                return try await group.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
            }
            for _ in 1...5 { #expect(try await sluice.upgrade().status == .exited(0), "\(sluice.log)") }
            done.raise()
            let failed = try await failures
            #expect(failed == [:], "\(failed.map { "\($0)" }) \(sluice.log)")
            try await lab.waitUntilIdle(sluice)
        }
    }

    /// Programs that can't start, that say nothing, or something else, and those that end or hang at any stage of the hand-over.
    @Test(arguments: [
        "absent", "false", "start", "start --ends", "hello", "hello --ends", "prepared", "prepared --ends", "record",
        "record --ends", "ready", "version", "nonsense",
    ])
    func whatDoesNotTakeOverChangesNothing(_ program: String) async throws {
        try await Lab.with(Self.links) { lab in
            let sluice = try await lab.startSluice()
            let server = try await lab.serve()
            let idle = try await conversations(lab, 2)
            let before = try await lab.settings()
            let done = Flag()
            async let failures = transfer(lab, until: done)
            let path = "\(lab.directory)/program"
            let pretender = "exec \(try Lab.programBeside("sluice-lab")) take-over-badly \(program)"
            try "#!/bin/sh\n\(program == "false" ? "exit 3" : pretender)\n".write(
                toFile: path, atomically: true, encoding: .utf8)
            chmod(path, 0o700)
            let result = try await sluice.upgrade(to: program == "absent" ? "/nowhere" : path)
            #expect(result.status == .exited(1))
            #expect(result.errors.contains("has not taken over"), "\(result.errors)")
            if program == "false" { #expect(result.errors.contains("exit code 3"), "\(result.errors)") }
            if program == "version" { #expect(result.errors.contains("records of version"), "\(result.errors)") }
            #expect(sluice.process.status == nil)
            #expect(try await lab.sentinels().count == 1)
            for conversation in idle { try await conversation.bounce(100_000) }
            done.raise()
            #expect(try await failures == [])
            for family in IPFamily.allCases { #expect(try await isConverted(lab, family)) }
            #expect(try await lab.settings() == before)
            for conversation in idle { try await conversation.end() }
            #expect(server.statistics.failures == [:])
            #expect(try await sluice.upgrade().status == .exited(0), "the next one may: \(sluice.log)")
        }
    }

    /// A file that is wrong, and one that asks for what can't be while connections run.
    @Test func aWrongFileChangesNothing() async throws {
        try await Lab.with(Self.links) { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let idle = try await conversations(lab, 2)
            let files = [
                ("[intercept]\ninterfaces = 5\n", "is not right"),
                (
                    lab.configuration(["advanced": "route_table = 7800\ntun = \"sluice7\""]),
                    "route_table, tun can't change"
                ),
            ]
            let right = try String(contentsOfFile: sluice.configurationPath, encoding: .utf8)
            for (text, reason) in files {
                try text.write(toFile: sluice.configurationPath, atomically: true, encoding: .utf8)
                let result = try await sluice.upgrade()
                #expect(result.status == .exited(1) && result.errors.contains(reason), "\(result.errors)")
                #expect(try await sluice.status().state == "running")
                #expect(sluice.process.status == nil)
                for conversation in idle { try await conversation.bounce(10_000) }
            }
            try right.write(toFile: sluice.configurationPath, atomically: true, encoding: .utf8)
            #expect(try await isConverted(lab, .v6))
            #expect(try await sluice.upgrade().status == .exited(0))
            for conversation in idle { try await conversation.bounce(10_000) }
        }
    }

    /// A setting that a reload can't change.
    @Test func anUpgradeChangesWhatAReloadCant() async throws {
        try await Lab.with(Self.links) { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let idle = try await conversations(lab, 2)
            try lab.configuration(["intercept": "inspect = \"all\"", "relay": "idle_timeout = \"1h\""]).write(
                toFile: sluice.configurationPath, atomically: true, encoding: .utf8)
            #expect(try await sluice.upgrade().status == .exited(0), "\(sluice.log)")
            for conversation in idle { try await conversation.bounce(10_000) }
            try await lab.serve(port: 5001, .mptcp)
            for _ in 0..<2 {
                var plan = lab.plan(.echo, 1000)
                plan.to = lab.endpoint(.server(0), port: 5001)
                plan.hold = .milliseconds(500)
                let held = plan
                async let report = lab.fetch(held)
                try await lab.wait(for: "a connection end to end") {
                    try await sluice.connections().contains { $0.mode == "end-to-end" }
                }
                #expect(try await report.failures == [:])
            }
        }
    }
}

/// Says to those who go on for as long as it isn't up that they are done.
final class Flag: Sendable {
    private let state = Atomic(false)

    var isUp: Bool { state.load(ordering: .relaxed) }

    func raise() { state.store(true, ordering: .relaxed) }
}
