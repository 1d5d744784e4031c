import Testing

@testable import Firewall

/// Against the kernel, each test in a network namespace of its own.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(5)))
struct KernelTests {
    static let backends: [RuleSetting.Backend] = [.nft, .legacy]

    @Test(arguments: backends)
    func applyPutsEverythingInPlace(_ backend: RuleSetting.Backend) async throws {
        try await Scratch.run { scratch in
            try await scratch.makeTUN()
            #expect(try await scratch.firewall(.sample(backend)).apply() == .complete)
            for family in AddressFamily.allCases {
                #expect(try await scratch.rules(backend, family).contains(Expected.raw))
                #expect(try await scratch.rules(backend, family).contains(Expected.mangle(family)))
                #expect(try await scratch.rules(backend, family).contains(Expected.filter))
                let rules = try await scratch.tool.run("ip", "-N", family.option, "rule", "show")
                #expect(rules.contains(Expected.routingRules))
                let routes = try await scratch.routes(family).split(separator: "\n")
                for route in ["local default dev sluice0 table 7700 ", "default dev sluice0 table 7701 "] {
                    #expect(routes.contains { $0.hasPrefix(route) }, "\(routes)")
                }
            }
            for (name, value) in [("rp_filter", "0"), ("src_valid_mark", "1")] {
                let key = "net.ipv4.conf.sluice0.\(name)"
                #expect(try await scratch.tool.run("sysctl", "-n", key) == "\(value)\n", "\(key)")
            }
        }
    }

    @Test(arguments: backends)
    func applyingTwiceChangesNothing(_ backend: RuleSetting.Backend) async throws {
        try await Scratch.run { scratch in
            try await scratch.makeTUN()
            try await scratch.makeOperatorRules(backend)
            let firewall = scratch.firewall(.sample(backend))
            try await firewall.apply()
            let once = try await scratch.state()
            try await firewall.apply()
            #expect(try await scratch.state() == once)
        }
    }

    @Test(arguments: backends)
    func removeLeavesNoTrace(_ backend: RuleSetting.Backend) async throws {
        try await Scratch.run { scratch in
            try await scratch.makeTUN()
            try await scratch.makeOperatorRules(backend)
            let before = try await scratch.state()
            let firewall = scratch.firewall(.sample(backend))
            try await firewall.remove()
            #expect(try await scratch.state() == before, "nothing was applied")
            try await firewall.apply()
            #expect(try await scratch.state() != before)
            try await firewall.remove()
            #expect(try await scratch.state() == before)
        }
    }

    /// The operator's value comes back, whichever it was, also when a killed run's rules are replaced in between.
    @Test(arguments: [("net.ipv4.tcp_early_demux", "0"), ("net.mptcp.pm_type", "1")], ["0", "1"])
    func sysctlsAreBorrowed(_ sysctl: (key: String, meanwhile: String), _ value: String) async throws {
        for backend in Self.backends { try await isBorrowed(sysctl.key, sysctl.meanwhile, from: value, backend) }
    }

    private func isBorrowed(
        _ key: String, _ meanwhile: String, from value: String, _ backend: RuleSetting.Backend
    ) async throws {
        try await Scratch.run { scratch in
            try await scratch.makeTUN()
            try await scratch.makeTUN("old0")
            try await scratch.tool.run("sysctl", "-q", "-w", "\(key)=\(value)")
            try await scratch.firewall(.other(.legacy)).apply()
            let firewall = scratch.firewall(.sample(backend))
            try await firewall.apply()
            #expect(try await scratch.tool.run("sysctl", "-n", key) == "\(meanwhile)\n")
            try await firewall.remove()
            #expect(try await scratch.tool.run("sysctl", "-n", key) == "\(value)\n")
        }
    }

