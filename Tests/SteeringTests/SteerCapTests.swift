import Steering
import Testing

@Suite("steering modes and used-up volumes") struct SteerCapTests {
    @Test(
        "a path whose volume is used up is left, and taken back in the next period",
        arguments: SteerControllerEdgeTests.modes)
    func leavesSpent(mode: SteerRule.Mode) {
        for demand in [20e6, 200e6] {
            var paths = SteerControllerEdgeTests.paths(mode, demand: demand)
            paths.run(seconds: 10)
            paths.links["wired"]?.isCapUsed = true
            paths.run(seconds: 6)
            let before = paths.volumes["wired"]
            paths.run(seconds: 60)
            #expect(paths.use("wired") == .standby)
            #expect(paths.use("mobile") == .active)
            // A trial would cost volume and tell nothing.
            if mode != SteerControllerEdgeTests.quickest { #expect(paths.volumes["wired"] == before) }
            paths.links["wired"]?.isCapUsed = false
            paths.demand = 20e6
            paths.run(seconds: 20)
            #expect(paths.use("wired") == .active)
        }
    }

    @Test("the low path of a used-up volume isn't opened", arguments: [20e6, 200e6]) func sparesLow(demand: Double) {
        var paths = SteerControllerEdgeTests.paths(SteerControllerEdgeTests.overflow, demand: demand)
        paths.links["mobile"]?.isCapUsed = true
        paths.run(seconds: 60)
        #expect(paths.volumes["mobile"] == 0)
    }

    @Test(
        "when both volumes are used up, something carries, and nothing oscillates",
        arguments: SteerControllerEdgeTests.modes, [true, false])
    func spendsBoth(mode: SteerRule.Mode, isWiredFirst: Bool) {
        var paths = SteerControllerEdgeTests.paths(mode)
        paths.run(seconds: 10)
        for name in isWiredFirst ? ["wired", "mobile"] : ["mobile", "wired"] {
            paths.links[name]?.isCapUsed = true
            paths.run(seconds: 20)
        }
        let before = paths.decisions.count
        paths.run(seconds: 120)
        #expect(SteerControllerEdgeTests.carries(paths))
        #expect(paths.decisions.count == before)
        // And it isn't kept from falling back.
        for name in paths.links.keys where paths.use(name) == .active {
            paths.links[name]?.isUp = false
        }
        paths.run(seconds: 0.3)
        for name in paths.links.keys { paths.links[name]?.isUp = true }
        paths.run(seconds: 1)
        #expect(SteerControllerEdgeTests.carries(paths))
    }

    @Test("a used-up path carries when the other goes down", arguments: SteerControllerEdgeTests.modes)
    func fallsBackSpent(mode: SteerRule.Mode) {
        var paths = SteerControllerEdgeTests.paths(mode)
        paths.run(seconds: 10)
        paths.links["wired"]?.isCapUsed = true
        paths.run(seconds: 10)
        paths.links["mobile"]?.isUp = false
        paths.run(seconds: 0.2)
        #expect(paths.use("wired") == .active)
    }

    @Test("a slow path whose volume is used up isn't tried") func sparesSpent() {
        var paths = SteerControllerEdgeTests.paths(SteerControllerEdgeTests.pair, maxRoundTripTime: 150_000)
        paths.run(seconds: 3)
        paths.links["wired"]?.roundTrip = 300_000
        paths.run(seconds: 2)
        paths.links["wired"]?.isCapUsed = true
        let before = paths.volumes["wired"]
        paths.run(seconds: 60)
        #expect(paths.volumes["wired"] == before)
    }
}
