import Foundation
import Steering
import Testing

/// A daemon goes on from what another one has made of its paths.
@Suite("steering that goes on in another daemon") struct SteeringMemoryTests {
    private static let fit = PathCondition(state: .fit)
    private static let down = PathCondition(state: .down, fault: .interfaceDown)
    private static let modes: [SteerRule.Mode] = [
        .activeStandby(active: "a", standby: "b", noStandby: false), .priorityBased(high: "a", low: "b"),
        .smallestDelay(["a", "b"], margin: 5000), .loadBalancing(["a": 100, "b": 0]),
    ]

    private func handedOver(_ memory: SteeringMemory) throws -> SteeringMemory {
        let read = try JSONDecoder().decode(SteeringMemory.self, from: try JSONEncoder().encode(memory))
        #expect(read == memory)
        return read
    }

    @Test("roles and their hold time go on", arguments: modes) func roles(_ mode: SteerRule.Mode) throws {
        let rule = SteerRule(name: "r", mode: mode, limits: PathLimits(minHold: 5_000_000_000))
        var controller = SteerController(rule)
        let switched: UInt64 = 9_000_000_000
        #expect(!controller.decide(["a": Self.down, "b": Self.fit], at: switched).isEmpty)
        let uses = controller.roles.mapValues(\.use)
        #expect(uses["a"] == .standby && uses["b"] == .active)
        var memory = SteeringMemory()
        memory.rules["r"] = controller.memory
        var next = SteerController(rule, try handedOver(memory).rules["r"])
        #expect(next.roles.mapValues(\.use) == uses)
        // A daemon that begins anew would be back on its first path at once; here the switch stands for its time.
        for step in 0...49 as ClosedRange<UInt64> {
            _ = next.decide(["a": Self.fit, "b": Self.fit], at: switched + step * 100_000_000)
            #expect(next.roles["b"]?.use == .active, "\(step)")
        }
    }

    @Test("of another rule by the same name nothing counts", arguments: modes) func otherRules(_ mode: SteerRule.Mode) {
        var controller = SteerController(SteerRule(name: "r", mode: mode))
        _ = controller.decide(["a": Self.down, "b": Self.fit], at: 9_000_000_000)
        let others: [SteerRule.Mode] = [
            .activeStandby(active: "a", standby: "b", noStandby: true),
            .activeStandby(active: "b", standby: "a", noStandby: false),
            .priorityBased(high: "b", low: "a"), .smallestDelay(["a", "c"], margin: 5000),
            .loadBalancing(["a": 0, "b": 100]),
        ]
        for other in others {
            let rule = SteerRule(name: "r", mode: other)
            #expect(SteerController(rule, controller.memory).roles == SteerController(rule).roles, "\(other)")
        }
        #expect(SteerController(SteerRule(name: "r", mode: mode), nil).roles.keys.sorted() == ["a", "b"])
    }

    @Test("a throttle that is on stays on, for its time") func gates() throws {
        var bench = ThrottleGateTests.Bench()
        bench.run(1, others: 0.5, fault: ThrottleGateTests.full)
        let gate = bench.gate
        #expect(gate.isOn && gate.since != nil)
        var memory = SteeringMemory()
        memory.gates["t"] = gate.memory
        let kept = try handedOver(memory).gates["t"]
        let next = ThrottleGate(gate.condition, kept)
        #expect(next.isOn && next.since == gate.since && next.reason == gate.reason && next.memory == gate.memory)
        let other = ThrottleGate(ThrottleRule.Condition(path: "p"), kept)
        #expect(!other.isOn && other.since == nil)
    }

    @Test("what a path was found to carry is known") func capacities() throws {
        var feed = PathFeed(capacity: nil, upload: 50_000_000)
        feed.reading.roundTripTime = 90_000
        feed.reading.shortestRoundTripTime = 10_000
        feed.run(3, rate: 40e6)
        let learned = try #require(feed.figures.capacity.download)
        var memory = SteeringMemory()
        memory.capacities["link"] = feed.monitor.memory
        let kept = try handedOver(memory).capacities["link"]
        let path = feed.monitor.path
        var next = PathMonitor(path, kept, at: feed.now)
        next.note(PathReading(), at: feed.now + PathFeed.step)
        #expect(next.figures.capacity.download == learned && next.figures.capacity.upload == 50e6)
        #expect(next.state == .fit)
        // What the file says of it now is what counts.
        let given = Path(name: "link", selector: path.selector, capacity: PathRates(download: 7, upload: nil))
        var told = PathMonitor(given, kept, at: feed.now)
        told.note(PathReading(), at: feed.now + PathFeed.step)
        #expect(told.figures.capacity.download == 7)
        let moved = Path(name: "link", selector: .interface("eth1"))
        #expect(PathMonitor(moved, kept, at: feed.now).figures.capacity.download == nil)
    }
}
