import Settings
import Testing
import Wire

/// The shortest text that is right and has paths: of the interfaces `w` and `m`, on the lines 2 to 9.
let minimalWithPaths = minimal + path("interface = 'w'\n", name: "wired") + path("interface = 'm'\n", name: "mobile")

/// The text of a steering rule with these lines, which begin with its third.
func steer(_ lines: String, name: String = "s") -> String { "[[steer]]\nname = '\(name)'\n\(lines)\n" }

/// A rule's lines that are right.
let overflow = "mode = 'priority-based'\nhigh = 'wired'\nlow = 'mobile'"

@Suite struct SteerKeysTests {
    private func read(_ lines: String) throws -> Settings.Steer {
        try #require(Settings.parse(minimalWithPaths + steer(lines), file: "t").steers.first)
    }

    @Test(
        arguments: [
            (
                "mode = 'active-standby'\nactive = 'wired'\nstandby = 'mobile'",
                .activeStandby(active: "wired", standby: "mobile", noStandby: false)
            ),
            (
                "mode = 'active-standby'\nactive = 'mobile'\nstandby = 'wired'\nno_standby = true",
                .activeStandby(active: "mobile", standby: "wired", noStandby: true)
            ),
            (overflow, .priorityBased(high: "wired", low: "mobile")),
            (
                "mode = 'smallest-delay'\npaths = ['wired', 'mobile']",
                .smallestDelay(paths: ["wired", "mobile"], margin: .milliseconds(10))
            ),
            (
                "mode = 'smallest-delay'\npaths = ['mobile', 'wired']\nmargin = '10s'",
                .smallestDelay(paths: ["mobile", "wired"], margin: .seconds(10))
            ),
            (
                "mode = 'smallest-delay'\npaths = ['mobile', 'wired']\nmargin = 0",
                .smallestDelay(paths: ["mobile", "wired"], margin: .zero)
            ),
            (
                "mode = 'load-balancing'\nweights = { wired = 70, mobile = 30 }",
                .loadBalancing(weights: ["wired": 70, "mobile": 30])
            ),
            (
                "mode = 'load-balancing'\nweights.wired = 100\nweights.mobile = 0",
                .loadBalancing(weights: ["wired": 100, "mobile": 0])
            ),
            (
                "mode = 'load-balancing'\n[steer.weights]\nwired = 1\nmobile = 99",
                .loadBalancing(weights: ["wired": 1, "mobile": 99])
            ),
        ] as [(String, Settings.Steer.Mode)])
    func modes(lines: String, mode: Settings.Steer.Mode) throws {
        #expect(try read(lines) == .init(name: "s", mode: mode))
    }

    @Test func everyOtherKeyReachesItsField() throws {
        let rule = try read(
            """
            \(overflow)
            clients = ["10.1.0.0/16"]
            servers = ["2001:db8::/32"]
            ports = [80, "8000-8999"]
            max_rtt = "150ms"
            max_loss = "2.5%"
            min_hold = "1min"
            """)
        #expect(
            rule
                == .init(
                    name: "s", mode: .priorityBased(high: "wired", low: "mobile"), clients: [IPPrefix("10.1.0.0/16")!],
                    servers: [IPPrefix("2001:db8::/32")!], ports: [80...80, 8000...8999], maxRTT: .milliseconds(150),
                    maxLoss: 0.025, minHold: .seconds(60)))
    }

    @Test func defaults() throws {
        let rule = try read(overflow)
        #expect(rule.clients == Settings.Intercept.allAddresses)
        #expect(rule.servers == Settings.Intercept.allAddresses)
        #expect(rule.ports == [1...65535])
        #expect(rule.maxRTT == nil)
        #expect(rule.maxLoss == nil)
        #expect(rule.minHold == .seconds(5))
        #expect(try Settings.parse(minimal, file: "t").steers == [])
    }

    @Test func limits() throws {
        let least = try read(overflow + "\nmax_rtt = '1ms'\nmax_loss = '0.1%'\nmin_hold = '500ms'")
        #expect([least.maxRTT, least.minHold] == [.milliseconds(1), .milliseconds(500)])
        #expect(least.maxLoss == 0.001)
        let most = try read(overflow + "\nmax_rtt = '1min'\nmax_loss = '100%'\nmin_hold = '1h'")
        #expect([most.maxRTT, most.minHold] == [.seconds(60), .seconds(3600)])
        #expect(most.maxLoss == 1)
        #expect(try read(overflow + "\nmax_loss = '2%'").maxLoss == 0.02)
    }

    /// Paths may stand below the rules that name them.
    @Test func rulesKeepTheirOrder() throws {
        let text =
            minimal + steer(overflow + "\nports = [80]", name: "b") + steer(overflow, name: "a")
            + path("interface = 'w'", name: "wired") + path("interface = 'm'", name: "mobile")
        #expect(try Settings.parse(text, file: "t").steers.map(\.name) == ["b", "a"])
    }
}
