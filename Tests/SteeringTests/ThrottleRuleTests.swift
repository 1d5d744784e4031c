import Steering
import Testing
import Wire

let slow = ThrottleRule.Action.shape(.init(download: 1_000_000, upload: nil), .all)

func rule(
    _ name: String = "a", on interfaces: Set<String> = ["lan0"], minSubflows: Int = 1,
    quota: ThrottleRule.Quota? = nil, hours: [TimeWindow] = []
) -> ThrottleRule {
    ThrottleRule(
        name: name, interfaces: interfaces, minSubflows: minSubflows, quota: quota, hours: hours, action: slow)
}

func subflow(
    _ client: String = "10.1.0.2:40000", _ server: String = "10.9.0.2:80", on interface: String? = "lan0",
    asksForBackup: Bool = false, addressID: UInt8? = 1
) -> ThrottledSubflow {
    ThrottledSubflow(
        tuple: FourTuple(client: Endpoint(client)!, server: Endpoint(server)!), interface: interface,
        asksForBackup: asksForBackup, addressID: addressID)
}

func circumstances(
    subflows: Int = 2, connection: UInt64 = 0, client: UInt64 = 0, minute: Int = 0
) -> ThrottleCircumstances {
    ThrottleCircumstances(subflows: subflows, connectionBytes: connection, clientBytes: client, minute: minute)
}

/// Which subflows a rule is about.
@Suite struct ThrottleSelectionTests {
    private let subflow6 = subflow("[fd00:1::2]:40000", "[fd00:9::2]:80")

    @Test func emptyMeansAll() {
        #expect(rule().selects(subflow()))
        #expect(rule().selects(subflow6))
        #expect(rule().selects(subflow(asksForBackup: true, addressID: nil)))
    }

    @Test func anyOfItsInterfaces() {
        let rule = rule(on: ["lan0", "lan1"])
        #expect(rule.selects(subflow(on: "lan1")))
        #expect(!rule.selects(subflow(on: "lan2")))
        #expect(!rule.selects(subflow(on: nil)))
    }

    @Test func clients() {
        var rule = rule()
        rule.clients = [IPPrefix("10.1.0.0/24")!, IPPrefix("fd00:1::/64")!]
        #expect(rule.selects(subflow()))
        #expect(rule.selects(subflow6))
        #expect(!rule.selects(subflow("10.1.1.2:40000")))
        #expect(!rule.selects(subflow("[fd00:2::2]:40000", "[fd00:9::2]:80")))
        // The server's address is no client's.
        #expect(!rule.selects(subflow("10.9.0.2:80", "10.1.0.2:40000")))
    }

    @Test func servers() {
        var rule = rule()
        rule.servers = [IPPrefix("10.9.0.2/32")!]
        #expect(rule.selects(subflow()))
        #expect(!rule.selects(subflow("10.9.0.2:40000", "10.9.0.3:80")))
        #expect(!rule.selects(subflow6))
        rule.servers = [IPPrefix("::/0")!]
        #expect(!rule.selects(subflow()))
        #expect(rule.selects(subflow6))
    }

    @Test(
        arguments: [
            ([80...80], true), ([81...90, 1...79], false), ([1...79, 80...90], true), ([40000...40000], false),
        ] as [([ClosedRange<UInt16>], Bool)])
    func portsOfTheServer(ports: [ClosedRange<UInt16>], expected: Bool) {
        var rule = rule()
        rule.ports = ports
        #expect(rule.selects(subflow()) == expected)
        #expect(rule.selects(subflow6) == expected)
    }

    @Test func backup() {
        var rule = rule()
        for asked in [true, false] {
            rule.backup = asked
            #expect(rule.selects(subflow(asksForBackup: true)) == asked)
            #expect(rule.selects(subflow(asksForBackup: false)) == !asked)
        }
    }

    @Test func addressID() {
        var rule = rule()
        rule.addressID = 0
        #expect(rule.selects(subflow(addressID: 0)))
        #expect(!rule.selects(subflow(addressID: 1)))
        #expect(!rule.selects(subflow(addressID: nil)))
    }

    @Test func allThatIsAskedMustHold() {
        var rule = rule()
        rule.clients = [IPPrefix("10.1.0.0/24")!]
        rule.servers = [IPPrefix("10.9.0.0/24")!]
        rule.ports = [80...80]
        #expect(rule.selects(subflow()))
        #expect(!rule.selects(subflow("10.2.0.2:40000")))
        #expect(!rule.selects(subflow("10.1.0.2:40000", "10.8.0.2:80")))
        #expect(!rule.selects(subflow("10.1.0.2:40000", "10.9.0.2:81")))
    }
}

/// When rules apply.
@Suite struct ThrottleApplicationTests {
    @Test func enoughSubflows() {
        let rules = [rule(minSubflows: 3)]
        #expect(rules.first(for: subflow(), circumstances(subflows: 2)) == nil)
        #expect(rules.first(for: subflow(), circumstances(subflows: 3)) == 0)
        #expect(rules.first(for: subflow(), circumstances(subflows: 4)) == 0)
        #expect(ThrottleRule(name: "a", interfaces: [], action: slow).minSubflows == 2)
    }

