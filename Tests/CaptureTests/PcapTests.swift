import Capture
import Testing

@Suite struct PcapTests {
    @Test func littleEndianMicroseconds() {
        let file: [UInt8] = [
            0xd4, 0xc3, 0xb2, 0xa1,  // magic
            2, 0, 4, 0,  // version 2.4
            0, 0, 0, 0, 0, 0, 0, 0,  // time zone, accuracy
            0, 0, 4, 0,  // snapshot length 262144
            1, 0, 0, 0,  // Ethernet
            // record 1
            0x00, 0xf1, 0x53, 0x65,  // 1700000000 s
            0x40, 0xe2, 0x01, 0x00,  // 123456 us
            3, 0, 0, 0,  // captured
            60, 0, 0, 0,  // original
            0xaa, 0xbb, 0xcc,
            // record 2, with nothing captured
            0x01, 0xf1, 0x53, 0x65, 0, 0, 0, 0, 0, 0, 0, 0, 0xdc, 5, 0, 0,
        ]
        let (packets, error) = readAll(file)
        #expect(error == nil)
        #expect(
            packets == [
                Seen(time: 1_700_000_000_123_456_000, originalLength: 60, bytes: [0xaa, 0xbb, 0xcc]),
                Seen(frame: 2, time: 1_700_000_001_000_000_000, originalLength: 1500),
            ])
    }

    @Test func bigEndianNanoseconds() {
        let file: [UInt8] = [
            0xa1, 0xb2, 0x3c, 0x4d,  // magic
            0, 2, 0, 4,  // version 2.4
            0, 0, 0, 0, 0, 0, 0, 0,  // time zone, accuracy
            0, 4, 0, 0,  // snapshot length 262144
            0, 0, 0, 101,  // raw IP
            0x65, 0x53, 0xf1, 0x00,  // 1700000000 s
            0x07, 0x5b, 0xcd, 0x15,  // 123456789 ns
            0, 0, 0, 1,  // captured
            0, 0, 0, 40,  // original
            0x45,
        ]
        let (packets, error) = readAll(file)
        #expect(error == nil)
        #expect(
            packets == [Seen(time: 1_700_000_000_123_456_789, linkType: .raw, originalLength: 40, bytes: [0x45])])
    }

    @Test(arguments: Writer.allCases) func bothResolutionsInBothOrders(_ write: Writer) {
        for (magic, unit) in [(0xa1b2_c3d4 as UInt32, 1000 as Int64), (0xa1b2_3c4d, 1)] {
            let file = write.pcapHeader(magic: magic) + write.pcapRecord(seconds: 7, fraction: 9, [1, 2])
            #expect(readAll(file).packets == [Seen(time: 7_000_000_000 + 9 * unit, originalLength: 2, bytes: [1, 2])])
        }
    }

    @Test func aFileWithoutPacketsIsNoError() {
        let (packets, error) = readAll(Writer.little.pcapHeader())
        #expect(packets == [])
        #expect(error == nil)
    }

    /// FCS length 4 and the bit that says it is there, above the link type.
    @Test func theLinkTypeIsTheLowerHalf() {
        let file = Writer.little.pcapHeader(linkType: 0x4400_0071) + Writer.little.pcapRecord([1])
        #expect(readAll(file).packets.map(\.linkType) == [.linuxSLL])
    }

    @Test func theLargestTimesDoNotOverflow() {
        let file = Writer.big.pcapHeader() + Writer.big.pcapRecord(seconds: .max, fraction: .max, original: .max, [])
        #expect(
            readAll(file).packets == [
                Seen(time: 4_294_967_295_000_000_000 + 4_294_967_295_000, originalLength: 4_294_967_295)
            ])
    }

    @Test func theLongestPacketPasses() {
        let bytes = [UInt8](repeating: 7, count: CaptureLimit.packet)
        let (packets, error) = readAll(Writer.little.pcapHeader() + Writer.little.pcapRecord(bytes))
        #expect(error == nil)
        #expect(packets.map(\.bytes) == [bytes])
    }
}
