import Settings
import Testing

/// What is wrong with a rule whose table begins on line 10, its name on 11, these lines on 12.
private func wrong(_ lines: String) -> String? { message(minimalWithPaths + steer(lines)) }

@Suite struct SteerErrorTests {
    @Test(
        arguments: [
            ("clients", "[]", "the list is empty"), ("servers", "['::/129']", "\"::/129\" is not a prefix"),
            ("ports", "[0]", "0 is out of range"), ("max_rtt", "'0ms'", "\"0ms\" is out of range"),
            ("max_rtt", "'2min'", "\"2min\" is out of range"), ("max_rtt", "150", "150 has no unit"),
            ("max_rtt", "0", "0 is out of range"), ("max_loss", "2", "2 has no unit"),
            ("max_loss", "0.02", "0.02 is a floating-point number"), ("max_loss", "'2'", "\"2\" is not a percentage"),
            ("max_loss", "'2 %'", "\"2 %\" is not a percentage"), ("max_loss", "'%'", "\"%\" is not a percentage"),
            ("max_loss", "'-1%'", "\"-1%\" is not a percentage"), ("max_loss", "'1.%'", "\"1.%\" is not a percentage"),
            ("max_loss", "'0%'", "\"0%\" is out of range"), ("max_loss", "'0.09%'", "\"0.09%\" is out of range"),
            ("max_loss", "'100.1%'", "\"100.1%\" is out of range"),
            ("max_loss", "'\(String(repeating: "9", count: 400))%'", "\"999"),
            ("min_hold", "'499ms'", "\"499ms\" is out of range"), ("min_hold", "'2h'", "\"2h\" is out of range"),
            ("min_hold", "0", "0 is out of range"),
        ] as [(String, String, String)])
    func values(key: String, value: String, problem: String) {
        let text = wrong("\(key) = \(value)\n\(overflow)")
        #expect(text?.hasPrefix("f:12: steer.s.\(key): \(problem)") == true, "\(text ?? "taken")")
        #expect(text?.contains("; give ") == true)
        #expect(text?.contains("\n") == false)
    }