    /// A value that only makes Sluice faster is borrowed where it is the kernel's default, and left to whoever has set it,
    /// before or since.
    @Test(
        arguments: [("9", nil, "12", "9"), ("14", nil, "14", "14"), ("9", "10", "10", "10"), ("9", "9", "9", "9")]
            as [(String, String?, String, String)])
    func aPreferenceGivesWay(_ before: String, _ since: String?, _ meanwhile: String, _ after: String) async throws {
        try await Scratch.run { scratch in
            try await scratch.makeTUN()
            let key = "net.ipv4.tcp_tso_rtt_log"
            try await scratch.tool.run("sysctl", "-q", "-w", "\(key)=\(before)")
            let rules = try InstalledRules(.sample, prefix: scratch.tool.prefix)
            try await rules.apply()
            if let since { try await scratch.tool.run("sysctl", "-q", "-w", "\(key)=\(since)") }
            #expect(await rules.damages() == [])
            try await rules.apply()
            #expect(try await scratch.tool.run("sysctl", "-n", key) == "\(meanwhile)\n")
            try await scratch.firewall(.sample).remove()
            #expect(try await scratch.tool.run("sysctl", "-n", key) == "\(after)\n")
        }
    }

    /// The kernel's path manager is back as soon as no rule steers any more.
    @Test func thePathManagerIsGivenBack() async throws {
        try await Scratch.run { scratch in
            try await scratch.makeTUN()
            var setting = RuleSetting.sample
            for (steers, value) in [(false, "0\n"), (true, "1\n"), (false, "0\n"), (true, "1\n")] {
                setting.steersSubflows = steers
                try await scratch.firewall(setting).apply()
                #expect(try await scratch.tool.run("sysctl", "-n", "net.mptcp.pm_type") == value)
            }
        }
    }

    @Test func removeMakesNoTables() async throws {
        try await Scratch.run { scratch in
            let before = try await scratch.state()
            #expect(!before.contains("*mangle"))
            try await scratch.firewall(.sample(.auto)).remove()
            #expect(try await scratch.state() == before)
        }
    }

    /// What must come first and what last: see the template.
    @Test(arguments: backends)
    func jumpsStandWhereTheyShould(_ backend: RuleSetting.Backend) async throws {
        try await Scratch.run { scratch in
            try await scratch.makeOperatorRules(backend)
            try await scratch.firewall(.sample(backend)).apply()
            for family in AddressFamily.allCases {
                let rules = try await scratch.rules(backend, family)
                #expect(rules.contains("\n-A PREROUTING -j SLUICE_PREROUTING\n-A PREROUTING -i wan0 -j WAN\n"))
                #expect(rules.contains("-A FORWARD -j SLUICE_FORWARD\n"))
                #expect(rules.contains("SLUICE_INPUT\" -j WAN\n-A POSTROUTING -j SLUICE_POSTROUTING\n"))
                #expect(rules.contains("\n-A INPUT -j SLUICE_INPUT\n-A INPUT -m conntrack "))
                #expect(rules.contains("\n-A OUTPUT -j SLUICE_OUTPUT\n-A OUTPUT -m conntrack "))
            }
        }
    }

    @Test(arguments: backends)
    func leftoversOfAKilledRunAreReplaced(_ backend: RuleSetting.Backend) async throws {
        try await Scratch.run { scratch in
            try await scratch.makeTUN()
            try await scratch.makeTUN("old0")
            try await scratch.makeOperatorRules(backend)
            try await scratch.firewall(.sample(backend)).apply()
            let fresh = try await scratch.state()
            try await scratch.firewall(.other(backend)).apply()
            // A chain of a version that had other chains.
            try await scratch.tool.run("iptables-\(backend)", "-t", "mangle", "-N", "SLUICE_OLD")
            try await scratch.tool.run("iptables-\(backend)", "-t", "mangle", "-A", "INPUT", "-j", "SLUICE_OLD")
            #expect(try await scratch.state() != fresh)
            try await scratch.firewall(.sample(backend)).apply()
            #expect(try await scratch.state() == fresh)
        }
    }

    @Test func theOtherBackendIsSweptToo() async throws {
        try await Scratch.run { scratch in
            try await scratch.firewall(.sample(.legacy)).apply()
            try await scratch.firewall(.sample(.nft)).apply()
            for family in AddressFamily.allCases {
                #expect(try await !scratch.rules(.legacy, family).contains("SLUICE"))
                #expect(try await scratch.rules(.nft, family).contains("SLUICE"))
            }
        }
    }

