import Capture
import Testing

@Suite struct PcapngTests {
    @Test func littleEndianSectionByteByByte() {
        let file: [UInt8] = [
            0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0,  // section header block, length
            0x4d, 0x3c, 0x2b, 0x1a,  // byte-order magic
            1, 0, 0, 0,  // version 1.0
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,  // section length unknown
            28, 0, 0, 0,
            1, 0, 0, 0, 40, 0, 0, 0,  // interface description block, length
            101, 0, 0, 0,  // raw IP, reserved
            0, 0, 4, 0,  // snapshot length
            2, 0, 4, 0, 0x6c, 0x61, 0x6e, 0x30,  // if_name "lan0"
            9, 0, 1, 0, 9, 0, 0, 0,  // if_tsresol 10^-9, padded
            0, 0, 0, 0,  // opt_endofopt
            40, 0, 0, 0,
            6, 0, 0, 0, 56, 0, 0, 0,  // enhanced packet block, length
            0, 0, 0, 0,  // interface 0
            0xfe, 0x9c, 0x97, 0x17, 0x15, 0xcd, 0x85, 0x3d,  // 1700000000123456789 ns: upper half, lower half
            2, 0, 0, 0,  // captured
            40, 0, 0, 0,  // original
            0x45, 0x00, 0, 0,  // packet, padded
            2, 0, 4, 0, 2, 0, 0, 0,  // epb_flags: outbound
            1, 0, 2, 0, 0x68, 0x69, 0, 0,  // opt_comment "hi", padded
            0, 0, 0, 0,  // opt_endofopt
            56, 0, 0, 0,
        ]
        let (packets, error) = readAll(file)
        #expect(error == nil)
        #expect(
            packets == [
                Seen(
                    time: 1_700_000_000_123_456_789, name: "lan0", linkType: .raw, originalLength: 40,
                    direction: .outbound, comment: "hi", bytes: [0x45, 0x00])
            ])
    }

    @Test func bigEndianSimplePacketByteByByte() {
        let file: [UInt8] = [
            0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 28,  // section header block, length
            0x1a, 0x2b, 0x3c, 0x4d,  // byte-order magic
            0, 1, 0, 2,  // version 1.2
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,  // section length unknown
            0, 0, 0, 28,
            0, 0, 0, 1, 0, 0, 0, 20,  // interface description block, length
            0, 1, 0, 0,  // Ethernet, reserved
            0, 0, 0, 3,  // snapshot length
            0, 0, 0, 20,
            0, 0, 0, 3, 0, 0, 0, 20,  // simple packet block, length
            0, 0, 0, 60,  // original
            0xaa, 0xbb, 0xcc, 0,  // as much as the snapshot length allows, padded
            0, 0, 0, 20,
        ]
        let (packets, error) = readAll(file)
        #expect(error == nil)
        #expect(packets == [Seen(originalLength: 60, bytes: [0xaa, 0xbb, 0xcc])])
    }

    @Test(arguments: Writer.allCases) func obsoletePacketBlocks(_ write: Writer) {
        let file =
            write.section() + write.interface() + write.interface()
            + write.obsoletePacket(interface: 1, time: 5, [1, 2, 3], options: write.option(2, write(UInt32(1))))
        #expect(
            readAll(file).packets == [
                Seen(time: 5000, interface: 1, originalLength: 3, direction: .inbound, bytes: [1, 2, 3])
            ])
    }

    @Test(arguments: Writer.allCases) func interfacesHaveTheirOwnNamesTypesAndClocks(_ write: Writer) {
        let names = ["lan0", "wan"].map { write.option(2, Array($0.utf8)) }
        let file =
            write.section() + write.interface(linkType: 1, options: names[0])
            + write.enhancedPacket(interface: 0, time: 1, [1])
            + write.interface(linkType: 276, options: names[1] + write.option(9, [3]) + write.option(0, []))
            + write.enhancedPacket(interface: 1, time: 1, [2]) + write.enhancedPacket(interface: 0, time: 2, [3])
        #expect(
            readAll(file).packets == [
                Seen(frame: 1, time: 1000, name: "lan0", originalLength: 1, bytes: [1]),
                Seen(
                    frame: 2, time: 1_000_000, interface: 1, name: "wan", linkType: .linuxSLL2, originalLength: 1,
                    bytes: [2]),
                Seen(frame: 3, time: 2000, name: "lan0", originalLength: 1, bytes: [3]),
            ])
    }

    @Test func aSectionHasItsOwnByteOrderAndInterfaces() {
        let (big, little) = (Writer.big, Writer.little)
        let file =
            big.section() + big.interface() + big.enhancedPacket(time: 1, [1])
            + little.section() + little.interface(linkType: 101) + little.enhancedPacket(time: 2, [2])
            + big.section() + big.enhancedPacket(time: 3, [3])
        let (packets, error) = readAll(file)
        #expect(
            packets == [
                Seen(frame: 1, time: 1000, originalLength: 1, bytes: [1]),
                Seen(frame: 2, time: 2000, linkType: .raw, originalLength: 1, bytes: [2]),
            ])
        let last = file.count - big.enhancedPacket([3]).count
        #expect(error == .unknownInterface(0, count: 0, offset: last))
    }

    @Test(arguments: Writer.allCases) func otherBlocksAndOptionsAreSkipped(_ write: Writer) {
        let file =
            write.section() + write.block(0x0bad_cafe, [])
            + write.interface(options: write.option(11, [0, 1, 2]) + write.option(0x8001, [9]))
            + write.block(4, [1, 2, 3, 4])  // name resolution
            + write.block(5, [UInt8](repeating: 0, count: 12))  // interface statistics
            + write.enhancedPacket([1], options: write.option(4, [UInt8](repeating: 0, count: 8)))
            + write.block(0x0bad_cafe, [UInt8](repeating: 1, count: 200_000))
            + write.enhancedPacket([2])
        let (packets, error) = readAll(file)
        #expect(error == nil)
        #expect(packets.map(\.bytes) == [[1], [2]])
    }

    @Test func commentsAreJoinedAndRepaired() {
        let write = Writer.little
        let options = write.option(1, Array("one".utf8)) + write.option(1, [0xff]) + write.option(1, [])
        let file = write.section() + write.interface() + write.enhancedPacket([1], options: options)
        #expect(readAll(file).packets.map(\.comment) == ["one\n\u{fffd}\n"])
    }

    /// As many as half a block holds; to copy all those before for each would take minutes.
    @Test(.timeLimit(.minutes(1))) func commentsWithoutNumber() {
        let write = Writer.little
        let count = CaptureLimit.block / 8
        let options = Array(repeatElement(write.option(1, []), count: count).joined())
        let file = write.section() + write.interface() + write.enhancedPacket([1], options: options)
        #expect(readAll(file).packets.map(\.comment?.utf8.count) == [count - 1])
    }

    /// Inbound, outbound, not available, and two that the draft leaves open; the upper bits are other flags.
    @Test(
        arguments: [
            (1, .inbound), (2, .outbound), (0, .unknown), (3, .unknown), (0xffff_fffd, .inbound),
        ] as [(UInt32, PacketDirection)])
    func direction(_ flags: UInt32, _ expected: PacketDirection) {
        let write = Writer.big
        let file =
            write.section() + write.interface()
            + write.enhancedPacket([1], options: write.option(2, write(flags)))
        #expect(readAll(file).packets.map(\.direction) == [expected])
    }

    @Test func nothingBehindTheEndOfOptionsIsAnOption() {
        let write = Writer.little
        let options = write.option(0, []) + write.option(1, Array("no".utf8))
        let file = write.section() + write.interface() + write.enhancedPacket([1], options: options)
        #expect(readAll(file).packets.map(\.comment) == [nil])
    }

    @Test func aSimplePacketWithoutSnapshotLengthIsWhole() {
        let write = Writer.little
        let file = write.section() + write.interface() + write.simplePacket(original: 5, [1, 2, 3, 4, 5])
        #expect(readAll(file).packets == [Seen(originalLength: 5, bytes: [1, 2, 3, 4, 5])])
    }
}
