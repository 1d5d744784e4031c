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

    private func question(_ packet: ArraySlice<UInt8>) throws -> [UInt8]? { try question(Array(packet)) }
}
