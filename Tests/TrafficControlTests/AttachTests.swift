import LinuxSystem
import Testing

@testable import TrafficControl

@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(2)))
struct AttachTests {
    @Test(arguments: ShapingDirection.allCases)
    func attachAndDetachLeaveNoTrace(_ direction: ShapingDirection) throws {
        try Scratch.run { scratch in
            let before = try scratch.state()
            let control = try TrafficControl(device: "up0")
            #expect(!control.isAttached(scratch.lan, direction))
            #expect(control.obstacle(scratch.lan, direction, takeOver: false) == nil)
            try control.attach(scratch.lan, direction, takeOver: false)
            #expect(control.isAttached(scratch.lan, direction))
            #expect(!control.isAttached(scratch.wan, direction))
            #expect(control.obstacle(scratch.lan, direction, takeOver: false) == nil)
            try control.setClass(1, scratch.lan, direction, rate: 10_000_000)
            try control.setClass(255, scratch.lan, direction, rate: nil)
            #expect(try Set(control.counters(scratch.lan, direction).keys) == [1, 255])
            let attached = try scratch.state()
            try control.attach(scratch.lan, direction, takeOver: false)
            try scratch.expectState(attached, "attaching again changes nothing")
            try control.removeClass(1, scratch.lan, direction)
            #expect(try Set(control.counters(scratch.lan, direction).keys) == [255])
            try control.detach(scratch.lan, direction)
            try control.detach(scratch.lan, direction)
            #expect(!control.isAttached(scratch.lan, direction))
            try scratch.expectState(before)
        }
    }

    /// Of a device that has a queue, up and down.
    @Test(arguments: ["up", "down"])
    func theKernelsDefaultComesBack(_ state: String) throws {
        try Scratch.run { scratch in
            try shell("ip link add eth0 type ifb; ip link set eth0 \(state)")
            let before = try scratch.state()
            #expect(before.contains { $0.hasPrefix("qdisc ") && $0.contains(" 0: dev eth0") } == (state == "up"))
            let ethernet = ShapedInterface(index: try #require(NetworkInterface.index("eth0")), name: "eth0")
            let control = try TrafficControl(device: "up0")
            #expect(control.obstacle(ethernet, .download, takeOver: false) == nil)
            try control.attach(ethernet, .download, takeOver: false)
            try control.setClass(1, ethernet, .download, rate: 1_000_000)
            #expect(control.isAttached(ethernet, .download))
            try control.detach(ethernet, .download)
            try scratch.expectState(before)
        }
    }
}
