import Foundation
import Testing

@testable import Settings

/// What a reload changes, by key.
@Suite struct SettingsChangeTests {
    private func changes(_ old: String, _ new: String, started: String? = nil) throws -> [String] {
        let settings = try [old, new, started ?? old].map { try Settings.parse(minimal + $0, file: "t") }
        return settings[0].changes(to: settings[1], started: settings[2]).map {
            "\($0.key): \($0.before ?? "-") > \($0.after ?? "-"), \($0.need)"
        }
    }

    @Test(
        arguments: [
            ("", "", []),
            ("", "intercept.ports = [80, '8000-8999']", ["intercept.ports: all > 80, 8000-8999, reload"]),
            ("", "intercept.clients = ['10.1.0.0/16']", ["intercept.clients: all > 10.1.0.0/16, reload"]),
            ("", "intercept.connect = 'split'", ["intercept.connect: faithful > split, reload"]),
            ("", "intercept.inspect = 'all'", ["intercept.inspect: converted > all, upgrade"]),
            ("", "log.level = 'debug'", ["log.level: info > debug, reload"]),
            (
                "", "trace.file = '/t'\ntrace.filter = 'syn'",
                ["trace.file: - > /t, reload", "trace.filter: all packets > syn, reload"]
            ),
            ("", "sessions.log = 'journal'", ["sessions.log: - > journal, reload"]),
            ("", "relay.idle_timeout = '90s'", ["relay.idle_timeout: - > 90s, upgrade"]),
            (
                "", "relay.receive_buffer = '64KiB'\nrelay.dscp = false",
                [
                    "relay.receive_buffer: - > 64KiB, upgrade", "relay.dscp: true > false, upgrade",
                ]
            ),
            ("", "admin.http = '127.0.0.1:80'", ["admin.http: - > 127.0.0.1:80, upgrade"]),
            ("", "advanced.mark_mask = 0xfff", ["advanced.mark_mask: 0xfff0000 > 0xfff, restart"]),
            (
                "", "advanced.listen_address6 = 'fc00::7'",
                ["advanced.listen_address6: fd73:6c75:6963:6500::1 > fc00::7, restart"]
            ),
            ("", "advanced.upstream_ports = '2000-2999'", ["advanced.upstream_ports: 4096-32767 > 2000-2999, upgrade"]),
        ] as [(String, String, [String])])
    func keys(_ old: String, _ new: String, _ expected: [String]) throws {
        #expect(try changes(old, new) == expected)
        #expect(try changes(new, new) == [])
    }

    private static let throttle = "[[throttle]]\nname = 'a'\ndownload = '1mbit'\n"

    @Test func tablesByName() throws {
        let other = Self.throttle.replacing("'a'", with: "'b'") + "ports = [80]\n"
        #expect(try changes("", Self.throttle) == ["throttle.a: - > there, reload"])
        #expect(try changes(Self.throttle, "") == ["throttle.a: there > -, reload"])
        let more = Self.throttle + "upload = '2mbit'\nhours = ['08:00-18:00']\ninterface = 'lan1'\n"
        #expect(
            try changes(Self.throttle, more) == [
                "throttle.a.interface: lan0 > lan1, reload", "throttle.a.hours: - > 08:00-18:00, reload",
                "throttle.a.upload: - > 2mbit, reload",
            ])
        let congested = Self.throttle + "when = 'congested'\nmax_loss = '2.5%'\n"
        #expect(
            try changes(Self.throttle, congested) == [
                "throttle.a.when: - > congested, reload", "throttle.a.max_loss: - > 2.5%, reload",
                "throttle.a.min_hold: - > 5s, reload",
            ])
        #expect(
            try changes(
                other + Self.throttle,
                Self.throttle.replacing("'a'", with: "'b'") + "servers = ['1.1.1.1']\n" + Self.throttle
            ).count == 2)
        let first = Self.throttle + "ports = [1]\n"
        #expect(try changes(first + other, other + first) == ["throttle: a, b > b, a, reload"])
    }

    @Test func modesOfSteering() throws {
        let paths = "[[path]]\nname = 'a'\ninterface = 'lan0'\n[[path]]\nname = 'b'\ninterface = 'lan1'\n"
        let one = paths + "[[steer]]\nname = 's'\nmode = 'priority-based'\nhigh = 'a'\nlow = 'b'\n"
        let other = paths + "[[steer]]\nname = 's'\nmode = 'load-balancing'\nweights = { a = 30, b = 70 }\n"
        #expect(
            try changes(one, other) == [
                "steer.s.mode: priority-based > load-balancing, reload", "steer.s.high: a > -, reload",
                "steer.s.low: b > -, reload", "steer.s.weights: - > a = 30, b = 70, reload",
            ])
        #expect(
            try changes(paths, paths.replacing("'lan1'", with: "'lan1'\ncapacity = '50mbit'\ncap = '1GB/day'")) == [
                "path.b.capacity_download: - > 50mbit, reload", "path.b.capacity_upload: - > 50mbit, reload",
                "path.b.cap: - > 1GB/day, reload",
            ])
    }

    /// What a reload couldn't change is still to come, however often is reloaded.
    @Test func anUpgradeIsOwedUntilItComes() throws {
        let new = "relay.workers = 3\nlog.level = 'debug'"
        #expect(try changes(new, new, started: "log.level = 'debug'") == ["relay.workers: - > 3, upgrade"])
        #expect(try changes(new, "", started: "") == ["log.level: debug > info, reload"])
    }

    /// Every key of docs/configuration.md has its text under its own name.
    @Test func everyKeyHasAText() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/configuration.md"), encoding: .utf8)
        var table = ""
        var documented: Set<String> = []
        for line in page.split(separator: "\n") {
            if let heading = line.firstMatch(of: /^## `\[+(\w+)\]+`/) { table = String(heading.1) }
            if let row = line.firstMatch(of: /^\| `(\w+)` \|/) { documented.insert("\(table).\(row.1)") }
        }
        let text = """
            [cluster]
            id = 'a'
            redis = 'redis://192.0.2.9'
            interface = 'cl0'
            [[peer]]
            id = 'b'
            addresses = ['192.0.2.2']
            [[path]]
            name = 'a'
            interface = 'a'
            [[path]]
            name = 'b'
            interface = 'b'
            [[steer]]
            name = 's1'
            mode = 'active-standby'
            active = 'a'
            standby = 'b'
            ports = [1]
            [[steer]]
            name = 's2'
            mode = 'priority-based'
            high = 'a'
            low = 'b'
            ports = [2]
            [[steer]]
            name = 's3'
            mode = 'smallest-delay'
            paths = ['a', 'b']
            ports = [3]
            [[steer]]
            name = 's4'
            mode = 'load-balancing'
            weights = { a = 30, b = 70 }
            [[throttle]]
            name = 't'
            download = '1mbit'
            when = 'congested'
            """
        let texts = KeyTexts(try Settings.parse(minimal + text, file: "t"))
        let entries = texts.entries.flatMap { entry in entry.keys.map { "\(entry.table).\($0.key)" } }
        // It stands for the two that follow it.
        documented.remove("path.capacity")
        #expect(documented.count > 80)
        #expect(Set(texts.keys.map(\.key) + entries) == documented)
    }
}
