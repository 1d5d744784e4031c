import Steering
import Testing

/// Modes over two simulated links of 90 and 30 Mbit/s.
@Suite("steering modes") struct SteerControllerTests {
    typealias Link = SimulatedPaths.Link

    static let links = [
        "wired": Link(capacity: 90e6, roundTrip: 10_000), "mobile": Link(capacity: 30e6, roundTrip: 30_000),
    ]
    static let overflow = SteerRule.Mode.priorityBased(high: "wired", low: "mobile")
    static let pair = SteerRule.Mode.activeStandby(active: "wired", standby: "mobile", noStandby: false)

    // MARK: priority-based

    @Test("what fits stays on the high path", arguments: [1e6, 20e6, 60e6]) func fits(demand: Double) {
        var paths = SimulatedPaths(Self.overflow, Self.links)
        paths.demand = demand
        paths.run(seconds: 60)
        #expect(paths.volumes["mobile"] == 0)
        #expect(paths.decisions.isEmpty)
    }

    @Test("the low path is taken within a second of the high one being full") func overflows() {
        var paths = SimulatedPaths(Self.overflow, Self.links)
        paths.demand = 200e6
        paths.run(seconds: 1)
        #expect(paths.use("mobile") == .active)
        paths.run(seconds: 0.2)
        #expect(paths.carried.values.reduce(0, +) >= 0.9 * 120e6)
    }

    @Test("and given up within the hold time of the demand's end", arguments: [0.0, 10e6, 60e6])
    func givesUp(rest: Double) {
        var paths = SimulatedPaths(Self.overflow, Self.links)
        paths.demand = 200e6
        paths.run(seconds: 10)
        paths.demand = rest
        paths.run(seconds: 5)
        #expect(paths.use("mobile") == .standby)
    }

    @Test("a demand just below what the high path carries keeps the low one: no switching to and fro")
    func staysOpen() {
        var paths = SimulatedPaths(Self.overflow, Self.links)
        paths.demand = 200e6
        paths.run(seconds: 10)
        paths.demand = 80e6
        paths.run(seconds: 60)
        #expect(paths.decisions.count == 1)
    }

    @Test("a random demand makes one switch in a hold time at most", arguments: 1...8) func isBounded(seed: UInt64) {
        var paths = SimulatedPaths(Self.overflow, Self.links)
        var random = SplitMix(seed: seed)
        for _ in 0..<600 {
            paths.demand = Double.random(in: 0...200e6, using: &random)
            paths.run(seconds: 1)
        }
        let times = paths.decisions.map(\.time)
        #expect(times.count > 5)
        #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 >= 5_000_000_000 })
    }

    @Test("a capacity that isn't given is learned") func learns() {
        var links = Self.links
        links["wired"]?.isConfigured = false
        var paths = SimulatedPaths(Self.overflow, links)
        paths.demand = 200e6
        paths.run(seconds: 2)
        #expect(paths.use("mobile") == .active)
        let learned = paths.monitors["wired"]?.figures.capacity.download ?? 0
        #expect((80e6...92e6).contains(learned))
        paths.run(seconds: 10)
        paths.demand = 20e6
        paths.run(seconds: 5)
        #expect(paths.use("mobile") == .standby)
    }

    @Test("others' traffic on the low path doesn't keep it open") func ignoresOthers() {
        var links = Self.links
        links["mobile"]?.others = 25e6
        var paths = SimulatedPaths(Self.overflow, links)
        paths.demand = 200e6
        paths.run(seconds: 10)
        paths.demand = 20e6
        paths.run(seconds: 5)
        #expect(paths.use("mobile") == .standby)
    }

    @Test("a high path that goes down is left at once, also within the hold time") func leavesDown() {
        var paths = SimulatedPaths(Self.overflow, Self.links)
        paths.demand = 20e6
        paths.run(seconds: 3)
        paths.links["wired"]?.isUp = false
        paths.run(seconds: 0.2)
        #expect(paths.use("mobile") == .active)
        #expect(paths.use("wired") == .standby)
        paths.links["wired"]?.isUp = true
        paths.run(seconds: 10)
        #expect(paths.use("wired") == .active)
        #expect(paths.use("mobile") == .standby)
    }

