import Firewall
import LinuxSystem
import Settings
import SystemPackage
import Testing
import TrafficControl

@testable import Middlebox

/// What `sluice check` makes of `[[throttle]]`, as CheckTests does of the rest.
@Suite struct CheckThrottlesTests {
    private static let shaping = Settings.Throttle(
        name: "wired", interfaces: ["lan0"], download: BitRate(bitsPerSecond: 10_000_000))
    private static let steering = Settings.Throttle(name: "steered", interfaces: ["lan0"], action: .backup)

    private func findings(
        _ throttles: [Settings.Throttle], inspect: Settings.Intercept.Inspect = .converted,
        _ change: (inout MachineFacts) -> Void = { _ in }
    ) -> [Finding] {
        var settings = CheckTests.settings
        settings.throttles = throttles
        settings.intercept.inspect = inspect
        var facts = CheckTests.good
        facts.interfaces["lan1"] = .init(isUp: true, reversePathFilter: 0)
        change(&facts)
        return facts.findings(for: settings)
    }

    @Test func aGoodMachineHasNoFindings() {
        #expect(findings([Self.shaping, Self.steering]) == [])
    }

    @Test func interfaces() {
        var rule = Self.shaping
        rule.interfaces = ["lan0", "lan7"]
        let missing = findings([rule, Self.steering])
        expectOne(missing, .warning, .throttles, "[[throttle]] wired: there is no lan7", mend: "ip -br link")
        let known = findings([Self.shaping]) { $0.interfaces["lan0"] = nil }
        expectOne(known, .warning, .interfaces, "there is no lan0", mend: "ip -br link")
    }

    @Test func whereOnlyJoinsComeIn() {
        var rules = [Self.shaping, Self.steering]
        for index in rules.indices { rules[index].interfaces = ["lan1", "lan0"] }
        expectOne(
            findings(rules), .note, .throttles, "[[throttle]] wired, steered: lan1 is not in [intercept]")
        #expect(findings(rules, inspect: .all) == [])
    }

    @Test func othersQdiscs() {
        let error = TrafficControlError("lan0 has qdisc fq 1: of somebody else's", mend: "set take_over = true")
        let occupied = findings([Self.shaping, Self.steering]) {
            $0.throttling.obstacles = [.init(interface: "lan0", direction: .download): error]
        }
        expectOne(
            occupied, .error, .trafficControl, "[[throttle]] wired: lan0 has qdisc fq 1: of somebody else's",
            mend: "set take_over = true")
    }

    /// The device is one for all interfaces, and so is the finding.
    @Test func theDevicesNameIsTaken() {
        var rule = Self.shaping
        rule.interfaces = ["lan0", "wifi0"]
        rule.upload = BitRate(bitsPerSecond: 5_000_000)
        let error = TrafficControlError("there is an interface sluice1 already", mend: "rename it")
        let taken = findings([rule]) {
            for interface in rule.interfaces {
                $0.throttling.obstacles[.init(interface: interface, direction: .upload)] = error
            }
        }
        expectOne(
            taken, .error, .trafficControl, "[[throttle]] wired: there is an interface sluice1 already",
            mend: "rename it")
    }

    @Test func shapingIsTriedOut() {
        let lacking = findings([Self.shaping]) {
            $0.throttling.shapingError = TrafficControlError(
                "can't make qdisc htb 7700: on lo", mend: "the kernel lacks it: modprobe sch_htb")
        }
        expectOne(lacking, .error, .trafficControl, "can't make qdisc htb 7700:", mend: "modprobe sch_htb")
        let refused = SystemError("make a network namespace", .notPermitted)
        let untried = findings([Self.shaping]) {
            $0.capabilities.remove(.sysAdmin)
            $0.throttling.untried = refused
        }
        expectOne(
            untried, .warning, .trafficControl, "could not be tried out: that takes CAP_SYS_ADMIN", mend: "as root")
        let confined = findings([Self.shaping]) { $0.throttling.untried = refused }
        expectOne(confined, .warning, .trafficControl, "make a network namespace: Operation not", mend: "as root")
        let unprivileged = findings([Self.shaping]) {
            $0.capabilities.subtract([.sysAdmin, .netAdmin])
            $0.throttling.untried = refused
        }
        let halfPrivileged = findings([Self.shaping]) {
            $0.capabilities.remove(.netAdmin)
            $0.throttling.shapingError = TrafficControlError("can't make qdisc htb 7700: on lo", mend: "run as root")
        }
        expectOne(halfPrivileged, .error, .capabilities, "CAP_NET_ADMIN", mend: "AmbientCapabilities=CAP_NET_ADMIN")
        expectOne(unprivileged, .error, .capabilities, "CAP_NET_ADMIN", mend: "AmbientCapabilities=CAP_NET_ADMIN")
    }

    @Test func steering() {
        let old = findings([Self.steering]) { $0.throttling.pathManager = nil }
        expectOne(
            old, .error, .throttles, "[[throttle]] steered: Linux 7.3.1-amd64 has no path managers in user space",
            mend: "run Linux 6.5 or newer")
        let refused = findings([Self.steering]) {
            $0.throttling.steeringError = SystemError("join mptcp_pm_events", .noSuchFileOrDirectory)
        }
        expectOne(refused, .error, .throttles, "join mptcp_pm_events: No such file", mend: "RestrictAddressFamilies=")
        let unprivileged = findings([Self.steering]) {
            $0.capabilities.remove(.netAdmin)
            $0.throttling.steeringError = SystemError("join mptcp_pm_events", .notPermitted)
        }
        expectOne(unprivileged, .error, .capabilities, "CAP_NET_ADMIN", mend: "AmbientCapabilities=CAP_NET_ADMIN")
        let without = findings([Self.steering]) {
            $0.multipathEnabled = nil
            $0.throttling.pathManager = nil
        }
        expectOne(without, .error, .mptcp, "built without MPTCP", mend: "CONFIG_MPTCP=y")
    }

    @Test func anotherPathManager() {
        let other = findings([Self.steering]) { $0.throttling.pathManager = "1" }
        expectOne(other, .note, .throttles, "net.mptcp.pm_type is 1 already")
        let own = findings([Self.steering]) {
            $0.throttling.pathManager = "1"
            $0.throttling.holdsPathManager = true
        }
        #expect(own == [])
    }

    @Test func theTargetOfShapingIsAmongTheModulesOfTheRules() {
        let error = FirewallError(
            command: "iptables-nft-restore", message: "line 9: RULE_APPEND failed (No such file or directory)",
            line: "-A SLUICE_CLASS_0 -j CLASSIFY")
        expectOne(
            findings([Self.shaping]) { $0.rulesError = error }, .error, .rules, "-j CLASSIFY", mend: "xt_CLASSIFY")
    }
}
