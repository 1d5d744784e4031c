import Glibc
import LinuxSystem
import NetfilterQueue
import Subprocess
import SystemPackage
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
            #expect(try await machine.check("--json").text == "[]\n")
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

/// A router that could run Sluice: lan0 and wifi0, each a veth with its other end beside it, and a configuration.
private struct Machine {
    let namespace: NetworkNamespace
    let folder: String

    static func run(adding settings: String = "", _ body: (Machine) async throws -> Void) async throws {
        let name = "sluice-check-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        let machine = Machine(namespace: NetworkNamespace(name), folder: "/tmp/\(name)")
        let result: Result<Void, any Error>
        do {
            try await machine.make(settings)
            result = .success(try await body(machine))
        } catch {
            result = .failure(error)
        }
        // In a task of its own: a test that has run out of time is cancelled, and its commands with it.
        try await Task {
            _ = try await command(["rm", "-rf", machine.folder])
            _ = try await command(["ip", "netns", "delete", name])
        }.value
        try result.get()
    }

    private func make(_ settings: String) async throws {
        _ = try await Self.command(["ip", "netns", "add", namespace.name])
        for link in ["lan", "wifi"] {
            try await tool(["ip", "link", "add", "\(link)0", "type", "veth", "peer", "name", "\(link)1"])
            try await tool(["ip", "link", "set", "\(link)0", "up"])
        }
        for setting in ["ipv4.ip_forward=1", "ipv6.conf.all.forwarding=1"] + Self.looseFilters {
            try await tool(["sysctl", "-qw", "net.\(setting)"])
        }
        mkdir(folder, 0o700)
        let text = """
            [intercept]
            interfaces = ["lan0", "wifi0"]
            [admin]
            control = "\(folder)/control.sock"
            \(settings)
            """
        close(creat(file, 0o600))
        try KernelFile.write(file, text)
    }

    private static let looseFilters = ["all", "lan0", "wifi0"].map { "ipv4.conf.\($0).rp_filter=0" }

    private var file: String { "\(folder)/sluice.toml" }

    func check(_ arguments: String...) async throws -> (status: TerminationStatus, text: String) {
        try await Self.command(inside + [Self.sluice, "check", "--config", file] + arguments)
    }

    /// Runs `body` once the daemon answers, and ends the daemon.
    func whileDaemonRuns(_ body: () async throws -> Void) async throws {
        let words = inside + [Self.sluice, "run", "--config", file]
        _ = try await Subprocess.run(
            .name(words[0]), arguments: Arguments(Array(words.dropFirst())), input: .none, output: .discarded,
            error: .discarded
        ) { daemon in
            let result: Result<Void, any Error>
            do {
                try await waitForDaemon()
                result = .success(try await body())
            } catch {
                result = .failure(error)
            }
            try daemon.send(signal: .terminate)
            try result.get()
        }
    }

    private func waitForDaemon() async throws {
        for _ in 0..<200 {
            let outcome = try await Self.command(
                inside + [Self.sluice, "status", "--control", folder + "/control.sock"])
            if outcome.status == .exited(0) { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("the daemon doesn't answer")
    }

    func tool(_ words: [String]) async throws {
        let outcome = try await Self.command(inside + words)
        try #require(outcome.status == .exited(0), "\(words): \(outcome.text)")
    }

    /// What a check might leave behind.
    func state() async throws -> String {
        var parts: [String] = []
        for words in [
            ["ip", "-o", "link"], ["ip", "rule"], ["ip", "-6", "rule"], ["iptables-nft-save"], ["ip6tables-nft-save"],
            ["cat", "/proc/net/ip_tables_names", "/proc/net/netfilter/nfnetlink_queue"],
        ] {
            parts.append(try await Self.command(inside + words).text)
        }
        return parts.joined(separator: "\n--\n")
    }

    private var inside: [String] { ["ip", "netns", "exec", namespace.name] }

    /// Built beside the tests.
    private static let sluice: String = {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        readlink("/proc/self/exe", &path, path.count - 1)
        let tests = String(decoding: path.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return tests[..<(tests.lastIndex(of: "/") ?? tests.startIndex)] + "/sluice"
    }()

    private static func command(_ words: [String]) async throws -> (status: TerminationStatus, text: String) {
        let result = try await Subprocess.run(
            .name(words[0]), arguments: Arguments(Array(words.dropFirst())), output: .string(limit: 1 << 20),
            error: .string(limit: 1 << 20))
        return (result.terminationStatus, result.standardOutput + result.standardError)
    }
}
