import Settings
import Testing
import Wire

/// A rule that can never apply is refused; one that might is not.
@Suite struct ThrottleConflictTests {
    private func conflict(_ first: String, _ second: String) -> String? {
        message(
            minimal + rule("action = 'backup'\n\(first)") + "\n" + rule("action = 'backup'\n\(second)", name: "b"))
    }

    @Test(
        arguments: [
            ("", ""), ("", "interface = 'lan0'"), ("interface = ['lan0', 'lan1']", "interface = 'lan1'"),
            ("", "clients = ['10.0.0.0/8']"), ("clients = ['10.0.0.0/8', '::/0']", "clients = ['10.1.0.0/16']"),
            ("servers = ['10.0.0.0/8']", "servers = ['10.0.0.0/8', '10.1.2.3']"),
            ("ports = ['80-90']", "ports = [80, 85]"),
            ("", "ports = [80]"), ("", "backup = true"), ("backup = false", "backup = false"), ("", "address_id = 1"),
            ("address_id = 1", "address_id = 1"), ("min_subflows = 2", "min_subflows = 3"),
            ("", "hours = ['08:00-09:00']"),
            ("hours = ['08:00-09:00', '10:00-11:00']", "hours = ['10:00-11:00', '08:00-09:00']"),
            ("", "after_bytes = 5"), ("after_bytes = 5", "after_bytes = 5"), ("after_bytes = 5", "after_bytes = '1kB'"),
            ("after_bytes = 5\nafter_bytes_of = 'client'", "after_bytes = 6\nafter_bytes_of = 'client'"),
        ] as [(String, String)])
    func shadowed(first: String, second: String) {
        let line = 6 + first.split(separator: "\n").count - (first.isEmpty ? 0 : 1)
        #expect(
            conflict(first, second)
                == "f:\(line + 1): throttle.b: can never apply, since \"a\" before it takes all its "
                + "subflows; put it before \"a\", or narrow \"a\"")
    }

    @Test(
        arguments: [
            ("interface = 'lan1'", ""), ("interface = 'lan1'", "interface = ['lan1', 'lan2']"),
            ("clients = ['10.0.0.0/8']", ""), ("clients = ['0.0.0.0/0']", ""), ("servers = ['10.1.0.0/16']", ""),
            ("servers = ['10.1.0.0/16']", "servers = ['10.0.0.0/8']"),
            ("clients = ['::/0']", "clients = ['0.0.0.0/0']"),
            ("ports = ['80-90']", "ports = ['85-91']"), ("ports = [80]", ""), ("backup = true", ""),
            ("backup = true", "backup = false"), ("address_id = 1", ""), ("address_id = 1", "address_id = 2"),
            ("min_subflows = 3", ""), ("hours = ['08:00-09:00']", ""),
            ("hours = ['08:00-09:00']", "hours = ['08:00-09:01']"), ("after_bytes = 5", ""),
            ("after_bytes = 5", "after_bytes = 4"),
            ("after_bytes = 5", "after_bytes = 5\nafter_bytes_of = 'client'"),
        ] as [(String, String)])
    func notShadowed(first: String, second: String) {
        #expect(conflict(first, second) == nil)
    }

    @Test func amongRulesGivenAtRunTime() {
        let rule = { (name: String, interface: String) in
            Settings.Throttle(
                name: name, interfaces: [interface], action: .shape, download: BitRate(bitsPerSecond: 8000))
        }
        #expect(Settings.conflicts(among: []) == nil)
        #expect(Settings.conflicts(among: [rule("a", "x"), rule("b", "y")]) == nil)
        #expect(
            Settings.conflicts(among: [rule("a", "x"), rule("a", "y"), rule("c.d", "x")])
                == "request: throttle.a.name: an earlier rule has this name as well; give each rule a name of its own\n"
                + "request: throttle.\"c.d\": can never apply, since \"a\" before it takes all its subflows; "
                + "put it before \"a\", or narrow \"a\"")
        let many = (0...64).map { rule("r\($0)", "i\($0)") }
        #expect(Settings.conflicts(among: many)?.hasPrefix("request: throttle.r64: more than 64 rules; ") == true)
    }

    @Test func changedFieldByField() {
        var rule = Settings.Throttle(name: "a", interfaces: ["x"])
        #expect(
            Settings.conflicts(among: [rule])?.hasPrefix("request: throttle.a: neither download nor upload") == true)
        rule.action = .backup
        #expect(Settings.conflicts(among: [rule]) == nil)
        rule.upload = BitRate(bitsPerSecond: 8000)
        #expect(
            Settings.conflicts(among: [rule]) == "request: throttle.a: a rate has no meaning with action = \"backup\"; "
                + "remove it, or set action = \"shape\"")
    }
}
