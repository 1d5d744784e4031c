import LinuxSystem
import Testing
import Wire

@testable import TrafficControl

/// Somebody removes what is ours, or what it is on; or the process dies.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(2)))
struct LossTests {
    @Test func removeAllFindsEverythingOfAnotherRun() throws {
        try Scratch.run { scratch in
            let before = try scratch.state()
            try TrafficControl.removeAll()
            try scratch.expectState(before)
            let control = try TrafficControl(device: "another")
            for interface in [scratch.lan, scratch.wan] {
                for direction in ShapingDirection.allCases {
                    try control.attach(interface, direction, takeOver: false)
                    try control.setClass(1, interface, direction, rate: 1_000_000)
                }
                for tuple in tuples(20) { try control.steer(tuple, interface, into: 1) }
            }
            try TrafficControl.removeAll()
            try scratch.expectState(before)
            for direction in ShapingDirection.allCases { #expect(!control.isAttached(scratch.lan, direction)) }
            try TrafficControl.removeAll()
            try scratch.expectState(before)
        }
    }

    @Test(arguments: ShapingDirection.allCases)
    func attachReplacesWhatADeadRunLeft(_ direction: ShapingDirection) throws {
        try Scratch.run { scratch in
            let before = try scratch.state()
            let dead = try TrafficControl(device: "another")
            try dead.attach(scratch.lan, direction, takeOver: false)
            try dead.setClass(1, scratch.lan, direction, rate: 1_000_000)
            if direction == .upload { for tuple in tuples(20) { try dead.steer(tuple, scratch.lan, into: 1) } }
            let control = try TrafficControl(device: "up0")
            try control.attach(scratch.lan, direction, takeOver: false)
            #expect(try control.counters(scratch.lan, direction) == [:])
            try control.detach(scratch.lan, direction)
            try scratch.expectState(before)
        }
    }

    static let losses = [
        (ShapingDirection.download, "tc qdisc del dev lan0 root"),
        (.upload, "tc qdisc del dev lan0 ingress"),
        (.upload, "ip link del up0"),
        (.upload, "tc qdisc del dev up0 root"),
        (.upload, "tc filter del dev lan0 ingress pref 7701"),
    ]

    @Test(arguments: losses)
    func lossIsSeenAndMended(_ direction: ShapingDirection, _ loss: String) throws {
        try Scratch.run { scratch in
            let before = try scratch.state()
            let control = try TrafficControl(device: "up0")
            try control.attach(scratch.lan, direction, takeOver: false)
            if direction == .upload {
                try control.setClass(1, scratch.lan, direction, rate: 1_000_000)
                for tuple in tuples(3) { try control.steer(tuple, scratch.lan, into: 1) }
            }
            try shell(loss)
            #expect(!control.isAttached(scratch.lan, direction))
            try control.attach(scratch.lan, direction, takeOver: false)
            #expect(control.isAttached(scratch.lan, direction))
            try control.setClass(1, scratch.lan, direction, rate: 1_000_000)
            if direction == .upload { for tuple in tuples(3) { try control.steer(tuple, scratch.lan, into: 1) } }
            try control.detach(scratch.lan, direction)
            try scratch.expectState(before)
        }
    }

    @Test(arguments: ShapingDirection.allCases)
    func theInterfaceVanishes(_ direction: ShapingDirection) throws {
        try Scratch.run { scratch in
            try shell("tc qdisc add dev wan0 root handle 5: pfifo limit 77")
            let control = try TrafficControl(device: "up0")
            let wan = scratch.wan
            try control.attach(wan, direction, takeOver: true)
            try control.setClass(1, wan, direction, rate: 1_000_000)
            if direction == .upload { for tuple in tuples(3) { try control.steer(tuple, wan, into: 1) } }
            try shell("ip link del wan0; ip link add wan0 type veth peer name wan1; ip link set wan0 up")
            #expect(!control.isAttached(wan, direction))
            #expect(throws: TrafficControlError.self) { try control.attach(wan, direction, takeOver: true) }
            if direction == .upload { for tuple in tuples(3) { try control.release(tuple, wan) } }
            try control.detach(wan, direction)
            let before = try scratch.state()
            #expect(!before.contains { $0.contains("up0") || $0.contains("sluice") })
            try control.attach(scratch.wan, direction, takeOver: true)
            #expect(control.isAttached(scratch.wan, direction))
            try control.detach(scratch.wan, direction)
            try scratch.expectState(before)
        }
    }
}
