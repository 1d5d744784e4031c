import Admin
import Lab
import LinuxSystem
import Testing

extension SteerTests {
    /// What is wrong with a file, on which line, and what is said of it.
    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let line: Int
        let complaint: String
        let settings: String

        init(_ name: String, line: Int, _ complaint: String, _ settings: String) {
            (testDescription, self.line, self.complaint, self.settings) = (name, line, complaint, settings)
        }
    }

    /// The paths begin on the lines 4 and 8, the rule on line 12.
    static let faults = [
        Fault(
            "an undeclared path", line: 17, "steer.rule.low: there is no [[path]] \"moblie\"",
            overflow.replacing("low = \"mobile\"", with: "low = \"moblie\"")),
        Fault(
            "weights that don't add up", line: 16,
            "steer.rule.weights: they add up to 110; give percentages that add up to 100",
            paths + rule("mode = \"load-balancing\"\nweights = { wired = 70, mobile = 40 }")),
        Fault(
            "a capacity of 0", line: 11, "path.mobile.capacity: \"0mbit\" is no capacity; leave it out",
            overflow.replacing("30mbit", with: "0mbit")),
        Fault(
            "a wrong key of a rule", line: 14, "steer.rule.min_held: unknown key; did you mean min_hold?",
            overflow.replacing("min_hold", with: "min_held")),
        Fault(
            "a wrong key of a path", line: 10, "path.mobile.interfaces: unknown key",
            overflow.replacing("interface = \"slow\"", with: "interfaces = \"slow\"")),
        Fault(
            "a volume of 0", line: 11, "path.mobile.client_cap: \"0B/day\" would let it carry nothing; leave it out",
            overflow.replacing("capacity = \"30mbit\"", with: "client_cap = \"0B/day\"")),
        Fault(
            "an interface of two paths", line: 10, "path.mobile.interface: fast is that of \"wired\" as well",
            overflow.replacing("\"slow\"", with: "\"fast\"")),
        // All that stands before it were right, and is applied as little.
        Fault(
            "a wrong rule behind right ones", line: 22, "steer.other.mode: missing",
            paths.replacing("90mbit", with: "50mbit")
                + rule("mode = \"active-standby\"\nactive = \"mobile\"\nstandby = \"wired\"")
                + "[[throttle]]\nname = \"new\"\ninterface = \"fast\"\ndownload = \"1mbit\"\n"
                + "[[steer]]\nname = \"other\"\n"),
    ]

    @Test("a wrong file is refused with the line, and nothing of it is applied") func wrongFilesChangeNothing()
        async throws
    {
        try await Lab.with(Self.network(wanted: .mbit(20))) { lab in
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + Self.overflow)
            try await lab.serve()
            async let report = lab.fetch(plan(lab, 20_000_000))
            try await lab.waitForSubflows(2, sluice)
            for fault in Self.faults {
                let complaint = "\(sluice.configurationPath):\(fault.line): \(fault.complaint)"
                try await lab.reload(
                    sluice, lab.sluiceDefaults + fault.settings, until: "the settings stay as they were")
                #expect(sluice.log.contains(complaint), "\(fault.testDescription): \(sluice.log.suffix(500))")
                // `sluice check` says the same.
                let check = try await sluice.command("check", "--config", sluice.configurationPath)
                #expect(check.status == .exited(78), "\(fault.testDescription)")
                #expect(check.errors.contains(complaint), "\(check.errors)")
                let paths = try await sluice.paths()
                #expect(paths.rules.map(\.mode) == ["priority-based"])
                #expect(paths.rules.map(\.paths) == [["wired", "mobile"]])
                #expect(paths.paths.map(\.download.capacity) == [90_000_000, 30_000_000])
                #expect(paths.paths.map { $0.uses.map(\.rule) } == [["rule"], ["rule"]])
                #expect(try await sluice.throttles().isEmpty)
            }
            #expect(try await report.failures == [:])
        }
    }

    @Test("a path whose interface isn't there is down, and waited for") func aMissingInterface() async throws {
        try await Lab.with(Self.network(wanted: .mbit(20))) { lab in
            let settings =
                lab.sluiceDefaults + Self.reserve.replacing("interface = \"fast\"", with: "interface = \"lte0\"")
            let sluice = try await lab.startSluice(configuration: settings)
            let check = try await sluice.command("check", "--config", sluice.configurationPath)
            #expect(
                check.output.contains(
                    "warning: [[path]] wired: there is no lte0, so that the path is down; `ip -br link` "))
            try await lab.wait(for: "the other path to be used") {
                try await sluice.paths().paths.map { $0.uses.map(\.use) } == [["standby"], ["active"]]
            }
            let path = try await sluice.paths().paths[0]
            #expect(path.state == "down" && path.reason == "its interface is down")
            try await lab.require(in: .box, ["ip", "link", "add", "lte0", "type", "veth", "peer", "name", "lte1"])
            for name in ["lte0", "lte1"] { try await lab.require(in: .box, ["ip", "link", "set", name, "up"]) }
            try await lab.wait(for: "the path to be used once it is there") {
                try await sluice.paths().paths.map { $0.uses.map(\.use) } == [["active"], ["standby"]]
            }
        }
    }
}