    @Test(arguments: backends)
    func whatIsHalfAppliedIsRemovedToo(_ backend: RuleSetting.Backend) async throws {
        try await Scratch.run { scratch in
            try await scratch.makeOperatorRules(backend)
            let before = try await scratch.state()
            let firewall = scratch.firewall(.sample(backend))
            try await firewall.apply()
            try await scratch.tool.run("ip6tables-\(backend)", "-t", "mangle", "-F", "SLUICE_FORWARD")
            try await scratch.tool.run("ip6tables-\(backend)", "-t", "mangle", "-D", "FORWARD", "-j", "SLUICE_FORWARD")
            try await scratch.tool.run("ip6tables-\(backend)", "-t", "mangle", "-X", "SLUICE_FORWARD")
            try await scratch.tool.run("iptables-\(backend)", "-D", "INPUT", "-j", "SLUICE_INPUT")
            try await scratch.tool.run("ip", "-4", "rule", "del", "priority", "102")
            try await firewall.remove()
            #expect(try await scratch.state() == before)
        }
    }

    @Test func theRouteWaitsForTheDevice() async throws {
        try await Scratch.run { scratch in
            let firewall = scratch.firewall(.sample(.auto))
            #expect(try await firewall.apply() == .withoutDevice)
            #expect(try await scratch.state().contains("SLUICE_PREROUTING"))
            #expect(try await scratch.routes(.ipv4) == "")
            try await scratch.makeTUN()
            #expect(try await firewall.apply() == .complete)
            #expect(try await scratch.routes(.ipv4) != "")
        }
    }

    /// An IPv4 address where IPv6 is wanted fails in the middle, after the IPv4 rules.
    @Test(arguments: backends)
    func whatFailsLeavesNothingAndSaysWhere(_ backend: RuleSetting.Backend) async throws {
        try await Scratch.run { scratch in
            try await scratch.makeOperatorRules(backend)
            let before = try await scratch.state()
            var setting = RuleSetting.sample(backend)
            setting.listenAddress6 = setting.listenAddress
            let error = await #expect(throws: FirewallError.self) { try await scratch.firewall(setting).apply() }
            #expect(error?.command.hasPrefix("ip6tables-\(backend)-restore ") == true, "\(String(describing: error))")
            #expect(error?.message.contains("127.77.0.1") == true, "\(String(describing: error))")
            #expect(error?.line?.contains("-d 127.77.0.1") == true, "\(String(describing: error))")
            #expect(try await scratch.state() == before)
        }
    }

    @Test(arguments: backends)
    func tryingOutAppliesForReal(_ backend: RuleSetting.Backend) async throws {
        try await Firewall.tryOut(.sample(backend))
        var setting = RuleSetting.sample(backend)
        setting.tun = "much-too-long-a-name"
        let error = await #expect(throws: FirewallError.self) { try await Firewall.tryOut(setting) }
        #expect(error?.line?.contains("-i much-too-long-a-name") == true, "\(String(describing: error))")
    }

    @Test(arguments: backends)
    func withoutPrivilegeTheMendIsRoot(_ backend: RuleSetting.Backend) async throws {
        try await Scratch.run { scratch in
            let nobody = scratch.tool.prefix + ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            let firewall = Firewall(.sample(backend), prefix: nobody)
            for action in [{ _ = try await firewall.apply() }, { try await firewall.remove() }] {
                let error = await #expect(throws: FirewallError.self) { try await action() }
                #expect(error?.mend == "run as root, or with CAP_NET_ADMIN", "\(String(describing: error))")
            }
        }
    }

    @Test func aMissingToolIsNamed() async {
        let error = await #expect(throws: FirewallError.self) { try await Tool(prefix: []).run("no-such-tool", "-x") }
        #expect(error?.description.hasPrefix("no-such-tool -x: no-such-tool not found in PATH; install it") == true)
    }
}
