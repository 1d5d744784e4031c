import PacketForge
import Testing
import Wire

@Suite struct SegmentCopyTests {
    private func question(_ packet: [UInt8], room: Int = 256) throws -> [UInt8]? {
        var copy = [UInt8](repeating: 0xaa, count: room)
        let length = try copy.withUnsafeMutableBytes {
            try Segment(packet.span.bytes).copyAskingForMultipath(to: $0)
        }
        return length.map { Array(copy[..<$0]) }
    }

    private static let asked: [UInt8] = [30, 4, 1, 1]
    private static let ends = [
        (Endpoint("10.1.0.2:43210")!, Endpoint("10.9.0.2:80")!),
        (Endpoint("[fd00:1::2]:43210")!, Endpoint("[fd00:9::2]:80")!),
    ]

    /// The copy is the packet that would have been made with the option in it, to the last bit of its checksums.
    @Test(arguments: 0..<2, [[], [7], [1, 2, 3, 4]] as [[UInt8]])
    func isTheSamePacketWithOneMoreOption(_ family: Int, _ payload: [UInt8]) throws {
        let (source, destination) = Self.ends[family]
        let options: [UInt8] = [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7]
        for sequence in [0, 1, 0x1234_5678, 0xffff_ffff] as [UInt32] {
            var draft = PacketDraft(
                source: source, destination: destination, sequence: sequence, options: options, payload: payload)
            let packet = draft.bytes
            draft.options += Self.asked
            #expect(try question(packet) == draft.bytes)
        }
    }

    @Test func noRoomIsNoCopy() throws {
        let full = PacketDraft(options: Array(repeating: 1, count: 40)).bytes
        #expect(try question(full) == nil)
        let packet = PacketDraft(options: Array(repeating: 1, count: 36)).bytes
        #expect(try question(packet)?.count == 80)
        #expect(try question(packet, room: 79) == nil)
        // Not captured whole.
        #expect(try question(PacketDraft(payload: [1, 2, 3]).bytes.dropLast()) == nil)
    }

    private func lowered(_ packet: [UInt8], to size: UInt16, room: Int = 256) throws -> [UInt8]? {
        var copy = [UInt8](repeating: 0xaa, count: room)
        let length = try copy.withUnsafeMutableBytes {
            try Segment(packet.span.bytes).copyLowering(maximumSegmentSize: size, to: $0)
        }
        return length.map { Array(copy[..<$0]) }
    }

    /// A copy with a lower maximum segment size is the packet that would have been made with it; also when the checksum
    /// had yet to be completed.
    @Test(arguments: 0..<2, [[], [7], [1, 2, 3, 4]] as [[UInt8]])
    func aLowerMaximumSegmentSizeIsTheOnlyDifference(_ family: Int, _ payload: [UInt8]) throws {
        let (source, destination) = Self.ends[family]
        for position in [0, 4] {
            let others: [UInt8] = [4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7]
            func packet(_ size: [UInt8]) -> [UInt8] {
                var options = others
                options.insert(contentsOf: [2, 4] + size, at: position == 0 ? 0 : 2)
                return PacketDraft(source: source, destination: destination, options: options, payload: payload).bytes
            }
            var before = packet([0x05, 0xb4])
            #expect(try Segment(before.span.bytes).maximumSegmentSize == 1460)
            #expect(try lowered(before, to: 1200) == packet([0x04, 0xb0]))
            let checksum = (family == 0 ? 20 : 40) + 16
            before[checksum] ^= 0xff
            #expect(try lowered(before, to: 1200) == packet([0x04, 0xb0]))
            #expect(try lowered(before, to: 1460) == nil)
            #expect(try lowered(before, to: 1200, room: before.count - 1) == nil)
        }
        let without = PacketDraft(source: source, destination: destination, options: [4, 2, 1, 1]).bytes
        #expect(try Segment(without.span.bytes).maximumSegmentSize == nil)
        #expect(try lowered(without, to: 1200) == nil)
    }

    private func question(_ packet: ArraySlice<UInt8>) throws -> [UInt8]? { try question(Array(packet)) }
}
