import Steering
import Testing
import Wire

@Suite("what is wanted of a subflow") struct PlannerTests {
    // MARK: words of the rows

    static let wired = Path(name: "wired", selector: .interface("eth0"))
    static let mobile = Path(name: "mobile", selector: .interface("wwan0"))
    static let radio = Path(
        name: "radio", selector: .clients([IPPrefix("10.3.0.0/16")!, IPPrefix("2001:db8:3::/48")!]))
    static let paths = [wired, mobile, radio]

    static func tuple(_ client: String = "10.1.0.2", _ port: UInt16 = 4000, to server: String = "192.0.2.1:443")
        -> FourTuple
    {
        FourTuple(client: Endpoint(address: IPAddress(client)!, port: port), server: Endpoint(server)!)
    }

    static func shape(
        _ name: String = "slow", on interfaces: Set<String> = ["eth0"], clients: [String] = [], servers: [String] = [],
        ports: [ClosedRange<UInt16>] = [], backup: Bool? = nil, addressID: UInt8? = nil, minSubflows: Int = 2,
        quota: ThrottleRule.Quota? = nil, hours: [TimeWindow] = [], sharing: ThrottleRule.Sharing = .all,
        condition: ThrottleRule.Condition? = nil
    ) -> ThrottleRule {
        ThrottleRule(
            name: name, interfaces: interfaces, clients: clients.map { IPPrefix($0)! },
            servers: servers.map { IPPrefix($0)! }, ports: ports, backup: backup, addressID: addressID,
            minSubflows: minSubflows, quota: quota, hours: hours, action: .shape(rates, sharing), condition: condition)
    }

    static func backup(
        _ name: String = "spare", on interfaces: Set<String> = ["eth0"], ports: [ClosedRange<UInt16>] = [],
        minSubflows: Int = 2, condition: ThrottleRule.Condition? = nil
    ) -> ThrottleRule {
        ThrottleRule(
            name: name, interfaces: interfaces, ports: ports, minSubflows: minSubflows, action: .backup,
            condition: condition)
    }

    static func steer(
        _ roles: [String: PathRole], named name: String = "steer", mode: SteerRule.Mode? = nil, clients: [String] = [],
        servers: [String] = [], ports: [ClosedRange<UInt16>] = [], probes: Set<FourTuple> = []
    ) -> Planner.Steering {
        Planner.Steering(
            rule: SteerRule(
                name: name, mode: mode ?? .activeStandby(active: "wired", standby: "mobile", noStandby: false),
                clients: clients.map { IPPrefix($0)! }, servers: servers.map { IPPrefix($0)! }, ports: ports),
            roles: roles, probes: probes)
    }

    static let rates = ThrottleRule.Rates(download: 1_000_000, upload: nil)
    static let free = ThrottleRule.Rates(download: PathRole.unlimited, upload: PathRole.unlimited)
    static let balanced = SteerRule.Mode.loadBalancing(["wired": 70, "mobile": 30])
    static let normal = ["wired": PathRole(.active), "mobile": PathRole(.standby)]
    static let swapped = ["wired": PathRole(.standby), "mobile": PathRole(.active)]
    static let refusing = ["wired": PathRole(.active), "mobile": PathRole(.refused)]
    static let both = ["wired": PathRole(.active), "mobile": PathRole(.active)]
    static let limited = [
        "wired": PathRole(.active, limit: PathRates(download: 7_000_000, upload: 3_000_000)),
        "mobile": PathRole(.active, limit: PathRates(download: 3_000_000, upload: nil)),
    ]

    static func shaped(
        _ rule: String = "slow", on interface: String = "eth0", _ sharing: ThrottleRule.Sharing = .all,
        _ rates: ThrottleRule.Rates = rates, standby: String? = nil, refused: String? = nil
    ) -> Treatment {
        Treatment(
            shaping: Treatment.Shaping(rule: rule, interface: interface, sharing: sharing, rates: rates),
            standby: standby, refused: refused)
    }

