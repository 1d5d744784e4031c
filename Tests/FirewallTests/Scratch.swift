import Glibc
import Marks
import Testing
import Wire

@testable import Firewall

let isRoot = geteuid() == 0
let needsRoot: Comment = "needs root: makes network namespaces"

extension RuleSetting {
    static let sample = RuleSetting(
        tun: "sluice0", mark: .standard, synQueue: 7700, dataQueues: 7701...7702, routeTable: 7700, rulePriority: 100,
        listenAddress: IPAddress("127.77.0.1")!, listenAddress6: IPAddress("fd73:6c75:6963:6500::1")!, backend: .nft,
        inspectsEndToEnd: true, inspectsBulk: true, htb: 0x7700, steersSubflows: true,
        groups: SocketGroups(first: 64083), exits: ["wan0"])

    /// As `sample`, with the backend that a test wants.
    static func sample(_ backend: Backend) -> RuleSetting {
        var setting = sample
        setting.backend = backend
        return setting
    }

    /// Nothing in common with `sample` that rules could be recognised by.
    static func other(_ backend: Backend) -> RuleSetting {
        RuleSetting(
            tun: "old0", mark: PacketMark(mask: 0xfff)!, synQueue: 10, dataQueues: 11...11, routeTable: 900,
            rulePriority: 50, listenAddress: IPAddress("127.1.2.3")!, listenAddress6: IPAddress("fd00::9")!,
            backend: backend, inspectsEndToEnd: true, inspectsBulk: false, htb: 0x77, steersSubflows: false,
            groups: SocketGroups(first: 100))
    }
}

/// A network namespace for one test, with the tools to look at it.
struct Scratch {
    let tool: Tool

    /// Runs `body` in a namespace that is gone afterwards, also when `body` throws.
    static func run(_ body: (Scratch) async throws -> Void) async throws {
        let name = "sluice-rules-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        let outside = Tool(prefix: [])
        try await outside.run("ip", "netns", "add", name)
        let scratch = Scratch(tool: Tool(prefix: ["ip", "netns", "exec", name]))
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(scratch))
        } catch {
            result = .failure(error)
        }
        // What a test has applied and not removed is gone with its namespace, but for this file.
        if let borrowed = BorrowedValues(scratch.tool) { unlink(borrowed.path) }
        // In a task of its own: a test that has run out of time is cancelled, and its commands with it.
        try await Task { _ = try await outside.run("ip", "netns", "delete", name) }.value
        try result.get()
    }

    func firewall(_ setting: RuleSetting) -> Firewall { Firewall(setting, prefix: tool.prefix) }

    func makeTUN(_ name: String = "sluice0") async throws {
        try await tool.run("ip", "tuntap", "add", "dev", name, "mode", "tun")
        try await tool.run("ip", "link", "set", name, "up")
    }

    /// The rules of one backend and family without comments and counters.
    func rules(_ backend: RuleSetting.Backend, _ family: AddressFamily) async throws -> String {
        let command = "\(family == .ipv4 ? "iptables" : "ip6tables")-\(backend)-save"
        return try await tool.run(command).split(separator: "\n").filter { !$0.hasPrefix("#") }
            .map { $0.hasPrefix(":") ? $0.prefix { $0 != "[" } : $0 }.joined(separator: "\n")
    }

    /// All that the firewall may have changed, both backends and families, as one text.
    func state() async throws -> String {
        var parts: [String] = []
        for family in AddressFamily.allCases {
            for backend in [RuleSetting.Backend.nft, .legacy] { parts.append(try await rules(backend, family)) }
            parts.append(try await tool.run("ip", family.option, "rule", "show"))
            parts.append(try await routes(family))
        }
        parts.append(
            try await tool.run("sysctl", "net.ipv4.tcp_early_demux", "net.mptcp.pm_type", "net.ipv4.tcp_tso_rtt_log"))
        return parts.joined(separator: "\n--\n")
    }

    /// Our routes.
    func routes(_ family: AddressFamily) async throws -> String {
        try await tool.run("ip", family.option, "route", "show", "table", "all", "proto", Firewall.routeProtocol)
    }

    /// Rules as a router has them, in each table and chain that we go near.
    func makeOperatorRules(_ backend: RuleSetting.Backend) async throws {
        for name in ["iptables", "ip6tables"] {
            try await tool.run("\(name)-\(backend)-restore", input: Self.operatorRules)
        }
        for family in AddressFamily.allCases {
            try await tool.run("ip", family.option, "rule", "add", "fwmark", "1", "lookup", "300", "priority", "101")
        }
    }

    static let operatorRules = """
        *raw
        :PREROUTING ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        -A PREROUTING -m rpfilter --invert -j DROP
        COMMIT
        *mangle
        :PREROUTING ACCEPT [0:0]
        :INPUT ACCEPT [0:0]
        :FORWARD ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        :POSTROUTING ACCEPT [0:0]
        :WAN - [0:0]
        -A PREROUTING -i wan0 -j WAN
        -A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
        -A POSTROUTING -o wan0 -m comment --comment "not -j SLUICE_INPUT" -j WAN
        -A WAN -j MARK --set-xmark 0x1/0xff
        COMMIT
        *filter
        :INPUT DROP [0:0]
        :FORWARD ACCEPT [0:0]
        :OUTPUT DROP [0:0]
        -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        -A INPUT -m comment --comment "-j SLUICE_INPUT"
        -A FORWARD -p tcp -m tcp --dport 81 -j REJECT
        -A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        COMMIT

        """
}
