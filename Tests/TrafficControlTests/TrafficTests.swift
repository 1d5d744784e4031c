import LinuxSystem
import Testing
import Wire

@testable import TrafficControl

/// With packets.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(2)))
struct TrafficTests {
    @Test func packetsGoByTheirPriority() throws {
        try Scratch.run { scratch in
            let control = try TrafficControl(device: "up0")
            try control.attach(scratch.lan, .download, takeOver: false)
            try control.setClass(1, scratch.lan, .download, rate: nil)
            try control.setClass(2, scratch.lan, .download, rate: 400_000_000_000)
            try DatagramSender(classMinor: 1).send(5)
            try DatagramSender(classMinor: 2).send(7)
            // A class that isn't there: by the default class.
            try DatagramSender(classMinor: 9).send(11)
            #expect(try eventually { try control.counters(scratch.lan, .download)[2]?.packets == 7 })
            let counters = try control.counters(scratch.lan, .download)
            #expect(counters[1]?.packets == 5)
            #expect(counters[1]?.bytes == 5 * 1442)
            #expect(Set(counters.keys) == [1, 2])
        }
    }

    @Test func anotherRateKeepsWhatWaits() throws {
        try Scratch.run { scratch in
            let control = try TrafficControl(device: "up0")
            try control.attach(scratch.lan, .download, takeOver: false)
            func counters() throws -> ClassCounters {
                try #require(try control.counters(scratch.lan, .download)[1])
            }
            try control.setClass(1, scratch.lan, .download, rate: 8_000)
            try DatagramSender(classMinor: 1).send(60)
            #expect(try eventually { try counters().packets > 0 })
            let waiting = try counters()
            #expect(waiting.backlog > 30_000)
            #expect(waiting.overlimits > 0)
            try control.setClass(1, scratch.lan, .download, rate: 16_000)
            #expect(try counters().backlog > 30_000)
            try control.setClass(1, scratch.lan, .download, rate: nil)
            #expect(try eventually { try counters().backlog == 0 })
            #expect(try counters().packets == 60)
            #expect(try counters().drops == 0)
        }
    }

    @Test func whatFindsNoRoomIsCounted() throws {
        try Scratch.run { scratch in
            let control = try TrafficControl(device: "up0")
            try control.attach(scratch.lan, .download, takeOver: false)
            try control.setClass(1, scratch.lan, .download, rate: 8_000)
            let senders = (0..<300)
            for _ in senders { try? DatagramSender(classMinor: 1).send(1) }
            let counters = try #require(try control.counters(scratch.lan, .download)[1])
            #expect(counters.drops > 0)
            #expect(counters.backlog <= 256 << 10)
            #expect(counters.packets + counters.drops < 300)
        }
    }

    /// Never faster than the rate: how fast the machine is plays no part.
    @Test func theRateHolds() throws {
        try Scratch.run { scratch in
            let control = try TrafficControl(device: "up0")
            try control.attach(scratch.lan, .upload, takeOver: false)
            let transfer = try Transfer(scratch, isIPv4: true)
            try control.setClass(1, scratch.lan, .upload, rate: 4_000_000)
            try control.steer(transfer.tuple, scratch.lan, into: 1)
            let start = MonotonicTime.now
            #expect(try transfer.upload(600_000))
            // Without the burst, and a GSO packet on top of it.
            let least = (600_000 - 32 * 1024 - 65_536) * 8 / 4_000_000.0
            #expect(Double(MonotonicTime.now.nanoseconds(since: start)) / 1e9 > least)
        }
    }

    @Test(arguments: [true, false])
    func steeredUploadGoesThroughItsClass(_ isIPv4: Bool) throws {
        try Scratch.run { scratch in
            let control = try TrafficControl(device: "up0")
            try control.attach(scratch.lan, .upload, takeOver: false)
            func bytes(_ number: UInt8) throws -> UInt64? {
                try control.counters(scratch.lan, .upload)[number]?.bytes
            }
            let transfer = try Transfer(scratch, isIPv4: isIPv4)
            let other = FourTuple(
                client: Endpoint(address: transfer.tuple.client.address, port: transfer.tuple.client.port ^ 0x100),
                server: transfer.tuple.server)
            try control.setClass(3, scratch.lan, .upload, rate: 500_000_000)
            try control.setClass(4, scratch.lan, .upload, rate: 500_000_000)
            try control.steer(other, scratch.lan, into: 4)
            #expect(try transfer.upload(100_000))
            #expect(try scratch.bytesSent(by: "up0") == 0, "what isn't steered doesn't come by the IFB")

            try control.steer(transfer.tuple, scratch.lan, into: 3)
            #expect(try transfer.upload(300_000))
            let first = try #require(try bytes(3))
            #expect(first > 300_000)
            try control.steer(transfer.tuple, scratch.lan, into: 4)
            #expect(try transfer.upload(200_000))
            #expect(try bytes(3) == first)
            let second = try #require(try bytes(4))
            #expect(second > 200_000)

            try control.release(transfer.tuple, scratch.lan)
            try control.release(transfer.tuple, scratch.lan)
            #expect(try transfer.upload(100_000))
            #expect(try bytes(4) == second)
            try control.detach(scratch.lan, .upload)
            #expect(try transfer.upload(100_000))
        }
    }
}

extension Scratch {
    /// By the device, those of no class included.
    fileprivate func bytesSent(by device: String) throws -> Int {
        let words = try shell("tc -s qdisc show dev \(device) root").split(separator: " ")
        return words.firstIndex(of: "Sent").flatMap { Int(words[$0 + 1]) } ?? 0
    }
}
