import Foundation
import LinuxSystem
import Testing

@testable import Firewall

/// What the daemon's rules look like to it, against the kernel.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(5)))
struct InstalledRulesTests {
    static let backends: [RuleSetting.Backend] = [.nft, .legacy]

    private func installed(_ scratch: Scratch, _ backend: RuleSetting.Backend) async throws -> InstalledRules {
        try await scratch.makeTUN()
        try await scratch.makeOperatorRules(backend)
        let rules = try InstalledRules(.sample(backend), prefix: scratch.tool.prefix)
        try await rules.apply()
        return rules
    }

    @Test(arguments: backends)
    func whatIsWholeIsSeenToBe(_ backend: RuleSetting.Backend) async throws {
        try await Scratch.run { scratch in
            let rules = try await installed(scratch, backend)
            #expect(await rules.damages() == [])
            // Other people's business.
            try await scratch.tool.run(
                "iptables-\(backend)", "-A", "FORWARD", "-p", "tcp", "--dport", "99", "-j", "DROP")
            try await scratch.tool.run("ip", "rule", "add", "fwmark", "0x1", "lookup", "100")
            try await scratch.tool.run("ip", "tuntap", "add", "dev", "other9", "mode", "tun")
            #expect(await rules.damages() == [])
        }
    }

    /// Everything that can be damaged, told in the words of the log, and put back as it was.
    @Test(arguments: backends)
    func damageIsToldAndPutBack(_ backend: RuleSetting.Backend) async throws {
        try await Scratch.run { scratch in
            let rules = try await installed(scratch, backend)
            let whole = try await scratch.state()
            for (script, wanted) in [
                ("iptables-\(backend) -t mangle -F SLUICE_TAKE", "iptables mangle: 3 rules of Sluice's were gone"),
                ("ip6tables-\(backend) -D INPUT -j SLUICE_INPUT", "ip6tables filter: 1 rule of Sluice's was gone"),
                (
                    "ip6tables-\(backend) -A SLUICE_INPUT -j DROP",
                    "ip6tables filter: 1 rule was added to Sluice's chains"
                ),
                (
                    "i='iptables-\(backend) -t raw'; $i -D PREROUTING -j SLUICE_PREROUTING; $i -F SLUICE_PREROUTING; "
                        + "$i -X SLUICE_PREROUTING", "iptables raw: 2 rules of Sluice's were gone"
                ),
                ("ip -4 rule del pref 102", "ip -4 rule: 1 of Sluice's 4 rules was gone"),
                ("ip -6 route flush table 7701", "ip -6 route: Sluice's route in table 7701 was gone"),
                ("sysctl -qw net.ipv4.tcp_early_demux=1", "net/ipv4/tcp_early_demux: it was 1 instead of 0"),
                (
                    "sysctl -qw net.ipv4.conf.sluice0.rp_filter=1",
                    "net/ipv4/conf/sluice0/rp_filter: it was 1 instead of 0"
                ),
            ] {
                try await scratch.tool.run("sh", "-ec", script)
                let found = await rules.damages()
                #expect(found.map(\.description) == [wanted])
                try await rules.repair(found)
                #expect(await rules.damages() == [], "\(script)")
                #expect(try await scratch.state() == whole, "\(script)")
            }
            try await scratch.tool.run("ip", "link", "set", "sluice0", "down")
            #expect(await rules.damages().map(\.part).contains(.deviceDown))
            try await scratch.tool.run("ip", "link", "del", "sluice0")
            #expect(await rules.damages().contains(Damage(.device, "the device sluice0 was gone")))
        }
    }

    /// A kernel without xt_bpf: its rules are the others.
    @Test(arguments: backends)
    func withoutBPFAcknowledgementsGoToTheDataQueues(_ backend: RuleSetting.Backend) async throws {
        try await Scratch.run { scratch in
            let tools = try StandInTools()
            defer { tools.remove() }
            try await scratch.makeTUN()
            for tool in ["iptables", "ip6tables"] {
                try tools.write(
                    "\(tool)-\(backend)-restore",
                    """
                    rules=$(mktemp) && cat > $rules
                    if grep -q 'm bpf' $rules; then echo "Couldn't load match 'bpf'" >&2; rm $rules; exit 2; fi
                    PATH="\(StandInTools.path)" \(tool)-\(backend)-restore "$@" < $rules; code=$?; rm $rules; exit $code
                    """)
            }
            let rules = try InstalledRules(
                .sample(backend), prefix: scratch.tool.prefix + tools.prefix)
            #expect(await rules.usesPrograms)
            try await rules.apply()
            #expect(await !rules.usesPrograms)
            for family in AddressFamily.allCases {
                let listed = try await scratch.rules(backend, family)
                #expect(listed.contains("-A SLUICE_INPUT") && !listed.contains("bpf"))
            }
            // They are whole by their own measure, and repaired to it.
            #expect(await rules.damages() == [])
            try await scratch.tool.run("iptables-\(backend)", "-t", "mangle", "-F", "SLUICE_INPUT")
            try await rules.repair(await rules.damages())
            #expect(await rules.damages() == [])
        }
    }

