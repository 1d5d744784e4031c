import Admin
import Foundation
import Lab
import Marks
import Testing

extension LabConfiguration {
    static var twoLinks: LabConfiguration {
        LabConfiguration(clients: [
            .init(links: [
                .init(name: "fast", rate: .mbit(90), mtu: 1500), .init(name: "slow", rate: .mbit(30), mtu: 1500),
            ])
        ])
    }
}

extension PeerRequest.Operation {
    var towards: Lab.Direction { self == .upload ? .towardsBox : .towardsNode }
}

extension SluiceDaemon {
    func throttles() async throws -> [ThrottleReport] { try await decoded("throttles") }

    /// `sluice throttles …`, which has to succeed.
    func changeThrottles(_ arguments: String...) async throws { try await changeThrottles(arguments) }

    func changeThrottles(_ arguments: [String]) async throws {
        let result = try await command(["throttles"] + arguments)
        guard result.status.isSuccess else { throw Unexpected(result.errors) }
    }

    /// The throttles of the subflows that are held, by interface.
    func held() async throws -> [String: String] {
        let held = try await connections().flatMap(\.subflows).compactMap { subflow in
            subflow.class.map { (subflow.interface ?? "-", $0) }
        }
        return Dictionary(held) { first, _ in first }
    }
}

extension Lab {
    /// The box's qdiscs, classes, filters and links, as far as they don't count.
    func trafficControl() async throws -> [String] {
        var lines = try await run(in: .box, ["tc", "qdisc", "show"]).output.split(separator: "\n").map(String.init)
        let devices = try await run(in: .box, ["ip", "-br", "link"]).output.split(separator: "\n")
            .map { String($0.prefix { $0 != " " && $0 != "@" }) }
        for device in devices {
            for command in [["class", "show"], ["filter", "show"], ["filter", "show", "ingress"]] {
                let words = ["tc", command[0], command[1], "dev", device] + command.dropFirst(2)
                lines += try await run(in: .box, words).output.split(separator: "\n").map(String.init)
            }
        }
        return (lines + devices).sorted()
    }

    /// The entries of connection tracking whose mark has a traffic class.
    func marks() async throws -> [Substring] {
        let layout = PacketMark.standard
        var entries: [Substring] = []
        for family in ["ipv4", "ipv6"] {
            let lines = try await run(in: .box, ["conntrack", "-L", "-f", family]).output.split(separator: "\n")
            entries += lines.filter { line in
                let text = line.split(separator: " ").first { $0.hasPrefix("mark=") }?.dropFirst(5)
                guard let mark = text.flatMap({ UInt32($0) }) else { return false }
                // An upstream has its exit's number there.
                return mark & layout.classMask != 0 && layout.role(of: mark) != .upstream
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

    func waitForSubflows(_ count: Int, _ sluice: SluiceDaemon) async throws {
        try await wait(for: "\(count) subflows") {
            try await sluice.connections().first?.subflows.count { $0.state == "established" } == count
        }
    }

    /// SIGHUP with another file, until the log says that it has been read.
    func reload(_ sluice: SluiceDaemon, _ configuration: String, until sign: String = "reloaded") async throws {
        let count = { sluice.log.split(separator: "\n").count { $0.contains(sign) } }
        let before = count()
        try configuration.write(toFile: sluice.configurationPath, atomically: true, encoding: .utf8)
        sluice.process.signal(SIGHUP)
        try await wait(for: "\(sign) in the log") { count() > before }
    }
}
