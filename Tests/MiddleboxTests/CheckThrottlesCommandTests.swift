import Glibc
import Testing

/// `sluice check` with `[[throttle]]` in the file, as in CheckCommandTests.
@Suite(.enabled(if: geteuid() == 0, "needs root: makes network namespaces"), .timeLimit(.minutes(5)))
struct CheckThrottlesCommandTests {
    private static func rule(_ name: String, _ lines: String...) -> String {
        (["[[throttle]]", "name = \"\(name)\""] + lines).joined(separator: "\n") + "\n"
    }

    private static let shaping = rule(
        "wired", "interface = \"lan0\"", "min_subflows = 2", "download = \"10mbit\"", "upload = \"5mbit\"")
    private static let takingOver = shaping + "take_over = true\n"
    private static let steering = rule("steered", "interface = \"wifi0\"", "action = \"backup\"")

    private static let paths = """
        [[path]]
        name = "wired"
        interface = "lan0"
        cap = "1GB/day"
        client_cap = "10MB/day"
        [[path]]
        name = "mobile"
        interface = "lte0"
        [[steer]]
        name = "overflow"
        mode = "priority-based"
        high = "wired"
        low = "mobile"

        """

    /// Settings, what was done to the machine, the beginnings of all lines, and the exit code; nothing is left behind.
    struct Case: Sendable, CustomStringConvertible {
        let description: String
        let settings: String
        var commands: [[String]] = []
        var lines: [String] = []
        var status: Int32 = 0
    }

    static let foreign = words("tc qdisc add dev lan0 root handle 5: pfifo limit 77")

    private static func words(_ command: String) -> [String] { command.split(separator: " ").map(String.init) }

    static let cases = [
        Case(description: "a good machine", settings: shaping + steering, lines: ["checked: "]),
        Case(
            description: "somebody else's qdisc", settings: shaping,
            commands: [foreign],
            lines: ["error: [[throttle]] wired: lan0 has qdisc pfifo 5: of somebody else's; set take_over = true "],
            status: 1),
        Case(
            description: "somebody else's qdisc, to be taken over", settings: takingOver,
            commands: [foreign], lines: ["checked: "]),
        Case(
            description: "somebody else's qdisc that can't be put back", settings: takingOver,
            commands: [
                words("tc qdisc add dev lan0 root handle 5: htb"),
                words("tc class add dev lan0 parent 5: classid 5:1 htb rate 5mbit"),
                words("tc filter add dev lan0 parent 5: protocol ip pref 4 bpf bytecode") + ["1,6 0 0 4294967295,"]
                    + words("flowid 5:1"),
            ],
            lines: ["error: [[throttle]] wired: lan0 has qdisc htb 5:, which could not be put back: "], status: 1),
        Case(
            description: "no such interface",
            settings: rule("late", "interface = [\"lan0\", \"lan7\"]", "download = \"1mbit\""),
            lines: ["warning: [[throttle]] late: there is no lan7, "]),
        Case(
            description: "only joins", settings: rule("joins", "interface = \"lan1\"", "upload = \"1mbit\""),
            lines: ["note: [[throttle]] joins: lan1 is not in [intercept] interfaces: "]),
        Case(
            description: "a path whose interface isn't there", settings: paths,
            lines: ["warning: [[path]] mobile: there is no lte0, so that the path is down; `ip -br link` lists "]),
        Case(
            description: "the IFB device's name is taken",
            settings: rule("all", "upload = \"1mbit\""),
            commands: [words("ip link set wifi1 name sluice1")],
            lines: ["error: [[throttle]] all: there is an interface sluice1 already; "], status: 1),
        Case(
            description: "another path manager", settings: steering,
            commands: [words("sysctl -qw net.mptcp.pm_type=1")],
            lines: ["note: [[throttle]] steered: net.mptcp.pm_type is 1 already, "]),
    ]

    @Test(arguments: cases)
    func theCaseHasItsLines(_ sample: Case) async throws {
        try await Machine.run(adding: sample.settings) { machine in
            for command in sample.commands { try await machine.tool(command) }
            let before = try await machine.state()
            let outcome = try await machine.check()
            let lines = outcome.text.split(separator: "\n")
            #expect(lines.count == sample.lines.count + 1, "\(outcome.text)")
            for (line, beginning) in zip(lines, sample.lines) { #expect(line.hasPrefix(beginning), "\(outcome.text)") }
            #expect(outcome.status == .exited(sample.status))
            #expect(try await machine.state() == before, "nothing is left behind")
        }
    }

    /// Its own qdiscs, IFB device and path manager are no fault.
    @Test func aRunningDaemon() async throws {
        try await Machine.run(adding: Self.takingOver + Self.steering) { machine in
            try await machine.tool(Self.foreign)
            try await machine.whileDaemonRuns {
                let before = try await machine.state()
                #expect(before.contains("qdisc htb 7700: dev lan0 root"), "\(before)")
                let outcome = try await machine.check()
                let lines = outcome.text.split(separator: "\n")
                #expect(lines.first?.hasPrefix("note: sluice ") == true, "\(outcome.text)")
                #expect(lines.count == 2, "\(outcome.text)")
                let changes = try await machine.state().split(separator: "\n").difference(
                    from: before.split(separator: "\n"))
                #expect(changes.isEmpty, "the daemon's are left alone")
            }
        }
    }
}