    @Test func percentagesSayTheirRange() {
        #expect(
            wrong("max_loss = '0%'\n\(overflow)")
                == "f:12: steer.s.max_loss: \"0%\" is out of range; give a percentage from \"0.1%\" to \"100%\"")
    }

    @Test(
        arguments: [
            ("mode = 'active-standby'", ["active", "standby"]), ("mode = 'priority-based'", ["high", "low"]),
            ("mode = 'smallest-delay'", ["paths"]), ("mode = 'load-balancing'", ["weights"]),
        ] as [(String, [String])])
    func missingKeys(mode: String, keys: [String]) {
        let forms = [
            "paths": "a list of at least two paths, such as [\"wired\", \"mobile\"]",
            "weights": "a table of at least two paths and their percentages, such as { wired = 70, mobile = 30 }",
        ]
        let lines = keys.map { "f:10: steer.s.\($0): missing; give \(forms[$0] ?? "the name of a [[path]]")" }
        #expect(wrong(mode) == lines.joined(separator: "\n"))
    }

    @Test func missingMode() {
        let forms = "\"active-standby\", \"smallest-delay\", \"load-balancing\" or \"priority-based\""
        #expect(wrong("high = 'wired'\nlow = 'mobile'") == "f:10: steer.s.mode: missing; give \(forms)")
        #expect(
            wrong("mode = 'redundant'\nactive = 'wired'")
                == "f:12: steer.s.mode: \"redundant\" is unknown; give \(forms)")
        // What is wrong whatever the mode is reported all the same.
        #expect(
            wrong("active = 5\nlow = 'x'")?.split(separator: "\n").map { $0.prefix { $0 != ";" } } == [
                "f:10: steer.s.mode: missing", "f:12: steer.s.active: 5 is an integer",
                "f:13: steer.s.low: there is no [[path]] \"x\", only \"wired\" and \"mobile\"",
            ])
    }

    @Test(
        arguments: [
            ("active = 'wired'", "active-standby"), ("standby = 'wired'", "active-standby"),
            ("no_standby = false", "active-standby"), ("paths = 5", "smallest-delay"),
            ("margin = '10ms'", "smallest-delay"), ("weights = { x = 5 }", "load-balancing"),
        ] as [(String, String)])
    func keysOfOtherModes(line: String, mode: String) {
        let key = line.prefix { $0 != " " }
        #expect(
            wrong("\(line)\n\(overflow)")
                == "f:12: steer.s.\(key): has no meaning with mode = \"priority-based\"; remove it, "
                + "or set mode = \"\(mode)\"")
    }

    @Test func keysOfPriorityBased() {
        let mend = "remove it, or set mode = \"priority-based\""
        let problem = "has no meaning with mode = \"smallest-delay\""
        #expect(
            wrong("mode = 'smallest-delay'\npaths = ['wired', 'mobile']\nhigh = 'x'\nlow = 1")
                == "f:14: steer.s.high: \(problem); \(mend)\nf:15: steer.s.low: \(problem); \(mend)")
    }

    // MARK: - Paths

    @Test func undeclaredPaths() {
        let only = ", only \"wired\" and \"mobile\""
        #expect(
            wrong("mode = 'priority-based'\nhigh = 'wird'\nlow = 'satellite'")
                == "f:13: steer.s.high: there is no [[path]] \"wird\"\(only); did you mean wired?\n"
                + "f:14: steer.s.low: there is no [[path]] \"satellite\"\(only); name one of these, or declare it")
        #expect(
            wrong("mode = 'active-standby'\nactive = 'wird'\nstandby = 'mobile'")
                == "f:13: steer.s.active: there is no [[path]] \"wird\"\(only); did you mean wired?")
        #expect(
            wrong("mode = 'smallest-delay'\npaths = ['wired', 'x9', \"m\\n\"]")
                == "f:13: steer.s.paths: there is no [[path]] \"x9\"\(only); name one of these, or declare it\n"
                + "f:13: steer.s.paths: there is no [[path]] \"m\\n\"\(only); name one of these, or declare it")
        #expect(
            wrong("mode = 'load-balancing'\nweights = { wired = 70, mobil = 30 }")
                == "f:13: steer.s.weights.mobil: there is no [[path]] \"mobil\"\(only); did you mean mobile?")
        #expect(
            wrong("mode = 'load-balancing'\n[steer.weights]\nwired = 70\n\nmobil = 30")
                == "f:16: steer.s.weights.mobil: there is no [[path]] \"mobil\"\(only); did you mean mobile?")
        #expect(
            message(minimal + steer(overflow))?.hasPrefix(
                "f:5: steer.s.high: there is no [[path]] \"wired\"; declare it: write [[path]], and below it name, "
                    + "and interface or clients\n") == true)
        #expect(
            message(minimal + path("interface = 'w'", name: "wired") + steer(overflow))
                == "f:9: steer.s.low: there is no [[path]] \"mobile\", only \"wired\"; name one of these, or declare it"
        )
    }

    /// One mistake, one finding.
    @Test func wrongPathsAreThereAllTheSame() {
        let paths = path("interface = ''", name: "wired") + path("interface = 'm'", name: "mobile")
        #expect(message(minimal + paths + steer(overflow))?.hasPrefix("f:4: path.wired.interface: \"\" can't") == true)
        #expect(message(minimal + paths + steer(overflow))?.contains("\n") == false)
    }

    @Test func samePathTwice() {
        #expect(
            wrong("mode = 'priority-based'\nhigh = 'wired'\nlow = 'wired'")
                == "f:14: steer.s.low: \"wired\" is high as well; name two different paths")
        #expect(
            wrong("mode = 'active-standby'\nactive = 'wired'\nstandby = 'wired'")
                == "f:14: steer.s.standby: \"wired\" is active as well; name two different paths")
        let mend = "give a list of at least two paths, such as [\"wired\", \"mobile\"]"
        #expect(
            wrong("mode = 'smallest-delay'\npaths = ['wired', 'mobile', 'wired']")
                == "f:13: steer.s.paths: \"wired\" stands twice; \(mend)")
        #expect(
            wrong("mode = 'smallest-delay'\npaths = ['wired']") == "f:13: steer.s.paths: only one path; \(mend)")
        #expect(wrong("mode = 'smallest-delay'\npaths = []") == "f:13: steer.s.paths: the list is empty; \(mend)")
        #expect(
            wrong("mode = 'smallest-delay'\npaths = 'wired'") == "f:13: steer.s.paths: \"wired\" is a string; \(mend)")
    }

    @Test(
        arguments: [
            ("{ wired = 70, mobile = 20 }", "weights: they add up to 90; give percentages that add up to 100"),
            ("{ wired = 70, mobile = 31 }", "weights: they add up to 101; give percentages that add up to 100"),
            ("{ wired = 100 }", "weights: only one path; give a table of at least two paths and"),
            ("{}", "weights: no path; give a table of"), ("5", "weights: 5 is an integer; give a table of"),
            ("[70, 30]", "weights: an array is not expected here; give a table of"),
            ("{ wired = -1, mobile = 101 }", "weights.mobile: 101 is out of range; give an integer from 0 to 100"),
            ("{ wired = 70.5, mobile = 30 }", "weights.wired: 70.5 is a floating-point number; give an integer"),
            ("{ wired = '70%', mobile = 30 }", "weights.wired: \"70%\" is a string; give an integer"),
        ] as [(String, String)])
    func weights(value: String, expected: String) {
        let text = wrong("mode = 'load-balancing'\nweights = \(value)")
        #expect(text?.hasPrefix("f:13: steer.s.\(expected)") == true, "\(text ?? "taken")")
    }

    @Test func margins() {
        for value in ["'11s'", "'0.5ms'", "10"] {
            let text = wrong("mode = 'smallest-delay'\npaths = ['wired', 'mobile']\nmargin = \(value)")
            #expect(text?.hasPrefix("f:14: steer.s.margin: ") == true)
            #expect(text?.hasSuffix("; give a duration from \"1ms\" to \"10s\" (ms, s, min, h), or 0 for none") == true)
        }
    }

    // MARK: - Other rules

    @Test(
        arguments: [
            ("", ""), ("", "clients = ['10.0.0.0/8']"), ("clients = ['10.0.0.0/8']", "clients = ['10.1.0.0/16']"),
            ("servers = ['10.0.0.0/8', '::/0']", "servers = ['10.1.0.0/16']"),
            ("ports = ['80-90']", "ports = [80, 85]"),
            ("max_rtt = '1s'", ""), ("", "max_loss = '1%'"),
        ] as [(String, String)])
    func shadowed(first: String, second: String) {
        let text = steer("\(overflow)\n\(first)") + steer("\(overflow)\n\(second)", name: "t")
        #expect(
            message(minimalWithPaths + text)
                == "f:16: steer.t: can never apply, since \"s\" before it takes all its connections; "
                + "put it before \"s\", or narrow \"s\"")
    }

    @Test(
        arguments: [
            ("clients = ['10.0.0.0/8']", ""), ("servers = ['10.1.0.0/16']", "servers = ['10.0.0.0/8']"),
            ("ports = ['80-90']", "ports = ['85-91']"), ("clients = ['0.0.0.0/0']", "clients = ['::/0']"),
        ] as [(String, String)])
    func notShadowed(first: String, second: String) {
        #expect(
            message(minimalWithPaths + steer("\(overflow)\n\(first)") + steer("\(overflow)\n\(second)", name: "t"))
                == nil)
    }

    @Test func names() {
        let mend = "give a name of 1 to 32 letters, digits, _, . and -, beginning with a letter or digit"
        #expect(message(minimalWithPaths + "[[steer]]\n\(overflow)") == "f:10: steer.name: missing; \(mend)")
        #expect(
            message(minimalWithPaths + steer(overflow, name: "-"))
                == "f:11: steer.-.name: \"-\" can't be a rule's name; \(mend)")
        #expect(
            message(minimalWithPaths + steer(overflow + "\nports = [80]") + steer(overflow))
                == "f:17: steer.s.name: an earlier rule has this name as well; give each rule a name of its own")
        #expect(
            message(minimalWithPaths + steer(overflow) + rule("download = '1mbit'", name: "s"))
                == "f:11: steer.s.name: a [[throttle]] has this name as well; give each rule a name of its own")
        // A path is another thing.
        #expect(message(minimalWithPaths + steer(overflow, name: "wired")) == nil)
    }

    @Test func atMost64Rules() {
        let rules = { (count: Int) in
            (1...count).map { steer("\(overflow)\nports = [\($0)]", name: "r\($0)") }.joined()
        }
        #expect(message(minimalWithPaths + rules(64)) == nil)
        #expect(
            message(minimalWithPaths + rules(66))
                == "f:394: steer.r65: more than 64 rules; remove some, or make one of several")
    }

    @Test func unknownKeys() {
        #expect(wrong("\(overflow)\nmax_rrt = 1") == "f:15: steer.s.max_rrt: unknown key; did you mean max_rtt?")
        #expect(wrong("\(overflow)\ncost = 1") == "f:15: steer.s.cost: unknown key; it belongs in [[path]]")
    }

    @Test func weightsTakeInterfaces() {
        let paths = path("interface = 'w'", name: "wired") + path("clients = ['10.0.0.0/8']", name: "tunnel")
        let weights = "mode = 'load-balancing'\nweights = { wired = 70, tunnel = 30 }"
        #expect(
            message(minimal + paths + steer(weights))?.contains(
                "weights: \"tunnel\" is a path of client addresses, whose traffic can't be weighed; "
                    + "name paths with an interface each") == true)
    }
}
