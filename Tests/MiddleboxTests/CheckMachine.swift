import Glibc
import LinuxSystem
import Subprocess
import SystemPackage
import Testing

/// A router that could run Sluice: lan0 and wifi0, each a veth with its other end beside it, and a configuration.
struct Machine {
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

    /// Without the lines about faults of the kernel that the tests happen to run on.
    func check(_ arguments: String...) async throws -> (status: TerminationStatus, text: String) {
        let (status, text) = try await Self.command(inside + [Self.sluice, "check", "--config", file] + arguments)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return (status, lines.filter { !$0.hasPrefix("note: Linux ") }.joined(separator: "\n"))
    }

    /// Runs `body` once the daemon is ready, and ends the daemon.
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
            // It answers a moment before its rules are in, with another state.
            if outcome.text.contains(", running for ") { return }
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
            ["tc", "qdisc"], ["tc", "filter", "show", "dev", "lan0", "ingress"], ["sysctl", "net.mptcp.pm_type"],
            ["cat", "/proc/net/ip_tables_names", "/proc/net/netfilter/nfnetlink_queue"],
        ] {
            // iptables-save's comments have the time of day.
            let lines = try await Self.command(inside + words).text.split(separator: "\n").filter {
                !$0.hasPrefix("# ")
            }
            parts.append(lines.joined(separator: "\n"))
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
