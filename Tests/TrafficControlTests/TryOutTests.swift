import LinuxSystem
import Testing

@testable import TrafficControl

@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(1)))
struct TryOutTests {
    static let directions: [Set<ShapingDirection>] = [[], [.download], [.upload], [.download, .upload]]

    /// Beside what is in use, which is left alone.
    @Test(arguments: directions)
    func isElsewhere(_ directions: Set<ShapingDirection>) throws {
        try Scratch.run { scratch in
            let control = try TrafficControl(device: "ifb")
            for direction in ShapingDirection.allCases {
                try control.attach(scratch.lan, direction, takeOver: false)
                try control.setClass(1, scratch.lan, direction, rate: 10_000_000)
            }
            try control.steer(tuples(1)[0], scratch.lan, into: 1)
            let before = try scratch.state()
            try TrafficControl.tryOut(directions)
            try scratch.expectState(before)
        }
    }

    /// Not the caller's namespace: there are none of its interfaces, and the loopback device is what `tryOut` takes for it.
    @Test func whereThereIsLoopbackAlone() throws {
        try Scratch.run { _ in
            let (names, first) = try NetworkNamespace.runInNew {
                (Set(try NetworkInterface.list().keys), NetworkInterface.name(1))
            }
            #expect(!names.contains("lan0"))
            #expect(first == "lo")
        }
    }
}
