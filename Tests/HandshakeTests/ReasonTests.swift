import Handshake
import Testing
import Wire

/// Why an MP_CAPABLE SYN isn't dialled for, and what counts where several things speak against it.
@Suite struct ReasonTests {
    @Test("each reason alone", arguments: Condition.all, Family.allCases)
    func alone(_ condition: Condition, _ family: Family) {
        var situation = Situation(family)
        condition.before(&situation)
        condition.now(&situation)
        let expected: SYNAction =
            switch condition.decision.verdict {
            case .intercept: .intercept(condition.decision)
            case .drop: .drop
            default: .pass(condition.decision)
            }
        #expect(situation.receive() == expected)
    }

    struct Pair: Sendable, CustomTestStringConvertible {
        let first: Condition
        let second: Condition

        var testDescription: String { "\(first.name), and \(second.name)" }
    }

    static let pairs = Condition.all.indices.flatMap { first in
        Condition.all[(first + 1)...].map { Pair(first: Condition.all[first], second: $0) }
    }.filter { $0.first.kind == nil || $0.first.kind != $0.second.kind }

    @Test("of two reasons the first is said", arguments: pairs, Family.allCases)
    func two(_ pair: Pair, _ family: Family) {
        var situation = Situation(family)
        for condition in [pair.second, pair.first] { condition.before(&situation) }
        for condition in [pair.second, pair.first] { condition.now(&situation) }
        #expect(situation.receive().decision == pair.first.decision)
    }

    @Test("without a reason the server is dialled", arguments: Family.allCases)
    func none(_ family: Family) {
        var situation = Situation(family)
        situation.trafficClass = 0xb9
        situation.mark = 0x42
        let way = Way(
            mark: 0x42, inDevice: 3, outDevice: 4, dscp: DSCP(trafficClass: 0xb8), maximumSegmentSize: 1400)
        let request = DialRequest(
            id: 1, tuple: situation.syn.tuple, way: way, received: situation.now, plan: MadeUpFacts.plan)
        #expect(situation.receive() == .dial(request))
        #expect(situation.decider.heldCount == 1)
    }

    @Test("the plan is the one that was advised, and each dial has an id of its own", arguments: Family.allCases)
    func plans(_ family: Family) {
        var situation = Situation(family)
        var ids: Set<UInt64> = []
        for asks in [true, false] {
            let plan = DialPlan(asks: asks, secondAfter: .seconds(1), timeout: .seconds(2))
            situation.facts.advice = .dial(plan)
            situation.clientPort += 1
            guard case .dial(let request) = situation.receive() else { return #expect(Bool(false)) }
            #expect(request.plan == plan)
            ids.insert(request.id)
        }
        #expect(ids.count == 2 && situation.decider.heldCount == 2)
    }

    /// Ports below 1024 are the upstream's concern, which has one of that kind, too.
    @Test("ports", arguments: [1, 22, 1023, 1024, 40_000, 65_535] as [UInt16], Family.allCases)
    func ports(_ port: UInt16, _ family: Family) {
        var situation = Situation(family)
        situation.clientPort = port
        #expect(situation.hold() != nil)
        situation.sequence += 1
        situation.clientPort = 2000
        situation.serverPort = port
        #expect(situation.hold() != nil)
    }

    struct Coverage: Sendable, CustomTestStringConvertible {
        let name: String
        let policy: @Sendable (inout ConversionPolicy, Family) -> Void
        var testDescription: String { name }
    }

    @Test(
        "what the policy names is dialled",
        arguments: [
            Coverage(name: "first port of a range") { policy, _ in policy.ports = [443...443, 80...90] },
            Coverage(name: "last port of a range") { policy, _ in policy.ports = [70...80] },
            Coverage(name: "client") { $0.clients = [IPPrefix(address: $1.client, length: $1.client.bitWidth)!] },
            Coverage(name: "clients' network") { $0.clients = [IPPrefix(address: $1.client, length: 16)!] },
            Coverage(name: "server") { $0.servers = [IPPrefix(address: $1.server, length: $1.server.bitWidth)!] },
            Coverage(name: "a second interface") { policy, _ in policy.interfaces = ["lan1", "lan0"] },
            Coverage(name: "another helper's port") { policy, _ in policy.passedPorts = [21, 5060] },
        ], Family.allCases)
    func covered(_ coverage: Coverage, _ family: Family) {
        var situation = Situation(family)
        coverage.policy(&situation.decider.policy, family)
        #expect(situation.hold() != nil)
    }

    /// A prefix of one family holds no address of the other.
    @Test("all clients of the other family", arguments: Family.allCases)
    func otherFamily(_ family: Family) {
        var situation = Situation(family)
        situation.decider.policy.clients = [IPPrefix(family == .ipv4 ? "::/0" : "0.0.0.0/0")!]
        #expect(situation.receive() == .pass(.passPolicy))
    }

    /// Otherwise nobody would notice that no client behind that interface arrives.
    @Test("what was lost with nobody dialled for it is told", arguments: Family.allCases)
    func lostInSplit(_ family: Family) {
        var situation = Situation(family)
        situation.decider.policy.connect = .split
        #expect(situation.receive() == .intercept(.interceptSplit))
        situation.decider.entered(situation.syn.identity, at: situation.now)
        situation.now += 1 * s
        #expect(situation.receive() == .passLost)
        situation.now += 2 * s
        #expect(situation.receive() == .pass(.passDecidedBefore), "told once")
    }
}