    @Test("a low path above the rule's limits isn't taken") func keepsFromUnfit() {
        var links = Self.links
        links["mobile"]?.roundTrip = 200_000
        var paths = SimulatedPaths(Self.overflow, links, maxRoundTripTime: 150_000)
        paths.demand = 200e6
        paths.run(seconds: 60)
        // It is tried, since its round trip isn't known before.
        #expect(paths.use("mobile") == .standby)
        #expect(paths.decisions.contains { $0.path == "mobile" && $0.reason.contains("RTT 300 ms > 150 ms") })
        #expect(paths.decisions.count == 2)
    }

    @Test("a low path that has become quick enough is found out, and taken") func retriesUnfit() {
        var links = Self.links
        links["mobile"]?.roundTrip = 200_000
        var paths = SimulatedPaths(Self.overflow, links, maxRoundTripTime: 150_000)
        paths.demand = 200e6
        paths.run(seconds: 20)
        paths.links["mobile"]?.roundTrip = 20_000
        paths.run(seconds: 20)
        #expect(paths.use("mobile") == .active)
    }

    @Test("a high path above the limits has the low one help") func helpsUnfit() {
        var paths = SimulatedPaths(Self.overflow, Self.links, maxRoundTripTime: 150_000)
        paths.demand = 20e6
        paths.run(seconds: 2)
        paths.links["wired"]?.roundTrip = 300_000
        paths.run(seconds: 1.5)
        #expect(paths.use("mobile") == .active)
    }

    // MARK: active-standby

    @Test("the standby path carries nothing while the active one works", arguments: [10e6, 200e6])
    func stands(demand: Double) {
        var paths = SimulatedPaths(Self.pair, Self.links)
        paths.demand = demand
        paths.run(seconds: 60)
        #expect(paths.volumes["mobile"] == 0)
    }

    @Test("an active path that dies is left within a second", arguments: [true, false]) func switches(isDown: Bool) {
        var paths = SimulatedPaths(Self.pair, Self.links)
        paths.demand = 20e6
        paths.run(seconds: 3)
        if isDown { paths.links["wired"]?.isUp = false } else { paths.links["wired"]?.isSilent = true }
        paths.run(seconds: 1)
        #expect(paths.use("mobile") == .active)
        #expect(paths.use("wired") == .standby)
    }

    @Test("and taken back when it works again, after the hold time") func takesBack() {
        var paths = SimulatedPaths(Self.pair, Self.links)
        paths.demand = 20e6
        paths.run(seconds: 3)
        paths.links["wired"]?.isUp = false
        paths.run(seconds: 3)
        paths.links["wired"]?.isUp = true
        paths.run(seconds: 7)
        #expect(paths.use("wired") == .active)
        #expect(paths.use("mobile") == .standby)
    }

    @Test("a link that flaps makes two switches in a hold time at most") func flaps() {
        var paths = SimulatedPaths(Self.pair, Self.links)
        paths.demand = 20e6
        for _ in 0..<60 {
            paths.links["wired"]?.isUp.toggle()
            paths.run(seconds: 0.5)
        }
        let times = Set(paths.decisions.map(\.time))
        #expect(times.count <= 2 * 30 / 5)
    }

    @Test("no_standby refuses the other path's subflows until it is needed") func refuses() {
        var paths = SimulatedPaths(
            .activeStandby(active: "wired", standby: "mobile", noStandby: true), Self.links)
        #expect(paths.use("mobile") == .refused)
        paths.demand = 20e6
        paths.run(seconds: 1)
        paths.links["wired"]?.isUp = false
        paths.run(seconds: 1)
        #expect(paths.use("mobile") == .active)
    }