    static let stood = Treatment(standby: "steer")

    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var throttles: [ThrottleRule]
        var steering: [Planner.Steering]
        var subflow = tuple()
        var interface: String? = "eth0"
        var asksForBackup = false
        var addressID: UInt8? = 1
        var subflows = 2
        var bytes: (connection: UInt64, client: UInt64) = (0, 0)
        var minute = 600
        var first: FourTuple?
        var isForwarded = false
        var paths = PlannerTests.paths
        var wanted: Treatment

        init(
            _ name: String, _ throttles: [ThrottleRule] = [], _ steering: [Planner.Steering] = [],
            is wanted: Treatment, _ change: (inout Row) -> Void = { _ in }
        ) {
            self.name = name
            self.throttles = throttles
            self.steering = steering
            self.wanted = wanted
            change(&self)
        }

        var testDescription: String { name }

        var treatment: Treatment {
            let asked = ThrottledSubflow(
                tuple: subflow, interface: interface, asksForBackup: asksForBackup, addressID: addressID)
            // By a way that no rule is about, or, for weights, by the other one.
            let isBalanced = steering.contains { if case .loadBalancing = $0.rule.mode { true } else { false } }
            let way = isBalanced ? (interface == "eth0" ? "wwan0" : "eth0") : "eth9"
            let other = ThrottledSubflow(
                tuple: tuple("10.9.0.8"), interface: way, asksForBackup: false, addressID: 0)
            let treatments = Planner(throttles: throttles, paths: paths, steering: steering).treatments(
                of: subflows < 2 ? [asked] : [asked, other],
                ThrottleCircumstances(
                    subflows: subflows, connectionBytes: bytes.connection, clientBytes: bytes.client, minute: minute),
                first: first ?? tuple("10.9.0.9"), isForwarded: isForwarded)
            return treatments[subflow] ?? .none
        }
    }

    /// On the mobile path.
    static func isMobile(_ row: inout Row) { (row.subflow, row.interface) = (tuple("10.2.0.2"), "wwan0") }

    // MARK: throttles

    static let throttling: [Row] = [
        Row("nothing is wanted without rules", is: .none),
        Row("a rule of its interface shapes it", [shape()], is: shaped()),
        Row("a rule of another interface doesn't", [shape(on: ["eth1"])], is: .none),
        Row("one of several interfaces does", [shape(on: ["eth1", "eth0"])], is: shaped()),
        Row("the first rule counts", [shape("one"), shape("two")], is: shaped("one")),
        Row("the first that applies counts", [shape("one", on: ["eth1"]), shape("two")], is: shaped("two")),
        Row("a backup rule before a shaping one", [backup(), shape()], is: Treatment(standby: "spare")),
        Row("a shaping rule before a backup one", [shape(), backup()], is: shaped()),
        Row("an unknown interface is in no rule", [shape(), backup()], is: .none) { $0.interface = nil },
        Row("a single subflow isn't throttled", [shape(), backup()], is: .none) { $0.subflows = 1 },
        Row("unless the rule says so", [shape(minSubflows: 1)], is: shaped()) { $0.subflows = 1 },
        Row("three are asked for, two are there", [shape(minSubflows: 3)], is: .none),
        Row("three are asked for and there", [shape(minSubflows: 3)], is: shaped()) { $0.subflows = 3 },
        Row("a client of the rule", [shape(clients: ["10.1.0.0/16"])], is: shaped()),
        Row("a client that isn't the rule's", [shape(clients: ["10.2.0.0/16"])], is: .none),
        Row("a client of the rule, by IPv6", [shape(clients: ["10.1.0.0/16", "2001:db8::/32"])], is: shaped()) {
            $0.subflow = tuple("2001:db8::7")
        },
        Row("a server of the rule", [shape(servers: ["192.0.2.0/24"])], is: shaped()),
        Row("a server that isn't the rule's", [shape(servers: ["198.51.100.0/24"])], is: .none),
        Row("a port of the rule", [shape(ports: [80...80, 440...450])], is: shaped()),
        Row("a port that isn't the rule's", [shape(ports: [80...80])], is: .none),
        Row("the subflow's own tuple counts for throttles", [shape(ports: [443...443])], is: shaped()) {
            $0.first = tuple(to: "192.0.2.1:80")
        },
        Row("only those that ask for backup", [shape(backup: true)], is: .none),
        Row("and it does", [shape(backup: true)], is: shaped()) { $0.asksForBackup = true },
        Row("only those that don't ask for backup", [shape(backup: false)], is: .none) { $0.asksForBackup = true },
        Row("the address ID of the rule", [shape(addressID: 1)], is: shaped()),
        Row("another address ID", [shape(addressID: 2)], is: .none),
        Row("an unknown address ID", [shape(addressID: 1)], is: .none) { $0.addressID = nil },
        Row("a quota that isn't used up", [shape(quota: .init(bytes: 100, owner: .connection))], is: .none) {
            $0.bytes = (99, 1000)
        },
        Row("a quota that is", [shape(quota: .init(bytes: 100, owner: .connection))], is: shaped()) {
            $0.bytes = (100, 0)
        },
        Row("a client's quota", [shape(quota: .init(bytes: 100, owner: .client))], is: shaped()) {
            $0.bytes = (0, 100)
        },
        Row(
            "the rule behind one whose quota isn't used up",
            [shape("one", quota: .init(bytes: 100, owner: .client)), shape("two")], is: shaped("two")),
        Row("an hour of the rule", [shape(hours: [TimeWindow(start: 540, end: 660)])], is: shaped()),
        Row("the hour of its end", [shape(hours: [TimeWindow(start: 540, end: 600)])], is: .none),
        Row("an hour past midnight", [shape(hours: [TimeWindow(start: 1320, end: 360)])], is: shaped()) {
            $0.minute = 5
        },
        Row("each client has its class", [shape(sharing: .client)], is: shaped("slow", on: "eth0", .client)),
        Row("each subflow has its class", [shape(sharing: .subflow)], is: shaped("slow", on: "eth0", .subflow)),
        Row("a throttle that waits for congestion has its class already", [shape(condition: .init())], is: shaped()),
        Row("a forwarded connection is shaped", [shape()], is: shaped()) { $0.isForwarded = true },
        Row("throttles need no paths", [shape()], is: shaped()) { $0.paths = [] },
    ]

    @Test("the first throttle that applies to a subflow is wanted", arguments: throttling) func throttles(row: Row) {
        #expect(row.treatment == row.wanted)
    }

    // MARK: roles

    static let steering: [Row] = [
        Row("the active path's is left alone", [], [steer(normal)], is: .none),
        Row("the standby path's stands by", [], [steer(normal)], is: stood, isMobile),
        Row("the roles have changed: the wired one stands by", [], [steer(swapped)], is: stood),
        Row("the roles have changed: the mobile one is active", [], [steer(swapped)], is: .none, isMobile),
        Row("the only subflow stands by, too", [], [steer(normal)], is: stood) {
            isMobile(&$0)
            $0.subflows = 1
        },
        Row("a subflow that is tried is active", [], [steer(normal, probes: [tuple("10.2.0.2")])], is: .none, isMobile),
        Row("another one is tried", [], [steer(normal, probes: [tuple("10.2.0.3")])], is: stood, isMobile),
        Row("an active one that is tried", [], [steer(normal, probes: [tuple()])], is: .none),
        Row("a refused path's is reset", [], [steer(refusing)], is: Treatment(refused: "steer"), isMobile),
        Row(
            "also when it is tried", [], [steer(refusing, probes: [tuple("10.2.0.2")])],
            is: Treatment(refused: "steer"), isMobile),
        Row("the first subflow is not reset", [], [steer(refusing)], is: stood) {
            isMobile(&$0)
            $0.first = $0.subflow
        },
        Row("the only subflow is not reset", [], [steer(refusing)], is: stood) {
            isMobile(&$0)
            $0.subflows = 1
        },
        Row("nor is it when no subflow carries data yet", [], [steer(refusing)], is: stood) {
            isMobile(&$0)
            $0.subflows = 0
        },
        Row("what refuses one path leaves the other alone", [], [steer(refusing)], is: .none),
        Row("of a forwarded connection none stands by", [], [steer(normal)], is: .none) {
            isMobile(&$0)
            $0.isForwarded = true
        },
        Row("of a forwarded connection none is reset", [], [steer(refusing)], is: .none) {
            isMobile(&$0)
            $0.isForwarded = true
        },
        Row("of a forwarded connection none is balanced", [], [steer(limited, mode: balanced)], is: .none) {
            $0.isForwarded = true
        },
        Row("an unknown interface is on no path", [], [steer(swapped)], is: .none) { $0.interface = nil },
        Row("another interface is on no path", [], [steer(swapped)], is: .none) { $0.interface = "eth7" },
        Row("without paths nothing is steered", [], [steer(swapped)], is: .none) { $0.paths = [] },
        Row("a path that the rule doesn't name is left alone", [], [steer(swapped)], is: .none) {
            $0.subflow = tuple("10.3.0.2")
            $0.interface = "eth3"
        },
        Row(
            "also if a later rule names it", [],
            [
                steer(
                    ["radio": PathRole(.standby)], named: "one", mode: .smallestDelay(["radio", "mobile"], margin: 0)),
                steer(swapped, named: "two"),
            ], is: .none),
        Row("a path without a role is left alone", [], [steer(["mobile": PathRole(.active)])], is: .none),
    ]

    @Test("a subflow is as its path's role says", arguments: steering) func steers(row: Row) {
        #expect(row.treatment == row.wanted)
    }

    // MARK: throttles and roles together

    static let together: [Row] = [
        Row("a throttle's backup on an active path", [backup()], [steer(normal)], is: Treatment(standby: "spare")),
        Row(
            "a throttle's backup on a standby path is the throttle's", [backup()], [steer(swapped)],
            is: Treatment(standby: "spare")),
        Row(
            "a throttle's backup stands also while the subflow is tried", [backup()],
            [steer(swapped, probes: [tuple()])], is: Treatment(standby: "spare")),
        Row(
            "a throttle's backup on a refused path", [backup(on: ["wwan0"])], [steer(refusing)],
            is: Treatment(standby: "spare", refused: "steer"), isMobile),
        Row(
            "a throttle's backup on a refused path's first subflow", [backup(on: ["wwan0"])], [steer(refusing)],
            is: Treatment(standby: "spare")
        ) {
            isMobile(&$0)
            $0.first = $0.subflow
        },
        Row("a throttle of another port, on a standby path", [backup(ports: [80...80])], [steer(swapped)], is: stood),
        Row("a shaped subflow on an active path", [shape()], [steer(normal)], is: shaped()),
        Row("a shaped subflow on a standby path", [shape()], [steer(swapped)], is: shaped(standby: "steer")),
        Row("a shaped subflow that is tried", [shape()], [steer(swapped, probes: [tuple()])], is: shaped()),
        Row(
            "a shaped subflow on a refused path", [shape(on: ["wwan0"])], [steer(refusing)],
            is: shaped(on: "wwan0", refused: "steer"), isMobile),
        Row(
            "balanced: a class from the start", [], [steer(both, mode: balanced)],
            is: shaped("steer", on: "eth0", .all, free)),
        Row(
            "balanced: with limits", [], [steer(limited, mode: balanced)],
            is: shaped("steer", on: "eth0", .all, .init(download: 7_000_000, upload: 3_000_000))),
        Row(
            "balanced: with a limit in one direction", [], [steer(limited, mode: balanced)],
            is: shaped("steer", on: "wwan0", .all, .init(download: 3_000_000, upload: PathRole.unlimited)), isMobile),
        Row(
            "balanced: with one path in use there is nothing to weigh", [], [steer(normal, mode: balanced)],
            is: stood, isMobile),
        Row(
            "balanced: a single subflow has nowhere to go", [], [steer(both, mode: balanced)], is: .none
        ) { $0.subflows = 1 },
        Row("balanced: a throttle's class comes first", [shape()], [steer(limited, mode: balanced)], is: shaped()),
        Row(
            "balanced: a throttle that doesn't apply leaves it to the rule", [shape(ports: [80...80])],
            [steer(both, mode: balanced)], is: shaped("steer", on: "eth0", .all, free)),
        Row(
            "balanced: a throttle's backup goes with the rule's class", [backup()], [steer(both, mode: balanced)],
            is: shaped("steer", on: "eth0", .all, free, standby: "spare")),
        Row(
            "balanced by clients: no class where the interface isn't known", [],
            [steer(["radio": PathRole(.active)], mode: .loadBalancing(["radio": 100]))], is: .none
        ) {
            $0.subflow = tuple("10.3.0.2")
            $0.interface = nil
        },
        Row("other modes have no class", [], [steer(limited)], is: .none),
        // Whoever carries it out says that it can't be done.
        Row(
            "a throttle's backup is wanted of a forwarded connection, too", [backup()], [steer(normal)],
            is: Treatment(standby: "spare")
        ) { $0.isForwarded = true },
        Row("a forwarded connection keeps its throttle only", [shape()], [steer(swapped)], is: shaped()) {
            $0.isForwarded = true
        },
    ]

    @Test("throttles and roles go together", arguments: together) func combines(row: Row) {
        #expect(row.treatment == row.wanted)
    }

    // MARK: which rule

    static let selection: [Row] = [
        Row("a client of the rule", [], [steer(swapped, clients: ["10.9.0.0/16"])], is: stood),
        Row(
            "the first subflow's client counts, not this one's", [], [steer(swapped, clients: ["10.1.0.0/16"])],
            is: .none),
        Row("a client of the rule, by IPv6", [], [steer(swapped, clients: ["2001:db8:9::/48"])], is: stood) {
            $0.first = tuple("2001:db8:9::1")
        },
        Row("an IPv4 client is in no IPv6 prefix", [], [steer(swapped, clients: ["::/0"])], is: .none),
        Row("a server of the rule", [], [steer(swapped, servers: ["192.0.2.1/32"])], is: stood),
        Row("the first subflow's server counts", [], [steer(swapped, servers: ["192.0.2.1/32"])], is: .none) {
            $0.first = tuple(to: "198.51.100.1:443")
        },
        Row("a port of the rule", [], [steer(swapped, ports: [1...1, 443...443])], is: stood),
        Row("the first subflow's port counts", [], [steer(swapped, ports: [443...443])], is: .none) {
            $0.first = tuple(to: "192.0.2.1:80")
        },
        Row("also if only that one's is the rule's", [], [steer(swapped, ports: [80...80])], is: stood) {
            $0.first = tuple(to: "192.0.2.1:80")
        },
        Row("client and port have to fit", [], [steer(swapped, clients: ["10.9.0.0/16"], ports: [80...80])], is: .none),
        Row("the first rule counts", [], [steer(normal, named: "one"), steer(swapped, named: "two")], is: .none),
        Row(
            "the first that is about the connection counts", [],
            [steer(normal, named: "one", ports: [80...80]), steer(swapped)],
            is: stood),
    ]

    @Test("steering rules select connections by their first subflow", arguments: selection) func selects(row: Row) {
        #expect(row.treatment == row.wanted)
    }

    @Test("a backup that waits for congestion is none until then, and leaves its subflows to nobody else")
    func suspended() {
        let rules = [Self.backup(condition: .init()), Self.shape()]
        let subflows = [Self.tuple(), Self.tuple("10.2.0.2")].enumerated().map { place, tuple in
            ThrottledSubflow(
                tuple: tuple, interface: ["eth0", "wwan0"][place], asksForBackup: false, addressID: UInt8(place))
        }
        let circumstances = ThrottleCircumstances(subflows: 2, connectionBytes: 0, clientBytes: 0, minute: 0)
        let treatments = { (suspended: Set<String>) in
            Planner(throttles: rules, suspended: suspended).treatments(
                of: subflows, circumstances, first: Self.tuple(), isForwarded: false)
        }
        #expect(treatments(["spare"]) == [:])
        #expect(treatments([]) == [Self.tuple(): Treatment(standby: "spare")])
        // Of one that shapes only the rate changes.
        let shaping = Planner(throttles: [Self.shape(condition: .init())], suspended: ["slow"])
        #expect(
            shaping.treatments(of: subflows, circumstances, first: Self.tuple(), isForwarded: false)[Self.tuple()]?
                .shaping
                != nil)
    }

    @Test("asked again, the planner says the same") func isPure() {
        for row in Self.throttling + Self.steering + Self.together { #expect(row.treatment == row.treatment) }
    }
}
