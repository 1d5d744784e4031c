import Steering
import Testing

/// What rarely happens to two links of 90 and 30 Mbit/s.
@Suite("steering modes at their edges") struct SteerControllerEdgeTests {
    typealias Link = SimulatedPaths.Link

    static let links = SteerControllerTests.links
    static let overflow = SteerControllerTests.overflow
    static let pair = SteerControllerTests.pair
    static let strictPair = SteerRule.Mode.activeStandby(active: "wired", standby: "mobile", noStandby: true)
    static let quickest = SteerControllerTests.quickest
    static let balanced = SteerRule.Mode.loadBalancing(["wired": 70, "mobile": 30])
    static let reserve = SteerRule.Mode.loadBalancing(["wired": 100, "mobile": 0])
    static let modes = [pair, strictPair, overflow, quickest, balanced, reserve]

    static func paths(
        _ mode: SteerRule.Mode, demand: Double = 20e6, maxRoundTripTime: Double? = nil, maxLoss: Double? = nil
    ) -> SimulatedPaths {
        var paths = SimulatedPaths(mode, links, maxRoundTripTime: maxRoundTripTime, maxLoss: maxLoss)
        paths.demand = demand
        return paths
    }

    /// Does any path in use work?
    static func carries(_ paths: SimulatedPaths) -> Bool {
        paths.links.contains { name, link in link.isUp && !link.isSilent && paths.use(name) == .active }
    }

    static func most(_ decisions: [SteerDecision], within span: UInt64) -> Int {
        let times = Set(decisions.map(\.time)).sorted()
        return times.map { begin in times.count { (begin..<begin + span).contains($0) } }.max() ?? 0
    }

    // MARK: links that flap

    struct Flap: Sendable, CustomTestStringConvertible {
        var mode: SteerRule.Mode
        var links: [String]
        var up: Double
        var down: Double
        var isSilent = false

        var testDescription: String {
            let links = links.joined(separator: " and ")
            return "\(mode.name), \(links) \(isSilent ? "silent" : "down") \(down) s of \(up + down)"
        }
    }

    static let flaps: [Flap] = modes.flatMap { mode in
        [["wired"], ["mobile"]].flatMap { links in
            [(0.3, 0.3), (0.5, 2.0), (1.7, 0.4), (2.5, 2.5), (6, 6)].flatMap { up, down in
                [
                    Flap(mode: mode, links: links, up: up, down: down),
                    Flap(mode: mode, links: links, up: up, down: down, isSilent: true),
                ]
            }
        }
    }