    // MARK: smallest-delay

    static let quickest = SteerRule.Mode.smallestDelay(["mobile", "wired"], margin: 25_000)

    @Test("two paths within the margin are both used") func sharesEquals() {
        var paths = SimulatedPaths(Self.quickest, Self.links)
        paths.demand = 20e6
        paths.run(seconds: 30)
        #expect(paths.decisions.isEmpty)
    }

    @Test("of two quick paths the one that costs less has all") func prefersTheCheap() {
        var paths = SimulatedPaths(Self.quickest, Self.links, costs: ["mobile": 5])
        paths.demand = 20e6
        paths.run(seconds: 10)
        #expect(paths.use("mobile") == .standby)
        #expect(paths.use("wired") == .active)
        #expect(paths.decisions.map(\.reason).allSatisfy { $0.contains("costs less") })
        #expect(paths.decisions.count == 1)
    }

    @Test("a path whose delay rises is left within a second, and taken back after it falls") func leavesSlow() {
        var paths = SimulatedPaths(Self.quickest, Self.links)
        paths.demand = 20e6
        paths.run(seconds: 10)
        paths.links["wired"]?.roundTrip = 110_000
        paths.run(seconds: 1)
        #expect(paths.use("wired") == .standby)
        paths.run(seconds: 20)
        #expect(paths.use("wired") == .standby)
        paths.links["wired"]?.roundTrip = 10_000
        paths.run(seconds: 12)
        #expect(paths.use("wired") == .active)
    }

    @Test("delays that jump about make one switch in a hold time at most") func boundsJumps() {
        var paths = SimulatedPaths(Self.quickest, Self.links)
        paths.demand = 20e6
        var random = SplitMix(seed: 3)
        for _ in 0..<600 {
            paths.links["wired"]?.roundTrip = Double.random(in: 1000...200_000, using: &random)
            paths.run(seconds: 1)
        }
        let times = Set(paths.decisions.map(\.time)).sorted()
        #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 >= 5_000_000_000 })
    }

    // MARK: load-balancing

    @Test(
        "shares follow the weights, whether the links or the demand are the limit",
        arguments: [10e6, 50e6, 80e6, 200e6])
    func balances(demand: Double) {
        var paths = SimulatedPaths(.loadBalancing(["wired": 70, "mobile": 30]), Self.links)
        paths.demand = demand
        paths.run(seconds: 10)
        let before = paths.volumes
        paths.run(seconds: 20)
        #expect((65...75).contains(paths.share("wired", since: before)))
    }

    @Test("what the weights leave is nearly all that the links have") func isNotWasteful() {
        var paths = SimulatedPaths(.loadBalancing(["wired": 75, "mobile": 25]), Self.links)
        paths.demand = 200e6
        paths.run(seconds: 20)
        #expect(paths.carried.values.reduce(0, +) >= 0.9 * 120e6)
    }

    @Test("the other path has all when one goes down") func unbalances() {
        var paths = SimulatedPaths(.loadBalancing(["wired": 70, "mobile": 30]), Self.links)
        paths.demand = 20e6
        paths.run(seconds: 5)
        paths.links["wired"]?.isUp = false
        paths.run(seconds: 2)
        #expect(paths.use("wired") == .standby)
        #expect(paths.controller.roles["mobile"]?.limit.download == nil)
        #expect((paths.carried["mobile"] ?? 0) >= 19e6)
    }

    @Test("a weight of 0 is used only when no other path works") func hasReserve() {
        var paths = SimulatedPaths(.loadBalancing(["wired": 100, "mobile": 0]), Self.links)
        paths.demand = 200e6
        paths.run(seconds: 10)
        #expect(paths.use("mobile") == .standby)
        paths.links["wired"]?.isUp = false
        paths.run(seconds: 6)
        #expect(paths.use("mobile") == .active)
    }
}

/// Steele, Lea and Flood 2014: random numbers from a seed.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
