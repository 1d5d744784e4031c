import Settings
import Testing

/// Throttles with `when`.
@Suite struct ConditionTests {
    /// The rule's third line is 12.
    private func wrong(_ lines: String) -> String? { message(minimalWithPaths + rule(lines)) }

    private func read(_ lines: String) throws -> Settings.Throttle.Condition? {
        let settings = try Settings.parse(minimalWithPaths + rule("download = '1mbit'\n" + lines), file: "t")
        return try #require(settings.throttles.first).condition
    }

    @Test func everyKeyReachesItsField() throws {
        #expect(try read("") == nil)
        #expect(try read("when = 'congested'") == .init(path: nil, maxRTT: nil, maxLoss: nil, minHold: .seconds(5)))
        let lines = "when = 'congested'\npath = 'wired'\nmax_rtt = '150ms'\nmax_loss = '2.5%'\nmin_hold = '500ms'"
        #expect(
            try read(lines)
                == .init(path: "wired", maxRTT: .milliseconds(150), maxLoss: 0.025, minHold: .milliseconds(500)))
    }

    /// The name of the path is for those who use the settings to find.
    @Test func withoutAPathItIsThatOfTheInterface() throws {
        #expect(try read("when = 'congested'\ninterface = 'w'")?.path == nil)
        #expect(try read("when = 'congested'\ninterface = ['elsewhere']")?.path == nil)
        #expect(try read("when = 'congested'\ninterface = ['w', 'm']\npath = 'mobile'")?.path == "mobile")
    }

    @Test(
        arguments: [
            ("when = 'idle'", "when: \"idle\" is unknown; give \"congested\", the only one that this version knows"),
            ("when = true", "when: true is a boolean; give \"congested\""),
            (
                "path = 'wird'\nwhen = 'congested'",
                "path: there is no [[path]] \"wird\", only \"wired\" and \"mobile\"; did you mean wired?"
            ),
            ("path = 5\nwhen = 'congested'", "path: 5 is an integer; give the name of a [[path]]"),
            ("max_rtt = '2min'\nwhen = 'congested'", "max_rtt: \"2min\" is out of range; give "),
            ("max_loss = '0%'\nwhen = 'congested'", "max_loss: \"0%\" is out of range; give "),
            ("min_hold = '1ms'\nwhen = 'congested'", "min_hold: \"1ms\" is out of range; give "),
            ("path = 'wired'", "path: without when; give when = \"congested\", too, or remove it"),
            ("max_rtt = '1s'", "max_rtt: without when; give when = \"congested\", too, or remove it"),
            ("max_loss = '1%'", "max_loss: without when; give when = \"congested\", too, or remove it"),
            ("min_hold = '1s'", "min_hold: without when; give when = \"congested\", too, or remove it"),
            (
                "when = 'congested'\ninterface = ['w', 'm']",
                "when: without path, and the rule has 2 interfaces; give path, or one interface"
            ),
            (
                "when = 'congested'\ninterface = 'wired'",
                "when: without path, and the [[path]] \"wired\" is not that of the interface wired; give path, "
                    + "or another name to that [[path]]"
            ),
        ] as [(String, String)])
    func refused(lines: String, expected: String) {
        let text = wrong(lines + "\ndownload = '1mbit'")
        #expect(text?.hasPrefix("f:12: throttle.a.\(expected)") == true, "\(text ?? "taken")")
        #expect(text?.contains("\n") == false)
    }

    @Test func theInterfacesOfTheFileCountAsWell() {
        let text = "intercept.interfaces = ['x', 'y']\n" + rule("when = 'congested'\ndownload = '1mbit'")
        #expect(
            message(text)
                == "f:4: throttle.a.when: without path, and the rule has 2 interfaces; give path, or one interface")
        // One mistake, one finding.
        #expect(
            wrong("when = 'congested'\ninterface = ['a', '']\ndownload = '1mbit'")?.contains("\n") == false)
    }

    @Test func alsoWithBackup() {
        let text = minimalWithPaths + rule("when = 'congested'\naction = 'backup'\npath = 'wired'\nmax_rtt = '1s'")
        #expect(message(text) == nil)
        for key in ["path = 'wired'", "max_rtt = '1s'"] {
            #expect(
                wrong("action = 'backup'\n\(key)")?.hasSuffix(
                    ": without when; give when = \"congested\", too, or remove it")
                    == true)
        }
        #expect(
            wrong("when = 'congested'\naction = 'backup'\ninterface = ['w', 'm']")
                == "f:12: throttle.a.when: without path, and the rule has 2 interfaces; give path, or one interface")
        let condition = Settings.Throttle(name: "a", interfaces: ["x"], condition: .init(), action: .backup)
        #expect(Settings.conflicts(among: [condition]) == nil)
    }

    @Test func conditionsAmongRules() {
        let shape = "download = '1mbit'\n"
        let when = shape + "when = 'congested'\n"
        let conflict = { (first: String, second: String) in
            message(minimalWithPaths + rule(first) + rule(second, name: "b"))
        }
        #expect(conflict(when, shape) == nil)
        #expect(conflict(when + "path = 'wired'", when + "path = 'mobile'") == nil)
        #expect(conflict(when + "max_rtt = '1s'", when) == nil)
        for pair in [(shape, when), (when, when)] {
            #expect(conflict(pair.0, pair.1)?.contains("throttle.b: can never apply, since \"a\" before") == true)
        }
    }

    // MARK: - As a JSON object

    private let settings = Settings(
        intercept: .init(interfaces: ["lan0", "wifi0"]),
        paths: [.init(name: "wired", interface: "w"), .init(name: "mobile", interface: "m")],
        steers: [.init(name: "overflow", mode: .priorityBased(high: "wired", low: "mobile"))])

    private func refusal(_ json: String) -> String? {
        do {
            _ = try settings.throttle(json: Array(json.utf8))
            return nil
        } catch {
            return error.description
        }
    }

    @Test func requests() throws {
        let json = """
            {"name": "a", "when": "congested", "path": "wired", "max_rtt": "150ms", "max_loss": "2%", "min_hold": "1s",
             "download": "1mbit"}
            """
        let rule = try settings.throttle(json: Array(json.utf8))
        #expect(
            rule.condition
                == .init(path: "wired", maxRTT: .milliseconds(150), maxLoss: 0.02, minHold: .seconds(1)))
    }

    @Test(
        arguments: [
            (
                #"{"name": "a", "when": "congested", "path": "wird", "upload": "1mbit"}"#,
                "throttle.a.path: there is no [[path]] \"wird\", only \"wired\" and \"mobile\"; did you mean wired?"
            ),
            (
                #"{"name": "a", "when": "congested", "upload": "1mbit"}"#,
                "throttle.a.when: without path, and the rule has 2 interfaces; give path, or one interface"
            ),
            (
                #"{"name": "a", "max_rtt": "1s", "upload": "1mbit"}"#,
                "throttle.a.max_rtt: without when; give when = \"congested\", too, or remove it"
            ),
            (
                #"{"name": "a", "when": {"x": 1}, "upload": "1mbit"}"#,
                "throttle.a.when: a table is not expected here; give \"congested\", the only one that this version knows"
            ),
            (
                #"{"name": "overflow", "upload": "1mbit"}"#,
                "throttle.overflow.name: a [[steer]] has this name as well; give each rule a name of its own"
            ),
        ] as [(String, String)])
    func refusedRequests(json: String, expected: String) {
        #expect(refusal(json) == "request: \(expected)")
    }

    @Test func aPathOfClientsHasNoOthers() {
        let paths = path("clients = ['10.0.0.0/8']", name: "tunnel")
        let condition = "download = '1mbit'\nwhen = 'congested'\npath = 'tunnel'"
        #expect(
            message(minimal + paths + rule(condition))?.contains(
                "path: \"tunnel\" is a path of client addresses, of which other traffic isn't known; "
                    + "name a path with an interface") == true)
    }
}
