import Admin
import Glibc
import Lab
import LinuxSystem
import Testing
import Wire

/// What other hands remove or change is put back, and running connections live through it.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct HealingTests {
    struct Change: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// In the box; `$I` and `$I6` stand for iptables and ip6tables, `$R` for iptables-restore.
        let script: String
        /// What has to be taken away again afterwards.
        var undo = ":"
        let part: String
    }

    /// In such an order that the same part isn't changed twice in a row, which another program at war with us would do.
    static let changes = [
        Change(testDescription: "mangle is flushed", script: "$I -t mangle -F", part: "rules"),
        Change(
            testDescription: "ip rule flush",
            script: "ip rule flush; ip rule add lookup main pref 32766; ip rule add lookup default pref 32767; "
                + "ip -6 rule flush; ip -6 rule add lookup main pref 32766",
            part: "routing rules"),
        Change(testDescription: "the device is set down", script: "ip link set sluice0 down", part: "device"),
        Change(testDescription: "filter is flushed", script: "$I -F; $I6 -F", part: "rules"),
        Change(testDescription: "the device is deleted", script: "ip link del sluice0", part: "device"),
        Change(
            testDescription: "sysctls are set back",
            script: "sysctl -qw net.ipv4.tcp_early_demux=1 net.ipv4.conf.sluice0.rp_filter=1 "
                + "net.ipv4.conf.sluice0.src_valid_mark=0",
            part: "sysctls"),
        Change(testDescription: "mangle of IPv6 alone is flushed", script: "$I6 -t mangle -F", part: "rules"),
        Change(
            testDescription: "ip route flush table", script: "ip route flush table 7700; ip -6 route flush table 7701",
            part: "routes"),
        Change(
            testDescription: "iptables-restore without --noflush",
            script: "printf '*raw\\nCOMMIT\\n*mangle\\nCOMMIT\\n*filter\\nCOMMIT\\n' | $R", part: "rules"),
        Change(
            testDescription: "single routing rules are deleted",
            script: "ip rule del pref $(ip rule | grep -m1 'lookup 7700' | cut -d: -f1); "
                + "ip -6 rule del pref $(ip -6 rule | grep -m1 'lookup 7700' | cut -d: -f1)",
            part: "routing rules"),
        Change(
            testDescription: "somebody comes first",
            script: "$I -t mangle -I PREROUTING -p tcp -j ACCEPT; $I6 -t mangle -I PREROUTING -p tcp -j ACCEPT",
            undo: "$I -t mangle -D PREROUTING -p tcp -j ACCEPT; $I6 -t mangle -D PREROUTING -p tcp -j ACCEPT",
            part: "rules"),
        Change(
            testDescription: "single rules are deleted",
            script: "$I -t mangle -D PREROUTING 1; $I6 -t mangle -D SLUICE_PREROUTING 5; $I -t raw -D PREROUTING 1",
            part: "rules"),
        Change(
            testDescription: "somebody comes last", script: "$I -t mangle -A POSTROUTING -m mark --mark 1 -j ACCEPT",
            undo: "$I -t mangle -D POSTROUTING -m mark --mark 1 -j ACCEPT", part: "rules"),
    ]

    static var slowLinks: LabConfiguration {
        LabConfiguration(clients: [.init(links: [.init(rate: .mbit(25)), .init(rate: .mbit(25))])])
    }

    /// All of the changes, one after the other, during 50 transfers.
    @Test(arguments: IPTables.allCases)
    func runningConnectionsLiveThroughAllOfIt(_ backend: IPTables) async throws {
        try await Lab.with(Self.slowLinks) { lab in
            let before = try await lab.footprint()
            let sluice = try await lab.startSluice(configuration: lab.configuration(backend.setting))
            try await lab.serve()
            let whole = try await lab.footprint()
            let plans = IPFamily.allCases.map { family in
                var plan = lab.plan(family == .v4 ? .download : .echo, family == .v4 ? 4_000_000 : 1_000_000, family)
                (plan.count, plan.parallel) = (25, 25)
                return plan
            }
            async let first = lab.fetch(plans[0])
            async let second = lab.fetch(plans[1])
            try await lab.wait(for: "50 transfers") { try await sluice.status().connections.accepted == 50 }

            for change in Self.changes {
                let count = try await sluice.repairs(change.part)
                try await lab.change(backend, change.script)
                try await lab.wait(for: "repair after: \(change)") { try await sluice.repairs(change.part) > count }
                try await lab.change(backend, change.undo)
                // A change of several tables may be found, and repaired, in several turns.
                try? await lab.wait(for: "all to be as before") { try await lab.footprint() == whole }
                expectSame(try await lab.footprint(), whole)
                #expect(try await sluice.status().state == "running", "\(change)")
            }
            let reports = [try await first, try await second]
            #expect(reports.map(\.failures) == [[:], [:]])
            #expect(reports.map(\.completed) == [25, 25])
            try await lab.expectConversion(sluice)
            #expect(sluice.log.contains("of Sluice's were gone"), "\(sluice.log)")
            #expect(!sluice.log.contains("could not be put back"), "\(sluice.log)")
            #expect(try await sluice.stop() == .exited(0))
            expectSame(try await lab.footprint(), before)
        }
    }

    /// Somebody who won't have our rules: the daemon steps aside, and is back when he is gone.
    @Test func whatCannotBePutBackMakesItStepAside() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let server = try await lab.serve()
            let long = lab.endlessPlan()
            async let report = lab.fetch(long)
            try await lab.wait(for: "two subflows") { try await sluice.connections().first?.subflows.count == 2 }
            let foe = try lab.spawn(in: .box, ["sh", "-c", "while :; do iptables -w -t mangle -F; sleep 0.02; done"])
            try await lab.wait(for: "degraded", within: .seconds(30)) {
                try await sluice.status().state == "degraded"
            }
            let reasons = try await sluice.status().healing.degraded
            #expect(reasons.first?.contains("iptables mangle: ") == true, "\(reasons)")
            #expect(try await sluice.command("status").output.contains("\ndegraded     iptables mangle: "))
            #expect(sluice.log.contains("stepping aside"), "\(sluice.log)")
            let plain = try await lab.fetch(lab.plan(.echo, 100_000))
            #expect(plain.failures == [:])
            #expect(try await sluice.connections().count == 1, "the new one went by, the running one lives on")
            foe.signal(SIGKILL)
            try await lab.wait(for: "recovery", within: .seconds(40)) { try await sluice.status().state == "running" }
            let before = try await sluice.count("intercept: server answered")
            #expect(try await lab.fetch(lab.plan(.echo, 100_000)).failures == [:])
            #expect(try await sluice.count("intercept: server answered") == before + 1)
            server.stop()
            #expect(try await report.failures.count == 1)
        }
    }

    /// Connections that get no packets any more are reset towards both ends instead of hanging.
    @Test func whatCannotBeCarriedIsReset() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let server = try await lab.serve()
            let long = lab.endlessPlan()
            async let report = lab.fetch(long)
            try await lab.wait(for: "a connection") { try await sluice.connections().first?.subflows.count == 2 }
            let foe = try lab.spawn(
                in: .box,
                ["sh", "-c", "while :; do ip rule flush proto 83; ip -6 rule flush proto 83; sleep 0.02; done"])
            #expect(try await report.failures.keys.map(\.description).allSatisfy { $0.contains("reset") })
            try await lab.wait(for: "the server to hear of it") { server.statistics.active == 0 }
            #expect(sluice.log.contains("get no packets any more, and are reset"), "\(sluice.log)")
            #expect(try await lab.fetch(lab.plan(.echo, 100_000)).failures == [:])
            foe.signal(SIGKILL)
            try await lab.wait(for: "recovery", within: .seconds(40)) { try await sluice.status().state == "running" }
            try await lab.expectConversion(sluice)
        }
    }

    /// Whoever waits for the socket may rely on the rules.
    @Test func theControlSocketAppearsWithTheRules() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let (configuration, socket) = (sluice.configurationPath, sluice.controlPath)
            #expect(try await sluice.stop() == .exited(0))
            let program = try Lab.programBeside("sluice")
            let script = """
                \(program) run --config \(configuration) --control \(socket) 2>/dev/null & p=$!
                while [ ! -S \(socket) ]; do kill -0 $p; done
                iptables-save | grep -c 'A SLUICE_TAKE'; ip6tables-save | grep -c 'A SLUICE_TAKE'
                ip -6 route show table 7700 | grep -c sluice0
                \(program) status --control \(socket) | grep -c ', running for'
                kill $p; wait $p
                """
            #expect(try await lab.shell(script) == "3\n3\n1\n1\n")
            #expect(try await lab.shell("ls \(socket)* 2>/dev/null || echo none") == "none\n")
        }
    }

    /// Helpers of connection tracking see what they have to see.
    @Test(arguments: IPTables.allCases)
    func portsOfHelpersPass(_ backend: IPTables) async throws {
        try await Lab.with { lab in
            try await lab.operate(
                backend, "*raw\n-A PREROUTING -p tcp --dport 5000 -j CT --helper ftp\nCOMMIT")
            let sluice = try await lab.startSluice(configuration: lab.configuration(backend.setting))
            try await lab.serve()
            try await lab.serve(port: 5001)
            #expect(try await lab.fetch(lab.plan(.echo, 10_000)).failures == [:])
            #expect(try await sluice.decisions() == ["pass: connection tracking helper": 1])
            try await lab.change(
                backend,
                "$I -t raw -D PREROUTING -p tcp --dport 5000 -j CT --helper ftp; "
                    + "$I6 -t raw -D PREROUTING -p tcp --dport 5000 -j CT --helper ftp; "
                    + "$I6 -t raw -A PREROUTING -p tcp --dport 5001 -j CT --helper ftp")
            var other = lab.plan(.echo, 10_000)
            other.to = lab.endpoint(.server(0), port: 5001)
            let plan = other
            try await lab.wait(for: "the watch to see it", within: .seconds(20)) {
                #expect(try await lab.fetch(plan).failures == [:])
                return try await sluice.count("pass: connection tracking helper") == 2
            }
            // The rules may have been read between two of these changes.
            try await lab.wait(for: "the other port to be converted", within: .seconds(20)) {
                #expect(try await lab.fetch(lab.plan(.echo, 10_000)).failures == [:])
                return try await sluice.count("intercept: server answered") > 0
            }
        }
    }
}

extension SluiceDaemon {
    /// How often such parts were put back.
    func repairs(_ part: String) async throws -> UInt64 { try await status().healing.repairs[part] ?? 0 }
}

extension Lab {
    /// Runs a script in the box with `$I`, `$I6` and `$R` as the tools of one kind of iptables.
    func change(_ backend: IPTables, _ script: String) async throws {
        let tools = "I='iptables-\(backend) -w'; I6='ip6tables-\(backend) -w'; R=iptables-\(backend)-restore\n"
        try await shell(tools + script)
    }
}