    @Test("a link that flaps makes two switches in a hold time at most, and the other one carries", arguments: flaps)
    func bounds(flap: Flap) {
        var paths = Self.paths(flap.mode, demand: 60e6)
        paths.run(seconds: 10)
        for _ in 0..<Int(60 / (flap.up + flap.down)) {
            for isUp in [false, true] {
                for name in flap.links {
                    if flap.isSilent { paths.links[name]?.isSilent = !isUp } else { paths.links[name]?.isUp = isUp }
                }
                paths.run(seconds: 0.2)
                if !flap.isSilent { #expect(Self.carries(paths)) }
                paths.run(seconds: (isUp ? flap.up : flap.down) - 0.2)
                if flap.down > 1 { #expect(Self.carries(paths)) }
            }
        }
        #expect(Self.most(paths.decisions, within: 5_000_000_000) <= 2)
    }

    @Test("two links that flap in turn are followed", arguments: modes) func flapsInTurn(mode: SteerRule.Mode) {
        var paths = Self.paths(mode)
        paths.run(seconds: 10)
        for step in 0..<40 {
            paths.links["wired"]?.isUp = step % 2 == 0
            paths.links["mobile"]?.isUp = step % 2 == 1
            paths.run(seconds: 0.8)
            #expect(Self.carries(paths))
        }
    }

    @Test("a link that flaps while the other is down makes no decision a second", arguments: modes)
    func flapsAlone(mode: SteerRule.Mode) {
        var paths = Self.paths(mode)
        paths.run(seconds: 10)
        paths.links["mobile"]?.isUp = false
        paths.run(seconds: 10)
        let before = paths.decisions.count
        for step in 0..<60 {
            paths.links["wired"]?.isUp = step % 2 == 1
            paths.run(seconds: 1)
            if step % 2 == 1 { #expect(Self.carries(paths)) }
        }
        #expect(paths.decisions.count <= before + 2)
    }

    // MARK: all paths down

    @Test("when all paths are down, nothing is decided over and over", arguments: modes) func waits(
        mode: SteerRule.Mode
    ) {
        var paths = Self.paths(mode)
        paths.run(seconds: 10)
        for name in paths.links.keys { paths.links[name]?.isUp = false }
        paths.run(seconds: 10)
        let before = paths.decisions.count
        paths.run(seconds: 60)
        #expect(paths.decisions.count == before)
    }

    @Test("the first one that works again carries", arguments: modes, ["wired", "mobile"])
    func recovers(mode: SteerRule.Mode, first: String) {
        var paths = Self.paths(mode)
        paths.run(seconds: 10)
        for name in paths.links.keys { paths.links[name]?.isUp = false }
        paths.run(seconds: 30)
        paths.links[first]?.isUp = true
        paths.run(seconds: 0.3)
        #expect(paths.use(first) == .active)
        #expect(Self.carries(paths))
    }

    @Test("after that all is as it was", arguments: modes) func settles(mode: SteerRule.Mode) {
        var paths = Self.paths(mode)
        paths.run(seconds: 10)
        let roles = paths.controller.roles.mapValues(\.use)
        for order in [["wired", "mobile"], ["mobile", "wired"]] {
            for name in order {
                paths.links[name]?.isUp = false
                paths.run(seconds: 3)
            }
            for name in order {
                paths.links[name]?.isUp = true
                paths.run(seconds: 3)
            }
            paths.run(seconds: 20)
            #expect(paths.controller.roles.mapValues(\.use) == roles)
        }
    }

    // MARK: silence

    @Test("a path whose silent subflows have ended is tried again", arguments: [pair, strictPair, overflow])
    func forgetsSilence(mode: SteerRule.Mode) {
        var paths = Self.paths(mode)
        paths.run(seconds: 3)
        paths.links["wired"]?.isSilent = true
        paths.run(seconds: 10)
        #expect(paths.use("wired") == .standby)
        // Nobody waits any more, and nobody has anything to send by a path that stands by.
        paths.links["wired"]?.isSilent = false
        paths.run(seconds: 20)
        #expect(paths.use("wired") == .active)
    }

    // MARK: down, then unfit

    @Test("a high path that comes back slow carries when the low one goes down") func carriesSlow() {
        var paths = Self.paths(Self.overflow, maxRoundTripTime: 150_000)
        paths.run(seconds: 3)
        paths.links["wired"]?.roundTrip = 300_000
        paths.run(seconds: 3)
        paths.links["wired"]?.isUp = false
        paths.run(seconds: 10)
        #expect(paths.use("wired") == .standby)
        paths.links["wired"]?.isUp = true
        paths.run(seconds: 10)
        paths.links["mobile"]?.isUp = false
        paths.run(seconds: 0.2)
        #expect(paths.use("wired") == .active)
    }

    @Test("a path that comes back slow isn't taken while the other is quick", arguments: [pair, quickest])
    func leavesSlow(mode: SteerRule.Mode) {
        var paths = Self.paths(mode, maxRoundTripTime: 150_000)
        paths.run(seconds: 3)
        paths.links["wired"]?.isUp = false
        paths.run(seconds: 10)
        paths.links["wired"]?.roundTrip = 300_000
        paths.links["wired"]?.isUp = true
        paths.run(seconds: 60)
        #expect(paths.use("mobile") == .active)
        // It may be tried now and then: its round trip isn't known before.
        #expect(paths.decisions.count < 20)
    }

    @Test("a slow path carries when the quick one goes down", arguments: [pair, quickest, balanced])
    func fallsBack(mode: SteerRule.Mode) {
        var paths = Self.paths(mode, maxRoundTripTime: 150_000)
        paths.run(seconds: 3)
        paths.links["wired"]?.roundTrip = 300_000
        paths.run(seconds: 3)
        #expect(paths.use("wired") == .standby)
        paths.links["mobile"]?.isUp = false
        paths.run(seconds: 0.2)
        #expect(paths.use("wired") == .active)
    }

    @Test("a refused path that was slow when it was last used is used when it is needed again") func forgetsRefused() {
        var paths = Self.paths(Self.strictPair, maxRoundTripTime: 150_000)
        paths.links["mobile"]?.roundTrip = 300_000
        paths.run(seconds: 3)
        paths.links["wired"]?.isUp = false
        paths.run(seconds: 3)
        paths.links["wired"]?.isUp = true
        paths.run(seconds: 10)
        #expect(paths.use("mobile") == .refused)
        paths.links["mobile"]?.roundTrip = 30_000
        paths.run(seconds: 60)
        paths.links["wired"]?.roundTrip = 300_000
        paths.run(seconds: 2)
        #expect(paths.use("mobile") == .active)
    }

    // MARK: loss

    @Test("a path that was left for its loss isn't taken back unheard", arguments: [pair, quickest, balanced])
    func remembersLoss(mode: SteerRule.Mode) {
        var paths = Self.paths(mode, demand: 25e6, maxLoss: 0.02)
        paths.run(seconds: 3)
        paths.links["wired"]?.loss = 0.1
        paths.run(seconds: 120)
        #expect(paths.use("wired") == .standby)
        #expect(paths.decisions.count == 1 || mode == Self.pair && paths.decisions.count == 2)
        paths.links["wired"]?.loss = 0
        paths.run(seconds: 20)
        #expect(paths.use("wired") == .active)
    }

    // MARK: paths without traffic

    @Test("a path that no client has takes nothing away from the other", arguments: modes, ["wired", "mobile"])
    func worksAlone(mode: SteerRule.Mode, missing: String) {
        var paths = Self.paths(mode)
        paths.links[missing]?.hasSubflows = false
        paths.run(seconds: 60)
        #expect(paths.carried.values.reduce(0, +) >= 19e6)
        #expect(paths.decisions.count <= 2)
    }

    @Test("a balanced path that clients come to has its share", arguments: [20e6, 200e6]) func joins(demand: Double) {
        var paths = Self.paths(Self.balanced, demand: demand)
        paths.links["mobile"]?.hasSubflows = false
        paths.run(seconds: 20)
        paths.links["mobile"]?.hasSubflows = true
        paths.run(seconds: 10)
        let before = paths.volumes
        paths.run(seconds: 20)
        #expect((65...75).contains(paths.share("wired", since: before)))
    }

    @Test("without any traffic nothing is decided", arguments: modes) func rests(mode: SteerRule.Mode) {
        var paths = Self.paths(mode, demand: 0, maxRoundTripTime: 150_000, maxLoss: 0.02)
        paths.run(seconds: 120)
        #expect(paths.decisions.isEmpty)
    }

    @Test("a path that isn't told of has the rule wait", arguments: modes) func lacksPath(mode: SteerRule.Mode) {
        var controller = SteerController(SteerRule(name: "rule", mode: mode))
        let roles = controller.roles
        let decisions = controller.decide(["mobile": PathCondition(state: .down)], at: 1_000_000_000)
        #expect(decisions.isEmpty)
        #expect(controller.roles == roles)
    }

    // MARK: equal paths

    @Test("two paths of one delay are both used", arguments: [0.0, 5000, 25_000], [5e6, 25e6]) func sharesEquals(
        margin: Double, demand: Double
    ) {
        var paths = SimulatedPaths(
            .smallestDelay(["mobile", "wired"], margin: margin),
            Self.links.mapValues { Link(capacity: $0.capacity, roundTrip: 20_000) })
        paths.demand = demand
        paths.run(seconds: 60)
        #expect(paths.decisions.isEmpty)
    }

    @Test("delays that differ by just the margin make no switch to and fro", arguments: 1...4) func isSteady(
        seed: UInt64
    ) {
        var paths = Self.paths(Self.quickest)
        var random = SplitMix(seed: seed)
        for _ in 0..<1200 {
            paths.links["wired"]?.roundTrip = 50_000 + Double.random(in: 0...6000, using: &random)
            paths.run(seconds: 0.1)
        }
        #expect(paths.decisions.count <= 1)
    }

    // MARK: congestion that the capacity doesn't explain

    @Test("a high path that loses packets though it carries little keeps the low one open: no switching to and fro")
    func keepsLow() {
        var paths = Self.paths(Self.overflow, demand: 20e6)
        paths.links["wired"]?.loss = 0.08
        paths.run(seconds: 120)
        #expect(paths.use("mobile") == .active)
        #expect(paths.decisions.count == 1)
        paths.links["wired"]?.loss = 0
        paths.run(seconds: 20)
        #expect(paths.use("mobile") == .standby)
    }

    @Test("a reserve is used at once when the only path of weight goes down, also within the hold time")
    func hasReserve() {
        var paths = Self.paths(Self.reserve)
        paths.run(seconds: 10)
        paths.links["wired"]?.isUp = false
        paths.run(seconds: 0.2)
        #expect(paths.use("mobile") == .active)
        paths.links["wired"]?.isUp = true
        paths.run(seconds: 5.2)
        #expect(paths.use("mobile") == .standby)
        paths.links["wired"]?.isUp = false
        paths.run(seconds: 0.2)
        #expect(paths.use("mobile") == .active)
    }
}
