import PacketForge
import Testing
import TraceOutput
import Wire

struct CopyFilterTests {
    private static let lan = CopyFilter.Place(interface: 1, direction: .inbound)
    private static let wan = CopyFilter.Place(interface: 2, direction: .outbound)

    private static func data(_ sequence: UInt32, _ count: Int, _ source: String = "10.1.0.2:43210") -> [UInt8] {
        PacketDraft(
            source: Endpoint(source)!, sequence: sequence, flags: [.ack], payload: Array(repeating: 1, count: count)
        ).bytes
    }

    private static func verdicts(_ packets: [(bytes: [UInt8], time: Int64, place: CopyFilter.Place)]) throws -> [Bool] {
        var filter = CopyFilter()
        var verdicts: [Bool] = []
        for packet in packets {
            verdicts.append(
                filter.isCopy(try Segment(packet.bytes.span.bytes), at: packet.time, packet.place))
        }
        return verdicts
    }

    /// Coming in and going out; the one that is sent again comes twice, too, and is no copy of the first.
    @Test func aForwardedFlow() throws {
        let first = Self.data(1, 100)
        let second = Self.data(101, 100)
        let verdicts = try Self.verdicts([
            (first, 0, Self.lan), (first, 1, Self.wan), (second, 2, Self.lan), (second, 3, Self.wan),
            (first, 4, Self.lan), (first, 5, Self.wan),
        ])
        #expect(verdicts == [false, true, false, true, false, true])
    }

    /// In one place, everything counts, and so it does where the other direction is at home elsewhere.
    @Test func onePlaceADirection() throws {
        let there = Self.data(1, 100)
        let back = PacketDraft(
            source: Endpoint("10.9.0.2:80")!, destination: Endpoint("10.1.0.2:43210")!, sequence: 1, flags: [.ack],
            payload: [1]
        ).bytes
        let verdicts = try Self.verdicts([
            (there, 0, Self.lan), (back, 1, Self.wan), (there, 2, Self.lan), (back, 3, Self.wan),
        ])
        #expect(verdicts == [false, false, false, false])
    }

    /// The interfaces' packets may be in any order in a file: the first one of each pair counts.
    @Test func outOfOrder() throws {
        let packets = (0..<4).map { Self.data(1 + 100 * UInt32($0), 100) }
        let verdicts = try Self.verdicts([
            (packets[0], 0, Self.lan), (packets[0], 1, Self.wan), (packets[1], 2, Self.wan), (packets[1], 3, Self.lan),
            (packets[2], 4, Self.wan), (packets[2], 5, Self.lan), (packets[3], 6, Self.lan), (packets[3], 7, Self.wan),
        ])
        #expect(verdicts == [false, true, false, true, false, true, false, true])
    }

    /// Nothing has come home for a second: the route goes elsewhere now.
    @Test func anotherRoute() throws {
        let packet = Self.data(1, 100)
        let verdicts = try Self.verdicts([
            (packet, 0, Self.lan), (packet, 1_000_000_000, Self.wan), (packet, 2_000_000_001, Self.wan),
            (packet, 2_000_000_002, Self.wan),
        ])
        #expect(verdicts == [false, true, false, false])
    }

    /// The same ports again, from numbers that are lower.
    @Test func portsUsedAgain() throws {
        func syn(_ sequence: UInt32) -> [UInt8] { PacketDraft(sequence: sequence).bytes }
        let verdicts = try Self.verdicts([
            (syn(1000), 0, Self.lan), (syn(1000), 1, Self.wan), (syn(10), 2, Self.lan), (syn(10), 3, Self.wan),
            (Self.data(11, 5), 4, Self.lan), (Self.data(11, 5), 5, Self.wan),
        ])
        #expect(verdicts == [false, true, false, true, false, true])
    }

    /// Flows that come by now and then are remembered, whatever else comes by.
    @Test func boundedMemory() throws {
        var filter = CopyFilter(limit: 8)
        for round in 0..<100 as Range<UInt32> {
            let packet = Self.data(1 + round, 1)
            #expect(!filter.isCopy(try Segment(packet.span.bytes), at: 0, Self.lan))
            for other in 0..<4 {
                let passing = Self.data(1, 1, "10.1.\(round).\(other):1")
                #expect(!filter.isCopy(try Segment(passing.span.bytes), at: 0, Self.lan))
            }
            #expect(filter.isCopy(try Segment(packet.span.bytes), at: 0, Self.wan))
        }
    }
}
