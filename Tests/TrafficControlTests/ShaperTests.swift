import Testing

@testable import TrafficControl

/// The numbers, as the kernel gives them back.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(1)))
struct ShaperTests {
    static let rates: [(UInt64?, String)] = [
        (8_000, "quantum 1514 rate 8Kbit ceil 8Kbit linklayer ethernet burst 32Kb/1 mpu 0b cburst 32Kb/1"),
        (10_000_000, "quantum 12500 rate 10Mbit ceil 10Mbit linklayer ethernet burst 32Kb/1 mpu 0b cburst 32Kb/1"),
        (
            1_000_000_000,
            "quantum 60000 rate 1Gbit ceil 1Gbit linklayer ethernet burst 1250000b/1 mpu 0b cburst 1250000b/1"
        ),
        // Just what 32 bits of bytes/s hold no more.
        (34_359_738_368, "quantum 60000 rate 34359Mbit ceil 34359Mbit linklayer ethernet burst 4294"),
        (400_000_000_000, "quantum 60000 rate 400Gbit ceil 400Gbit linklayer ethernet burst 500000000b/1"),
        (nil, "quantum 60000 rate 1Tbit ceil 1Tbit linklayer ethernet burst 1250000000b/1"),
    ]

    @Test(arguments: ShapingDirection.allCases)
    func ratesBurstsAndQuanta(_ direction: ShapingDirection) throws {
        try Scratch.run { scratch in
            let control = try TrafficControl(device: "up0")
            try control.attach(scratch.lan, direction, takeOver: false)
            let device = direction == .download ? "lan0" : "up0"
            for (rate, expected) in Self.rates {
                // Each once as a new class, then as a change of it.
                for number in [UInt8(Self.rates.count), 0xff] {
                    try control.setClass(number, scratch.lan, direction, rate: rate)
                    let shown = try shell("tc -d class show dev \(device) classid 7700:\(hex(number))")
                    #expect(shown.contains(expected), "\(rate ?? 0): \(shown)")
                }
                try control.removeClass(UInt8(Self.rates.count), scratch.lan, direction)
            }
        }
    }

    @Test func aLeafFollowsItsRate() throws {
        try Scratch.run { scratch in
            let control = try TrafficControl(device: "up0")
            try control.attach(scratch.lan, .download, takeOver: false)
            control.hasFairQueueing = false
            for (rate, limit) in [
                (8_000 as UInt64?, 262144), (100_000_000, 2_500_000), (nil, 33_554_432), (8_000, 262144),
            ] {
                try control.setClass(0xab, scratch.lan, .download, rate: rate)
                let shown = try shell("tc -j qdisc show dev lan0 parent 7700:ab")
                #expect(shown.contains(#""kind":"bfifo","handle":"77ab:""#), "\(shown)")
                #expect(shown.contains(#""limit":\#(limit)"#), "\(shown)")
            }
        }
    }
}
