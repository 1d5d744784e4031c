import Settings
import Testing

/// What is wrong with the second rule, on line 8, whose name is b.
private func second(_ lines: String) -> String? {
    message(minimal + rule("interface = 'lan9'\naction = 'backup'") + rule(lines, name: "b"))
}

@Suite struct ThrottleErrorTests {
    @Test(
        arguments: [
            ("interface", "''", "\"\" can't be an interface's name"), ("interface", "[]", "the list is empty"),
            ("interface", "5", "5 is an integer"), ("interface", "['a', 'a']", "\"a\" stands twice"),
            ("clients", "[]", "the list is empty"), ("clients", "['10.1.0.0/8']", nil), ("servers", "'::/0'", nil),
            ("servers", "['::/129']", "\"::/129\" is not a prefix"), ("ports", "[0]", "0 is out of range"),
            ("ports", "[80, '70-90']", "\"70-90\" overlaps 80"), ("backup", "1", "1 is an integer"),
            ("backup", "'true'", "\"true\" is a string"), ("address_id", "256", "256 is out of range"),
            ("address_id", "-1", "-1 is out of range"), ("min_subflows", "0", "0 is out of range"),
            ("min_subflows", "33", "33 is out of range"), ("after_bytes", "0", "0 is out of range"),
            ("after_bytes", "'1TB'", "\"1TB\" is not a size"), ("after_bytes", "'1048577GiB'", nil),
            ("hours", "[]", "the list is empty"), ("hours", "'08:00-18:00'", "\"08:00-18:00\" is a string"),
            ("hours", "['08:00-08:00']", "\"08:00-08:00\" is not a time of day"),
            ("hours", "['24:00-08:00']", "\"24:00-08:00\" is not a time of day"),
            ("hours", "['08:00-24:01']", "\"08:00-24:01\" is not a time of day"),
            ("hours", "['08:00-25:00']", "\"08:00-25:00\" is not a time of day"),
            ("hours", "['08:60-09:00']", "\"08:60-09:00\" is not a time of day"),
            ("hours", "['8:00-9:00']", "\"8:00-9:00\" is not a time of day"),
            ("hours", "['08:00']", "\"08:00\" is not a time of day"),
            ("hours", "['00:00-00:00']", "\"00:00-00:00\" is not a time of day"),
            ("hours", "['08:00-09:00', '08:00-09:00']", "\"08:00-09:00\" stands twice"),
            ("download", "10", "10 has no unit, which to tc means bit/s"), ("download", "'1tbit'", nil),
            ("download", "1.5", "1.5 is a floating-point number"), ("upload", "'fast'", "\"fast\" is not a rate"),
            ("per", "'all'", "\"all\" is unknown"), ("take_over", "'yes'", "\"yes\" is a string"),
        ] as [(String, String, String?)])
    func values(key: String, value: String, problem: String?) {
        let rate = key == "download" ? "" : "\ndownload = '1mbit'"
        let text = second("\(key) = \(value)\(rate)")
        #expect(text?.hasPrefix("f:8: throttle.b.\(key): \(problem ?? "")") == true, "\(text ?? "taken")")
        #expect(text?.contains("; give ") == true)
        #expect(text?.contains("\n") == false)
    }

