import SystemPackage
import Testing

@testable import TrafficControl

/// What an operator reads.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(1)))
struct ErrorTests {
    @Test func missingModulesAreNamed() throws {
        try Scratch.run { scratch in
            let socket = try RouteSocket()
            let lan = scratch.lan.index
            let qdisc = TrafficObject(.qdisc, "nonesuch", handle: Handle(5), parent: .root)
            let noQdisc = try #require(throws: TrafficControlError.self) { try socket.add(qdisc, to: lan) }
            #expect(noQdisc.problem.hasPrefix("can't make qdisc nonesuch 5: on lan0: "))
            #expect(noQdisc.problem.contains("unknown"), "the kernel's own words")
            #expect(noQdisc.mend == "the kernel lacks it: modprobe sch_nonesuch")

            try shell("tc qdisc add dev lan0 ingress")
            var filter = TrafficObject(.filter, "nonesuch", handle: .none, parent: .ingressFilters)
            filter.info = 5 << 16 | 8
            let noFilter = try #require(throws: TrafficControlError.self) { try socket.add(filter, to: lan) }
            #expect(noFilter.mend == "the kernel lacks it: modprobe cls_nonesuch")
        }
    }

    @Test func whatIsNotPreparedIsNamed() throws {
        try Scratch.run { scratch in
            let before = try scratch.state()
            let control = try TrafficControl(device: "up0")
            let noRoot = try #require(throws: TrafficControlError.self) {
                try control.setClass(1, scratch.lan, .download, rate: 1_000_000)
            }
            #expect(noRoot.problem.hasPrefix("can't make class htb 7700:1 on lan0: No such file or directory"))
            #expect(noRoot.mend.contains("another program has changed the qdiscs"))
            for body in [
                { try control.setClass(1, scratch.lan, .upload, rate: 1_000_000) },
                { try control.steer(tuples(1)[0], scratch.lan, into: 1) },
                { _ = try control.counters(scratch.lan, .upload) },
            ] {
                let error = #expect(throws: TrafficControlError.self) { try body() }
                #expect(error?.problem == "lan0 isn't prepared for shaping its upload")
            }
            let gone = ShapedInterface(index: 999, name: "gone0")
            for direction in ShapingDirection.allCases {
                let error = #expect(throws: TrafficControlError.self) {
                    try control.attach(gone, direction, takeOver: false)
                }
                #expect(error?.mend.hasPrefix("the interface is gone") == true, "\(direction): \(error!)")
            }
            try scratch.expectState(before)
        }
    }

    @Test func aClassInUseStays() throws {
        try Scratch.run { scratch in
            let control = try TrafficControl(device: "up0")
            try control.attach(scratch.lan, .upload, takeOver: false)
            try control.setClass(1, scratch.lan, .upload, rate: 1_000_000)
            try control.steer(tuples(1)[0], scratch.lan, into: 1)
            let error = try #require(throws: TrafficControlError.self) {
                try control.removeClass(1, scratch.lan, .upload)
            }
            #expect(error.mend.contains("release its subflows"))
            try control.release(tuples(1)[0], scratch.lan)
            try control.removeClass(1, scratch.lan, .upload)
            #expect(try control.counters(scratch.lan, .upload) == [:])
        }
    }

    @Test(arguments: ["", "sixteen-letters-"])
    func namesOfDevices(_ name: String) {
        #expect(throws: TrafficControlError.self) { _ = try TrafficControl(device: name) }
    }

    @Test func mends() {
        func mend(_ errno: Errno, _ words: String = "", module: String? = nil) -> String {
            TrafficControlError("try", errno, words: words, module: module).mend
        }
        #expect(mend(.notPermitted) == "run as root or with CAP_NET_ADMIN")
        #expect(
            mend(.notSupportedOnSocket, "Unknown device type", module: "ifb") == "the kernel lacks it: modprobe ifb")
        #expect(mend(.noSuchFileOrDirectory, "Failed to find qdisc", module: "sch_htb").contains("another program"))
    }
}