    /// What can't be put back is thrown behind the rest, and only that is left damaged.
    @Test(arguments: backends)
    func aRepairThatFailsKeepsNoOtherBack(_ backend: RuleSetting.Backend) async throws {
        try await Scratch.run { scratch in
            let tools = try StandInTools()
            defer { tools.remove() }
            try await scratch.makeTUN()
            let rules = try InstalledRules(
                .sample(backend), prefix: scratch.tool.prefix + tools.prefix)
            try await rules.apply()
            // The first of all that is put back, but for sysctls.
            try tools.write("iptables-\(backend)-restore", "echo 'the disk is full' >&2\nexit 1")
            for script in [
                "iptables-\(backend) -t mangle -F SLUICE_TAKE", "ip6tables-\(backend) -t raw -F SLUICE_PREROUTING",
                "ip -4 rule del pref 102", "ip -6 route flush table 7701",
            ] {
                try await scratch.tool.run("sh", "-ec", script)
            }
            let found = await rules.damages()
            #expect(found.count == 4)
            let error = await #expect(throws: FirewallError.self) { try await rules.repair(found) }
            #expect(error?.message.contains("the disk is full") == true)
            #expect(await rules.damages().map(\.part) == [.table(.ipv4, "mangle")])
        }
    }

    @Test(arguments: backends)
    func placesAreGivenBack(_ backend: RuleSetting.Backend) async throws {
        try await Scratch.run { scratch in
            let rules = try await installed(scratch, backend)
            let order = { try await scratch.rules(backend, .ipv4) }
            let whole = try await order()
            try await scratch.tool.run(
                "iptables-\(backend)", "-t", "mangle", "-I", "PREROUTING", "-p", "udp", "-j", "ACCEPT")
            try await scratch.tool.run(
                "iptables-\(backend)", "-t", "mangle", "-A", "POSTROUTING", "-p", "udp", "-j", "ACCEPT")
            let found = await rules.damages()
            #expect(found.map(\.isOrderOnly) == [true])
            #expect(
                found.first?.finding == "Sluice's rules in POSTROUTING, PREROUTING were no longer where they belong")
            try await rules.repair(found)
            #expect(await rules.damages() == [])
            try await scratch.tool.run(
                "iptables-\(backend)", "-t", "mangle", "-D", "PREROUTING", "-p", "udp", "-j", "ACCEPT")
            try await scratch.tool.run(
                "iptables-\(backend)", "-t", "mangle", "-D", "POSTROUTING", "-p", "udp", "-j", "ACCEPT")
            #expect(try await order() == whole)
        }
    }

    /// Rules of nft's own beside those of iptables-nft, which then lists none of the table: nothing is doubled, and nothing
    /// of ours is left.
    @Test func tablesThatIptablesCannotListAreManagedAllTheSame() async throws {
        try await Scratch.run { scratch in
            try await scratch.makeTUN()
            let tool = scratch.tool
            guard await Tool(prefix: []).succeeds("nft", "--version") else { return }
            try await tool.run("iptables-nft", "-A", "FORWARD", "-p", "tcp", "--dport", "99", "-j", "DROP")
            let rule = ["nft", "add", "rule", "ip", "filter", "FORWARD", "meta", "hour", "10-12", "accept"]
            try await tool.run(rule[0], rule[1], rule[2], rule[3], rule[4], rule[5], rule[6], rule[7], rule[8], rule[9])
            #expect(try await tool.run("iptables-nft-save").contains("is incompatible"))
            let list = { try await tool.run("nft", "list", "table", "ip", "filter") }
            let before = try await list()
            let firewall = scratch.firewall(.sample(.nft))
            for _ in 0..<3 {
                try await firewall.apply()
                let rules = try await list()
                #expect(rules.split(separator: "jump SLUICE_INPUT").count == 2, "\(rules)")
                #expect(rules.split(separator: "jump SLUICE_FORWARD").count == 2, "\(rules)")
                #expect(rules.contains("meta hour"))
                if !rules.contains("1.2.3.4") {
                    try await tool.run("iptables-nft", "-A", "SLUICE-USER", "-s", "1.2.3.4", "-j", "DROP")
                }
            }
            #expect(try await list().contains("1.2.3.4"), "the administrator's rule is kept")
            try await tool.run("nft", "flush", "chain", "ip", "filter", "SLUICE-USER")
            try await firewall.remove()
            let after = try await list()
            #expect(!after.contains("SLUICE"), "\(after)")
            #expect(after.contains("meta hour") && before.contains("meta hour"))
        }
    }

    /// ipv6.disable=1: `ip -6` and ip6tables say that they are not supported.
    @Test(arguments: backends)
    func withoutIPv6TheRulesAreThoseOfIPv4(_ backend: RuleSetting.Backend) async throws {
        try await Scratch.run { scratch in
            try await scratch.makeTUN()
            let tools = try StandInTools()
            defer { tools.remove() }
            let real = try await Tool(prefix: []).run("sh", "-c", "command -v ip").split(separator: "\n")[0]
            var scripts = [
                "ip": "case $1 in -6) echo 'RTNETLINK answers: Operation not supported' >&2; exit 2;; esac; "
                    + "case \"$1 $2\" in '-N -6') echo 'RTNETLINK answers: Operation not supported' >&2; exit 2;; esac; "
                    + "exec \(real) \"$@\""
            ]
            for kind in ["nft", "legacy"] {
                for action in ["save", "restore"] {
                    scripts["ip6tables-\(kind)-\(action)"] =
                        "echo 'Address family not supported by protocol' >&2; exit 3"
                }
            }
            for (name, script) in scripts { try tools.write(name, script) }
            let tool = scratch.tool.prefix + tools.prefix
            let firewall = Firewall(.sample(backend), prefix: tool)
            #expect(try await firewall.apply() == .complete)
            #expect(try await scratch.rules(backend, .ipv4).contains("SLUICE_TAKE"))
            #expect(try await !scratch.rules(backend, .ipv6).contains("SLUICE"))
            let rules = try InstalledRules(.sample(backend), prefix: tool)
            try await rules.apply()
            #expect(await rules.families == [.ipv4])
            #expect(await rules.damages() == [])
            try await firewall.remove()
            #expect(try await !scratch.rules(backend, .ipv4).contains("SLUICE"))
        }
    }

    /// A flush takes the note among the rules along, and SIGKILL all memory: the file has the former value still.
    @Test(arguments: backends, ["0", "1"])
    func aFlushDoesNotForgetWhatASysctlWas(_ backend: RuleSetting.Backend, _ value: String) async throws {
        try await Scratch.run { scratch in
            try await scratch.makeTUN()
            let read = { try await scratch.tool.run("sysctl", "-n", "net.ipv4.tcp_early_demux", "net.mptcp.pm_type") }
            try await scratch.tool.run(
                "sysctl", "-qw", "net.ipv4.tcp_early_demux=\(value)", "net.mptcp.pm_type=\(value)")
            let firewall = scratch.firewall(.sample(backend))
            try await firewall.apply()
            let file = try #require(BorrowedValues(scratch.tool))
            #expect(FileManager.default.fileExists(atPath: file.path))
            #expect(try await read() == "0\n1\n")
            for family in ["iptables", "ip6tables"] {
                for table in ["raw", "mangle", "filter"] {
                    try await scratch.tool.run("\(family)-\(backend)", "-t", table, "-F")
                    try await scratch.tool.run("\(family)-\(backend)", "-t", table, "-X")
                }
            }
            try await scratch.firewall(.other(backend)).apply()
            try await scratch.firewall(.sample(backend)).remove()
            #expect(try await read() == "\(value)\n\(value)\n")
            #expect(!FileManager.default.fileExists(atPath: file.path))
        }
    }

    @Test func theToolsSpeakEnglish() async throws {
        #expect(try await Tool(prefix: []).run("sh", "-c", "echo $LC_ALL") == "C\n")
    }

    /// Others can't remove the guard, and it goes with whoever made it.
    @Test func theGuardIsItsOwners() async throws {
        try await Scratch.run { scratch in
            let namespace = NetworkNamespace(scratch.tool.prefix[3])
            var guarding: StrayGuard? = try namespace.run { try StrayGuard(.standard) }
            let chains = {
                try namespace.run { try Nftables().chains(inet: StrayGuard.table).sorted() }
            }
            #expect(try chains() == ["forward", "prerouting"])
            try await scratch.tool.run("iptables-nft", "-F")
            try await scratch.tool.run("sh", "-c", "printf '*mangle\\nCOMMIT\\n' | iptables-nft-restore")
            if await Tool(prefix: []).succeeds("nft", "--version") {
                try await scratch.tool.run("nft", "flush", "ruleset")
                #expect(await !scratch.tool.succeeds("nft", "delete", "table", "inet", StrayGuard.table))
            }
            #expect(try chains() == ["forward", "prerouting"])
            guarding = nil
            _ = guarding
            #expect(try chains() == [])
        }
    }
}

/// Shell scripts that stand in for the system's tools, in a folder that comes first in PATH.
private struct StandInTools {
    static let path = String(cString: getenv("PATH"))

    private let folder = "/tmp/sluice-tools-\(UInt32.random(in: 0...UInt32.max))"

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    /// Before a command, has it find them.
    var prefix: [String] { ["env", "PATH=\(folder):\(Self.path)"] }

    func write(_ name: String, _ script: String) throws {
        let file = "\(folder)/\(name)"
        try "#!/bin/sh\n\(script)\n".write(toFile: file, atomically: true, encoding: .utf8)
        chmod(file, 0o755)
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }
}
