import Foundation
import Glibc
import NetfilterQueue
import Testing

/// `sluice check` as an operator runs it, each time in a network namespace of its own with lan0 and wifi0.
@Suite(.enabled(if: geteuid() == 0, "needs root: makes network namespaces"), .timeLimit(.minutes(5)))
struct CheckCommandTests {
    @Test func aGoodNamespace() async throws {
        try await Machine.run { machine in
            let before = try await machine.state()
            let outcome = try await machine.check()
            #expect(outcome.text.hasPrefix("checked: kernel, "), "\(outcome.text)")
            #expect(outcome.text.hasSuffix("\nsluice can run here\n"), "\(outcome.text)")
            #expect(outcome.status == .exited(0))
            let json = Data(try await machine.check("--json").text.utf8)
            let findings = try #require(try JSONSerialization.jsonObject(with: json) as? [[String: Any]])
            #expect(findings.allSatisfy { $0["check"] as? String == "kernel-faults" }, "\(findings)")
            #expect(try await machine.state() == before, "nothing is left behind")
        }
    }

    /// A fault, the words that the finding begins with, and the exit code.
    static let faults: [(command: [String], line: String, status: Int32)] = [
        (["sysctl", "-qw", "net.mptcp.enabled=0"], "error: MPTCP is off: net.mptcp.enabled=0; sysctl -w ", 1),
        (["sysctl", "-qw", "net.ipv4.ip_forward=0"], "error: this machine doesn't route IPv4: ", 1),
        (["sysctl", "-qw", "net.ipv6.conf.all.forwarding=0"], "warning: this machine doesn't route IPv6: ", 0),
        (["sysctl", "-qw", "net.ipv4.conf.wifi0.rp_filter=1"], "warning: rp_filter is strict on wifi0: ", 0),
        (["sysctl", "-qw", "net.ipv4.tcp_fwmark_accept=1"], "error: net.ipv4.tcp_fwmark_accept=1: ", 1),
        (["ip", "mptcp", "limits", "set", "subflow", "0"], "error: the path manager allows no subflow ", 1),
        (["ip", "link", "delete", "lan0"], "warning: [intercept] interfaces: there is no lan0; ", 0),
        (["ip", "link", "set", "lan0", "down"], "warning: [intercept] interfaces: lan0 is down; ", 0),
        (["ip", "link", "set", "wifi1", "name", "sluice0"], "error: the TUN device can't be made: ", 1),
    ]

    @Test(arguments: faults)
    func aFaultHasItsLine(_ fault: (command: [String], line: String, status: Int32)) async throws {
        try await Machine.run { machine in
            try await machine.tool(fault.command)
            let outcome = try await machine.check()
            let lines = outcome.text.split(separator: "\n")
            #expect(lines.first?.hasPrefix(fault.line) == true, "\(outcome.text)")
            #expect(lines.count == 2, "\(outcome.text)")
            #expect(outcome.status == .exited(fault.status))
        }
    }

    @Test func aTakenQueue() async throws {
        try await Machine.run { machine in
            let reader = try machine.namespace.run {
                TakenQueue(try PacketQueue(7701, .init(copyRange: 64, maximumLength: 8, gso: true)))
            }
            let outcome = try await machine.check()
            #expect(outcome.text.hasPrefix("error: NFQUEUE 7701 has another reader; "), "\(outcome.text)")
            #expect(outcome.status == .exited(1))
            withExtendedLifetime(reader) {}
        }
    }

    /// The daemon's own queues and device are no fault; those of one that can't be asked are.
    @Test func aRunningDaemon() async throws {
        try await Machine.run { machine in
            try await machine.whileDaemonRuns {
                let outcome = try await machine.check()
                let lines = outcome.text.split(separator: "\n")
                #expect(lines.first?.hasPrefix("note: sluice ") == true, "\(outcome.text)")
                #expect(lines.count == 2, "\(outcome.text)")
                #expect(outcome.status == .exited(0))
                let other = try await machine.check("--control", machine.folder + "/other.sock")
                #expect(other.text.contains("error: NFQUEUE 7700 has another reader; "), "\(other.text)")
                #expect(other.text.contains("error: the TUN device can't be made: "), "\(other.text)")
                #expect(other.status == .exited(1))
            }
        }
    }

    @Test func aCongestionControlThatIsNotThere() async throws {
        try await Machine.run(adding: "[relay]\ncongestion_control = \"none\"\n") { machine in
            let outcome = try await machine.check()
            #expect(
                outcome.text.hasPrefix("error: [relay] congestion_control = \"none\" can't be set: "), "\(outcome.text)"
            )
            #expect(outcome.status == .exited(1))
        }
    }

    @Test func anAddressThatTheRouterLacks() async throws {
        let token = "/tmp/sluice-check-\(getpid())-token"
        _ = FileManager.default.createFile(
            atPath: token, contents: Data("0123456789abcdef\n".utf8), attributes: [.posixPermissions: 0o600])
        defer { unlink(token) }
        let lines = "http = \"192.0.2.1:9470\"\nhttp_token = \"\(token)\"\n"
        try await Machine.run(adding: lines) { machine in
            // Without any address the kernel takes every one for its own.
            try await machine.tool(["ip", "link", "set", "lo", "up"])
            let outcome = try await machine.check()
            #expect(outcome.text.hasPrefix("error: [admin] http: can't listen on 192.0.2.1:9470: "), "\(outcome.text)")
            #expect(outcome.status == .exited(1))
        }
    }

    @Test func aWrongConfiguration() async throws {
        try await Machine.run(adding: "[intercepts]\n") { machine in
            let outcome = try await machine.check()
            #expect(outcome.status == .exited(78), "\(outcome.text)")
            #expect(outcome.text.contains("intercepts: unknown "), "\(outcome.text)")
        }
    }
}

/// A queue that a test holds bound and nobody reads.
private final class TakenQueue: @unchecked Sendable {
    let queue: PacketQueue

    init(_ queue: PacketQueue) { self.queue = queue }
}
