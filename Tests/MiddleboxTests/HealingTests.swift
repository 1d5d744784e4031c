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
            testDescription: "somebody comes last", script: "$I -t mangle -A FORWARD -m mark --mark 1 -j ACCEPT",
            undo: "$I -t mangle -D FORWARD -m mark --mark 1 -j ACCEPT", part: "rules"),
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
