import LinuxSystem
import Testing
import Wire

@testable import TrafficControl

@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(2)))
struct UploadTests {
    @Test func twoHundredSubflowsAndBack() throws {
        try Scratch.run { scratch in
            let before = try scratch.state()
            let control = try TrafficControl(device: "up0")
            try control.attach(scratch.lan, .upload, takeOver: false)
            try control.setClass(1, scratch.lan, .upload, rate: 1_000_000)
            let attached = try scratch.state()
            for tuple in tuples(150) { try control.steer(tuple, scratch.lan, into: 1) }
            #expect(try scratch.matches("lan0", "ingress") == 300)
            #expect(try scratch.matches("up0", "") == 300)
            for tuple in tuples(150).prefix(298) { try control.release(tuple, scratch.lan) }
            #expect(try scratch.matches("lan0", "ingress") == 2)
            #expect(try scratch.matches("up0", "") == 2)
            for tuple in tuples(150) { try control.release(tuple, scratch.lan) }
            try scratch.expectState(attached)
            for tuple in tuples(150) { try control.steer(tuple, scratch.lan, into: 1) }
            try control.detach(scratch.lan, .upload)
            try scratch.expectState(before)
        }
    }

    @Test func interfacesShareTheDevice() throws {
        try Scratch.run { scratch in
            let before = try scratch.state()
            let control = try TrafficControl(device: "up0")
            try control.attach(scratch.lan, .upload, takeOver: false)
            try control.attach(scratch.wan, .upload, takeOver: false)
            try control.setClass(1, scratch.lan, .upload, rate: 1_000_000)
            for tuple in tuples(5) {
                try control.steer(tuple, scratch.lan, into: 1)
                try control.steer(tuple, scratch.wan, into: 1)
            }
            try control.detach(scratch.lan, .upload)
            #expect(!control.isAttached(scratch.lan, .upload))
            #expect(control.isAttached(scratch.wan, .upload))
            #expect(try scratch.matches("up0", "") == 10)
            #expect(try control.counters(scratch.wan, .upload)[1] != nil)
            try control.detach(scratch.wan, .upload)
            try scratch.expectState(before)
        }
    }

    static let foreign = [
        """
        tc qdisc add dev lan0 ingress
        tc filter add dev lan0 ingress protocol ip pref 5 u32 match ip dst 1.2.3.4/32 action mirred egress mirror dev wan0
        """,
        """
        tc qdisc add dev lan0 clsact
        tc filter add dev lan0 ingress protocol ip pref 9 handle 5: u32 divisor 4
        tc filter add dev lan0 egress protocol ip pref 5 u32 match ip dst 1.2.3.4/32 action mirred egress mirror dev wan0
        """,
        "tc qdisc add dev lan0 clsact",
        "tc qdisc add dev lan0 ingress",
    ]

    @Test(arguments: foreign, [false, true])
    func othersKeepTheirIngress(_ setup: String, _ isForgotten: Bool) throws {
        try Scratch.run { scratch in
            try shell(setup)
            let before = try scratch.state()
            let control = try TrafficControl(device: "up0")
            #expect(control.obstacle(scratch.lan, .upload, takeOver: false) == nil)
            try control.attach(scratch.lan, .upload, takeOver: false)
            #expect(control.isAttached(scratch.lan, .upload))
            try control.setClass(1, scratch.lan, .upload, rate: 1_000_000)
            for tuple in tuples(20) { try control.steer(tuple, scratch.lan, into: 1) }
            if isForgotten { try TrafficControl.removeAll() } else { try control.detach(scratch.lan, .upload) }
            try scratch.expectState(before)
            try control.detach(scratch.lan, .upload)
            try control.attach(scratch.lan, .upload, takeOver: false)
            try control.detach(scratch.lan, .upload)
            try scratch.expectState(before)
        }
    }

    @Test func ingressOfOursStaysForWhoeverUsesIt() throws {
        try Scratch.run { scratch in
            let control = try TrafficControl(device: "up0")
            try control.attach(scratch.lan, .upload, takeOver: false)
            try control.setClass(1, scratch.lan, .upload, rate: 1_000_000)
            for tuple in tuples(20) { try control.steer(tuple, scratch.lan, into: 1) }
            let filter =
                "lan0 ingress protocol ip pref 5 u32 match ip dst 1.2.3.4/32 action mirred egress mirror dev wan0"
            try shell("tc filter add dev \(filter)")
            try control.detach(scratch.lan, .upload)
            let after = try scratch.state()
            #expect(after.contains { $0.hasPrefix("qdisc ingress ") })
            #expect(try scratch.matches("lan0", "ingress") == 1)
            try control.attach(scratch.lan, .upload, takeOver: false)
            try control.detach(scratch.lan, .upload)
            try scratch.expectState(after)
        }
    }

    /// The numbers of our tables are taken: nothing is left half-done.
    @Test func failureLeavesNothingBehind() throws {
        try Scratch.run { scratch in
            try shell(
                """
                tc qdisc add dev lan0 clsact
                tc filter add dev lan0 ingress protocol ip pref 9 handle 771: u32 divisor 4
                """)
            let before = try scratch.state()
            let control = try TrafficControl(device: "up0")
            #expect(throws: TrafficControlError.self) { try control.attach(scratch.lan, .upload, takeOver: false) }
            #expect(!control.isAttached(scratch.lan, .upload))
            try scratch.expectState(before)
        }
    }

    @Test func anInterfaceOfThatNameIsNotOurs() throws {
        try Scratch.run { scratch in
            try shell("ip link add up0 type ifb")
            let before = try scratch.state()
            let control = try TrafficControl(device: "up0")
            let obstacle = try #require(control.obstacle(scratch.lan, .upload, takeOver: true))
            #expect(obstacle.problem.contains("up0"))
            #expect(throws: obstacle) { try control.attach(scratch.lan, .upload, takeOver: true) }
            try TrafficControl.removeAll()
            try scratch.expectState(before)
        }
    }
}

extension Scratch {
    /// The filters that match and don't merely sort: those with a class or an action.
    fileprivate func matches(_ device: String, _ hook: String) throws -> Int {
        try shell("tc filter show dev \(device) \(hook)").split(separator: "\n").count { line in
            line.contains("flowid")
        }
    }
}
