import Admin
import Foundation
import Lab
import LinuxSystem
import Testing
import Wire

/// Subflows are held to a rate, and MPTCP moves the load. Links have a hop, so that the box's own qdiscs are as its owner
/// left them.
///
///     client ── fast, 90 Mbit/s ── hop ── box with sluice ── wan0 ── server
///            ── slow, 30 Mbit/s ── hop ──
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(5))) struct ThrottleTests {
    static let rule = """
        [[throttle]]
        name = "relieve"
        interface = "fast"
        download = "10mbit"
        upload = "10mbit"
        """

    /// Without a rule the fast link carries most, with one the slow link does; both ways, and the box is left as it was.
    @Test(arguments: [PeerRequest.Operation.download, .upload], IPFamily.allCases)
    func loadMovesToTheOtherLink(operation: PeerRequest.Operation, family: IPFamily) async throws {
        try await Lab.with(.twoLinks) { lab in
            let before = try await lab.trafficControl()
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let free = try await lab.shareOfFast(lab.plan(operation, 15_000_000, family))
            #expect(free > 0.6)
            try await lab.reload(sluice, lab.sluiceDefaults + Self.rule)
            let throttled = try await lab.shareOfFast(lab.plan(operation, 15_000_000, family))
            #expect(throttled < 0.45)
            try await lab.waitUntilIdle(sluice)
            let report = try #require(try await sluice.throttles().first)
            #expect(report.subflows == 0 && report.matched == 1 && report.refused == 0 && report.obstacle == nil)
            #expect(report.classes.map(\.direction) == ["download", "upload"])
            let shaped = report.classes[operation == .download ? 0 : 1]
            #expect(shaped.bytes > 1_000_000 && shaped.overlimits > 0)
            #expect(try await lab.marks().isEmpty)
            #expect(try await sluice.status().tracking.disagreements == 0)
            try await sluice.stop()
            let after = try await lab.trafficControl()
            #expect(after == before, "\(after.difference(from: before))")
        }
    }
}

extension LabConfiguration {
    static var twoLinks: LabConfiguration {
        LabConfiguration(clients: [
            .init(links: [
                .init(name: "fast", rate: .mbit(90), mtu: 1500), .init(name: "slow", rate: .mbit(30), mtu: 1500),
            ])
        ])
    }
}

extension SluiceDaemon {
    func throttles() async throws -> [ThrottleReport] { try await decoded("throttles") }
}

extension Lab {
    /// The box's qdiscs, classes, filters and links, as far as they don't count.
    func trafficControl() async throws -> [String] {
        var lines: [String] = []
        lines += try await run(in: .box, ["tc", "qdisc", "show"]).output.split(separator: "\n").map(String.init)
        for link in links {
            for what in [["class", "show"], ["filter", "show"], ["filter", "show", "ingress"]] {
                let command = ["tc", what[0], what[1], "dev", link.name] + what.dropFirst(2)
                lines += try await run(in: .box, command).output.split(separator: "\n").map(String.init)
            }
        }
        let devices = try await run(in: .box, ["ip", "-br", "link"]).output.split(separator: "\n")
        return (lines + devices.map { String($0.prefix { $0 != " " && $0 != "@" }) }).sorted()
    }

    /// The entries of connection tracking whose mark has a traffic class.
    func marks() async throws -> [Substring] {
        var entries: [Substring] = []
        for family in ["ipv4", "ipv6"] {
            let lines = try await run(in: .box, ["conntrack", "-L", "-f", family]).output.split(separator: "\n")
            entries += lines.filter { line in
                let mark = line.split(separator: " ").first { $0.hasPrefix("mark=") }?.dropFirst(5)
                return mark.flatMap { UInt32($0) }.map { $0 & 0xff_0000 != 0 } ?? false
            }
        }
        return entries
    }

    /// The part of a transfer's bytes that the client's first link carries.
    func shareOfFast(_ plan: FetchPlan) async throws -> Double {
        let before = try carried()
        let report = try await fetch(plan)
        #expect(report.failures == [:])
        let bytes = zip(try carried(), before).map { Double($0 - $1) }
        return bytes[0] / bytes.reduce(0, +)
    }

    /// SIGHUP with another file, until the log says that it is in force.
    func reload(_ sluice: SluiceDaemon, _ configuration: String) async throws {
        let count = { sluice.log.split(separator: "\n").count { $0.contains("reloaded") } }
        let before = count()
        try configuration.write(toFile: sluice.configurationPath, atomically: true, encoding: .utf8)
        sluice.process.signal(SIGHUP)
        try await wait(for: "reload") { count() > before }
    }
}