    @Test(
        arguments: [
            (TimeWindow(start: 480, end: 1020), [480, 1019], [479, 1020, 0, 1439]),
            // Past midnight.
            (TimeWindow(start: 1320, end: 360), [1320, 1439, 0, 359], [1319, 360, 720]),
            // Up to midnight, as 24:00 and as 00:00.
            (TimeWindow(start: 1320, end: 1440), [1320, 1439], [1319, 0]),
            (TimeWindow(start: 1320, end: 0), [1320, 1439], [1319, 0]),
            (TimeWindow(start: 0, end: 1440), [0, 720, 1439], []),
            (TimeWindow(start: 600, end: 600), [0, 599, 600, 1439], []),
        ] as [(TimeWindow, [Int], [Int])])
    func hours(window: TimeWindow, inside: [Int], outside: [Int]) {
        let rules = [rule(hours: [window])]
        for minute in inside { #expect(rules.first(for: subflow(), circumstances(minute: minute)) == 0) }
        for minute in outside { #expect(rules.first(for: subflow(), circumstances(minute: minute)) == nil) }
    }

    @Test func anyOfItsHours() {
        let rules = [rule(hours: [TimeWindow(start: 60, end: 120), TimeWindow(start: 600, end: 660)])]
        let minutes = [59, 60, 120, 300, 659, 660].filter {
            rules.first(for: subflow(), circumstances(minute: $0)) != nil
        }
        #expect(minutes == [60, 659])
    }

    @Test func quotaOfTheConnection() {
        let rules = [rule(quota: .init(bytes: 1000, owner: .connection))]
        #expect(rules.first(for: subflow(), circumstances(connection: 999, client: 5000)) == nil)
        #expect(rules.first(for: subflow(), circumstances(connection: 1000)) == 0)
        #expect(rules.first(for: subflow(), circumstances(connection: .max)) == 0)
    }

    @Test func quotaOfTheClient() {
        let rules = [rule(quota: .init(bytes: 1000, owner: .client))]
        #expect(rules.first(for: subflow(), circumstances(connection: 5000, client: 999)) == nil)
        #expect(rules.first(for: subflow(), circumstances(client: 1000)) == 0)
    }

    @Test func theFirstOfSeveral() {
        let rules = [
            rule(on: ["lan1"]), rule(minSubflows: 3), rule(quota: .init(bytes: 10, owner: .connection)), rule(), rule(),
        ]
        #expect(rules.first(for: subflow(), circumstances()) == 3)
        #expect(rules.first(for: subflow(), circumstances(connection: 10)) == 2)
        #expect(rules.first(for: subflow(), circumstances(subflows: 3, connection: 10)) == 1)
        #expect(rules.first(for: subflow(on: "lan1"), circumstances(subflows: 3, connection: 10)) == 0)
        #expect(rules.first(for: subflow(on: "lan2"), circumstances()) == nil)
    }
}

/// When a connection has to be looked at again.
@Suite struct BytesLeftTests {
    private func quota(_ bytes: UInt64, _ owner: ThrottleRule.Quota.Owner = .connection) -> ThrottleRule {
        rule(quota: .init(bytes: bytes, owner: owner))
    }

    @Test func theNearestOfTheOwner() {
        let rules = [quota(900), quota(50, .client), quota(500), quota(100, .client), quota(700)]
        let now = circumstances(connection: 100, client: 20)
        #expect(rules.bytesLeft(for: subflow(), now, of: .connection) == 400)
        #expect(rules.bytesLeft(for: subflow(), now, of: .client) == 30)
        #expect(rules.bytesLeft(for: subflow(on: "lan1"), now, of: .connection) == nil)
    }

    @Test func rulesBehindTheOneThatAppliesDoNotCount() {
        let rules = [quota(900), rule(), quota(500)]
        #expect(rules.bytesLeft(for: subflow(), circumstances(connection: 100), of: .connection) == 800)
        #expect(rules.bytesLeft(for: subflow(), circumstances(connection: 900), of: .connection) == nil)
        // As does a quota that is used up, whosever it is.
        let used = [quota(900), quota(10, .client), quota(500)]
        #expect(used.bytesLeft(for: subflow(), circumstances(client: 10), of: .connection) == 900)
    }

    @Test func rulesThatAreNotReadyDoNotCount() {
        var (few, late) = (quota(100), quota(200))
        few.minSubflows = 3
        late.hours = [TimeWindow(start: 60, end: 120)]
        let rules = [few, late, quota(300)]
        #expect(rules.bytesLeft(for: subflow(), circumstances(), of: .connection) == 300)
        #expect(rules.bytesLeft(for: subflow(), circumstances(minute: 60), of: .connection) == 200)
        #expect(rules.bytesLeft(for: subflow(), circumstances(subflows: 3), of: .connection) == 100)
        // Nor do they hide what is behind them.
        late.quota = nil
        #expect([late, quota(300)].bytesLeft(for: subflow(), circumstances(), of: .connection) == 300)
    }

    @Test func nothingToWaitFor() {
        let none: [ThrottleRule] = []
        #expect(none.bytesLeft(for: subflow(), circumstances(), of: .connection) == nil)
        #expect([rule()].bytesLeft(for: subflow(), circumstances(), of: .connection) == nil)
        #expect([quota(0)].bytesLeft(for: subflow(), circumstances(), of: .connection) == nil)
        #expect([quota(5)].bytesLeft(for: subflow(), circumstances(), of: .client) == nil)
    }
}
