import Steering
import Testing
import Wire

/// What is wanted of the subflows of a client that has used up its own volume.
@Suite("clients that have used up their volume") struct ClientCapTests {
    static let wired = PlannerTests.tuple("10.1.0.2")
    static let mobile = PlannerTests.tuple("10.2.0.2")
    static let reserve = SteerRule.Mode.activeStandby(active: "wired", standby: "mobile", noStandby: false)
    static let radioSilence = SteerRule.Mode.activeStandby(active: "wired", standby: "mobile", noStandby: true)
    static let overflow = SteerRule.Mode.priorityBased(high: "wired", low: "mobile")
    static let quickest = SteerRule.Mode.smallestDelay(["wired", "mobile"], margin: 10_000)
    static let balanced = PlannerTests.balanced
    static let spare = SteerRule.Mode.loadBalancing(["wired": 100, "mobile": 0])

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var mode: SteerRule.Mode
        var roles: [String: PathRole]
        var spent: Set<String>
        var fit: Set<String> = ["wired", "mobile"]
        /// Whose subflows data may take; the others are backups.
        var active: Set<String>

        init(
            _ name: String, _ mode: SteerRule.Mode, _ roles: [String: PathRole], spent: Set<String>,
            fit: Set<String> = ["wired", "mobile"], active: Set<String>
        ) {
            (testDescription, self.mode, self.roles) = (name, mode, roles)
            (self.spent, self.fit, self.active) = (spent, fit, active)
        }
    }

    static let rows = [
        Row("nothing is used up", overflow, PlannerTests.normal, spent: [], active: ["wired"]),
        Row("a path that the rule doesn't name", overflow, PlannerTests.normal, spent: ["radio"], active: ["wired"]),
        Row("the standby path's", reserve, PlannerTests.normal, spent: ["mobile"], active: ["wired"]),
        Row("the active path's", reserve, PlannerTests.normal, spent: ["wired"], active: ["mobile"]),
        Row("the low path's while it is closed", overflow, PlannerTests.normal, spent: ["mobile"], active: ["wired"]),
        Row("the low path's while it is open", overflow, PlannerTests.both, spent: ["mobile"], active: ["wired"]),
        Row(
            "the high path's while the low one is closed", overflow, PlannerTests.normal, spent: ["wired"],
            active: ["mobile"]),
        Row(
            "the high path's while the low one is open", overflow, PlannerTests.both, spent: ["wired"],
            active: ["mobile"]),
        Row("the quicker path's", quickest, PlannerTests.normal, spent: ["wired"], active: ["mobile"]),
        Row("one of two quick ones", quickest, PlannerTests.both, spent: ["wired"], active: ["mobile"]),
        Row("of a path with weight", balanced, PlannerTests.both, spent: ["mobile"], active: ["wired"]),
        Row("of all with weight but 0", spare, PlannerTests.normal, spent: ["wired"], active: ["mobile"]),
        Row("of a path of weight 0", spare, PlannerTests.both, spent: ["mobile"], active: ["wired"]),
        // As for all: a path that isn't fit is no better.
        Row("of all paths", overflow, PlannerTests.normal, spent: ["wired", "mobile"], active: ["wired"]),
        Row("the other is down", reserve, PlannerTests.normal, spent: ["wired"], fit: ["wired"], active: ["wired"]),
        Row(
            "the other is unfit", balanced, PlannerTests.both, spent: ["wired"], fit: ["wired"],
            active: ["wired", "mobile"]),
        Row(
            "the path itself is down", reserve, PlannerTests.swapped, spent: ["wired"], fit: ["mobile"],
            active: ["mobile"]),
        Row(
            "that of the standby path, which has to do", reserve, PlannerTests.swapped, spent: ["mobile"],
            fit: ["mobile"], active: ["mobile"]),
        Row("clients may not even join", radioSilence, PlannerTests.refusing, spent: ["wired"], active: ["mobile"]),
    ]

    private static func treatments(_ row: Row, probes: Set<FourTuple> = []) -> [FourTuple: Treatment] {
        let steering = Planner.Steering(
            rule: SteerRule(name: "steer", mode: row.mode), roles: row.roles, probes: probes, fit: row.fit)
        let subflows = [(wired, "eth0"), (mobile, "wwan0")].map { tuple, interface in
            ThrottledSubflow(tuple: tuple, interface: interface, asksForBackup: false, addressID: nil)
        }
        return Planner(paths: PlannerTests.paths, steering: [steering]).treatments(
            of: subflows, ThrottleCircumstances(subflows: 2, connectionBytes: 0, clientBytes: 0, minute: 0),
            first: wired, isForwarded: false, spent: row.spent)
    }

    @Test("its connections use other paths, if one is fit", arguments: rows) func spares(row: Row) {
        let treatments = Self.treatments(row)
        for (tuple, path) in [(Self.wired, "wired"), (Self.mobile, "mobile")] {
            let treatment = treatments[tuple] ?? .none
            #expect((treatment.standby == nil && treatment.refused == nil) == row.active.contains(path), "\(path)")
        }
    }

    @Test("a single path in use isn't weighed") func isNotWeighed() {
        let row = Row("", Self.balanced, PlannerTests.limited, spent: ["mobile"], active: ["wired"])
        #expect(Self.treatments(row).values.allSatisfy { $0.shaping == nil })
        var other = row
        other.spent = []
        #expect(Self.treatments(other).values.allSatisfy { $0.shaping != nil })
    }

    @Test("its volume isn't spent on trials") func isNotProbed() {
        let row = Row("", Self.quickest, PlannerTests.normal, spent: ["mobile"], active: ["wired"])
        #expect(Self.treatments(row, probes: [Self.mobile])[Self.mobile]?.standby == "steer")
        var other = row
        other.spent = []
        #expect(Self.treatments(other, probes: [Self.mobile])[Self.mobile] == nil)
    }

    @Test("connections that go end to end are left alone") func isForwarded() {
        let steering = Planner.Steering(
            rule: SteerRule(name: "steer", mode: Self.reserve), roles: PlannerTests.normal)
        let treatments = Planner(paths: PlannerTests.paths, steering: [steering]).treatments(
            of: [ThrottledSubflow(tuple: Self.wired, interface: "eth0", asksForBackup: false, addressID: nil)],
            ThrottleCircumstances(subflows: 1, connectionBytes: 0, clientBytes: 0, minute: 0), first: Self.wired,
            isForwarded: true, spent: ["wired"])
        #expect(treatments.isEmpty)
    }

    // MARK: which paths are fit

    @Test(
        "a controller says which of its paths are fit",
        arguments: [
            (PathState.fit, true), (.congested, true), (.unfit, false), (.down, false),
        ])
    func fits(state: PathState, isFit: Bool) {
        var controller = SteerController(SteerRule(name: "steer", mode: Self.overflow))
        #expect(controller.fit == ["wired", "mobile"])
        _ = controller.decide(["wired": PathCondition(state: .fit), "mobile": PathCondition(state: state)], at: 0)
        #expect(controller.fit == (isFit ? ["wired", "mobile"] : ["wired"]))
    }

    @Test("a path beyond the rule's own limits isn't") func limits() {
        var controller = SteerController(
            SteerRule(name: "steer", mode: Self.overflow, limits: PathLimits(roundTripTime: 100_000)))
        var slow = PathCondition(state: .fit)
        slow.figures.roundTripTime = 200_000
        for time in 0..<10 as Range<UInt64> {
            _ = controller.decide(["wired": PathCondition(state: .fit), "mobile": slow], at: time * 100_000_000)
        }
        #expect(controller.fit == ["wired"])
    }
}