    @Test func actions() {
        let mend = "remove it, or set action = \"shape\""
        for line in ["download = '1mbit'", "upload = '1mbit'", "per = 'class'", "take_over = false"] {
            let key = line.prefix { $0 != " " }
            #expect(
                second("action = 'backup'\n\(line)")
                    == "f:9: throttle.b.\(key): has no meaning with action = \"backup\"; \(mend)")
        }
        #expect(
            second("")
                == "f:6: throttle.b: neither download nor upload is given; give at least one of them, "
                + "such as download = \"10mbit\", or set action = \"backup\"")
        #expect(
            second("action = 'police'")
                == "f:8: throttle.b.action: \"police\" is unknown; give \"shape\" or \"backup\"")
        #expect(
            second("action = 'backup'\nafter_bytes_of = 'client'")
                == "f:9: throttle.b.after_bytes_of: without after_bytes; give after_bytes, too, or remove it")
        #expect(
            second("download = '0mbit'") == "f:8: throttle.b.download: \"0mbit\" would stop the subflow altogether; "
                + "use action = \"backup\", or the firewall, to keep traffic off it")
    }

    @Test func names() {
        let mend = "give a name of 1 to 32 letters, digits, _, . and -, beginning with a letter or digit"
        #expect(message(minimal + "[[throttle]]\naction = 'backup'") == "f:2: throttle.name: missing; \(mend)")
        #expect(
            message(minimal + rule("interface = 'x'\naction = 'backup'") + "\n[[throttle]]\naction = 'backup'")
                == "f:7: throttle.name: missing; \(mend)")
        for name in ["", "-a", ".a", "_a", "a b", "é", String(repeating: "x", count: 33)] {
            let text = message(minimal + rule("action = 'backup'", name: name))
            #expect(text == "f:3: throttle.\(quoted(name)).name: \"\(name)\" can't be a rule's name; \(mend)")
        }
        #expect(
            message(minimal + rule("interface = 'x'\naction = 'backup'") + rule("action = 'backup'"))
                == "f:7: throttle.a.name: an earlier rule has this name as well; give each rule a name of its own")
    }

    private func quoted(_ name: String) -> String {
        name.hasPrefix("-") || name.hasPrefix("_") || name.hasPrefix("x") ? name : "\"\(name)\""
    }

    @Test func unknownKeysNameTheNearest() {
        #expect(
            second("action = 'backup'\nadress_id = 1")
                == "f:9: throttle.b.adress_id: unknown key; did you mean address_id?")
        #expect(
            second("action = 'backup'\nworkers = 1") == "f:9: throttle.b.workers: unknown key; it belongs in [relay]")
        #expect(
            message(minimal + rule("action = 'backup'") + "[log]\nhours = 1")
                == "f:6: log.hours: unknown key; it belongs in [[throttle]]")
        #expect(message(minimal + "[[trottle]]") == "f:2: trottle: unknown table; did you mean [[throttle]]?")
        #expect(
            message(minimal + rule("action = 'backup'\n[throttle.x]"))?
                .hasPrefix("f:5: throttle.a.x: unknown key; ") == true)
    }

    @Test func tablesThatAreNoRules() {
        let mend = "write [[throttle]] on a line of its own, for each of them, and its keys below it"
        #expect(
            message(minimal + "[throttle]\nname = 'a'") == "f:2: throttle: a table, not an array of tables; \(mend)")
        #expect(message(minimal + "throttle = 5") == "f:2: throttle: 5, not an array of tables; \(mend)")
        #expect(message(minimal + "throttle = [5]") == "f:2: throttle: 5, not an array of tables; \(mend)")
    }

    @Test func ownDevices() {
        let mend = "name the interface that the clients' packets come in by"
        #expect(
            second("action = 'backup'\ninterface = ['lan0', 'sluice0']")
                == "f:9: throttle.b.interface: sluice0 is Sluice's own device (advanced.tun); \(mend)")
        #expect(
            second("action = 'backup'\ninterface = 'i'\n[advanced]\nifb = 'i'")
                == "f:9: throttle.b.interface: i is Sluice's own device (advanced.ifb); \(mend)")
    }

    @Test func atMost64Rules() {
        let rules = { (count: Int) in
            (0..<count).map { rule("interface = 'i\($0)'\naction = 'backup'", name: "r\($0)") }.joined()
        }
        #expect(message(minimal + rules(64)) == nil)
        #expect(
            message(minimal + rules(66))
                == "f:258: throttle.r64: more than 64 rules; remove some, or make one of several")
    }
}
