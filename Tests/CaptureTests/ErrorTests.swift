import Capture
import Testing

@Suite struct ErrorTests {
    private let write = Writer.little

    private func error(_ bytes: [UInt8]) -> CaptureError? { readAll(bytes).error }

    // MARK: no capture

    @Test func empty() {
        #expect(error([]) == .empty)
        #expect("\(CaptureError.empty)" == "the capture is empty: not even a file header")
    }

    @Test(
        arguments: [
            ([0x1f, 0x8b, 8, 0], "compressed with gzip; unpack it first: gzip -dc"),
            ([0x1f, 0x8b], "compressed with gzip; unpack it first: gzip -dc"),
            (Array("BZh91AY".utf8), "compressed with bzip2; unpack it first: bzip2 -dc"),
            ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], "compressed with xz; unpack it first: xz -dc"),
            ([0x28, 0xb5, 0x2f, 0xfd, 0], "compressed with zstd; unpack it first: zstd -dc"),
            ([0x04, 0x22, 0x4d, 0x18, 0], "compressed with lz4; unpack it first: lz4 -dc"),
            (Array("PK\u{3}\u{4}rest".utf8), "neither pcap nor pcapng: it begins with 50 4b 03 04"),
            ([0x0a], "neither pcap nor pcapng: it begins with 0a"),
        ] as [([UInt8], String)])
    func notACapture(_ bytes: [UInt8], _ message: String) throws {
        #expect("\(try #require(error(bytes)))" == message)
    }

    @Test func versions() {
        for (major, minor) in [(2, 3), (1, 4), (3, 4)] as [(UInt16, UInt16)] {
            #expect(
                error(write.pcapHeader(major: major, minor: minor))
                    == .unsupportedVersion(major: major, minor: minor, offset: 0))
        }
        #expect(
            error(write.section() + write.section(major: 1, minor: 1))
                == .unsupportedVersion(major: 1, minor: 1, offset: 28))
    }

    // MARK: ends too early

    @Test func pcapCutAnywhere() {
        let whole = write.pcapHeader() + write.pcapRecord([1, 2, 3, 4]) + write.pcapRecord([5])
        for end in 4..<whole.count {
            let (packets, error) = readAll(Array(whole[..<end]))
            switch end {
            case ..<24: #expect(error == .truncated(.fileHeader, offset: 0, needed: 24, have: end))
            case 24, 44: #expect(error == nil)
            case ..<40: #expect(error == .truncated(.packetRecord, offset: 24, needed: 16, have: end - 24))
            case ..<44: #expect(error == .truncated(.packetRecord, offset: 24, needed: 20, have: end - 24))
            case ..<60: #expect(error == .truncated(.packetRecord, offset: 44, needed: 16, have: end - 44))
            default: #expect(error == .truncated(.packetRecord, offset: 44, needed: 17, have: end - 44))
            }
            #expect(packets.map(\.bytes) == (end < 44 ? [] : [[1, 2, 3, 4]]))
        }
    }

    @Test func pcapngCutAnywhere() {
        let front = write.section() + write.interface()
        let whole = front + write.enhancedPacket([1, 2, 3, 4]) + write.enhancedPacket([5])
        #expect(front.count == 48)
        for end in 4..<whole.count {
            let (packets, error) = readAll(Array(whole[..<end]))
            switch end {
            case ..<8: #expect(error == .truncated(.blockHeader, offset: 0, needed: 8, have: end))
            case ..<12: #expect("\(error!)".contains("inside the section header block at byte 0: 12 bytes needed"))
            case ..<28: #expect("\(error!)".contains("inside the section header block at byte 0: 28 bytes needed"))
            case 28, 48, 84: #expect(error == nil)
            case ..<36: #expect(error == .truncated(.blockHeader, offset: 28, needed: 8, have: end - 28))
            case ..<48: #expect("\(error!)".contains("inside the interface description block at byte 28: 20 bytes"))
            case ..<56: #expect(error == .truncated(.blockHeader, offset: 48, needed: 8, have: end - 48))
            case ..<84: #expect("\(error!)".contains("inside the enhanced packet block at byte 48: 36 bytes needed"))
            case ..<92: #expect(error == .truncated(.blockHeader, offset: 84, needed: 8, have: end - 84))
            default: #expect("\(error!)".contains("at byte \(end), inside the enhanced packet block at byte 84: 36"))
            }
            #expect(packets.map(\.bytes) == (end < 84 ? [] : [[1, 2, 3, 4]]))
        }
    }

    @Test func aCutFileSaysWhereAndInWhat() {
        #expect(
            "\(CaptureError.truncated(.packetRecord, offset: 1234, needed: 60, have: 12))"
                == "the capture ends at byte 1246, inside the packet record at byte 1234: 60 bytes needed, 12 there")
    }

    // MARK: impossible lengths

    @Test(arguments: [UInt32(CaptureLimit.packet) + 1, .max]) func packetsTooLong(_ length: UInt32) {
        #expect(
            error(write.pcapHeader() + write.pcapRecord(captured: length, []))
                == .packetTooLong(length: length, offset: 24))
        let front = write.section() + write.interface()
        #expect(error(front + write.enhancedPacket(captured: length, [])) == .packetTooLong(length: length, offset: 48))
        #expect(
            error(front + write.simplePacket(original: length, [])) == .packetTooLong(length: length, offset: 48))
    }

    @Test(arguments: Writer.allCases) func blocksOfImpossibleLength(_ write: Writer) {
        let tooLong = UInt32(CaptureLimit.block) + 4
        for length in [0, 4, 8, 13, 14, 15, tooLong, .max] {
            let file = write.section() + write(UInt32(0x0bad)) + write(length) + [UInt8](repeating: 0, count: 40)
            #expect("\(error(file)!)" == "the block of type 0xbad at byte 28 has the impossible length \(length)")
        }
        for (type, minimum) in [(0x0a0d_0d0a, 28), (1, 20), (2, 32), (3, 16), (6, 32)] as [(UInt32, Int)] {
            // With the magic that a section header block has to have before its length is looked at.
            let body = write(UInt32(0x1a2b_3c4d)) + [UInt8](repeating: 0, count: 16)
            let file = write.section() + write.block(type, Array(body.prefix(minimum - 16)))
            #expect("\(error(file)!)".hasSuffix("at byte 28 has the impossible length \(minimum - 4)"))
        }
    }

    @Test func lengthsThatDiffer() {
        var block = write.interface()
        block[16] = 24
        #expect(
            "\(error(write.section() + block)!)"
                == "the interface description block at byte 28 is 20 bytes long at its beginning and 24 at its end")
    }

    @Test func byteOrderMagic() {
        var section = Writer.big.section()
        section[8] = 0x1b
        #expect(error(section) == .badByteOrderMagic(0x1b2b_3c4d, offset: 0))
    }

    @Test func packetsBeyondTheirBlock() {
        let front = write.section() + write.interface()
        #expect(
            "\(error(front + write.enhancedPacket(captured: 5, [1, 2, 3, 4]))!)"
                == "the enhanced packet block at byte 48 claims 5 captured bytes and has room for 4")
        #expect(
            "\(error(front + write.simplePacket(original: 5, [1, 2, 3, 4]))!)"
                == "the simple packet block at byte 48 claims 5 captured bytes and has room for 4")
    }

    @Test(arguments: [(2, 5), (9, 0), (9, 2), (14, 7), (14, 12)] as [(UInt16, Int)])
    func interfaceOptions(_ code: UInt16, _ length: Int) {
        var option = write.option(code, [UInt8](repeating: 0, count: length))
        // A name may have any length, but not beyond the block.
        if code == 2 { option.removeLast(4) }
        #expect(
            error(write.section() + write.interface(options: option))
                == .badOption(code: code, length: UInt16(length), offset: 28 + 16))
    }

    @Test(arguments: [(1, 0xffff), (2, 3), (2, 8), (7, 9)] as [(UInt16, UInt16)])
    func packetOptions(_ code: UInt16, _ length: UInt16) {
        let option = write(code) + write(length) + [UInt8](repeating: 0, count: 8)
        let file = write.section() + write.interface() + write.enhancedPacket([1], options: option)
        #expect(error(file) == .badOption(code: code, length: length, offset: 48 + 32))
    }

    // MARK: interfaces

    @Test func packetsOfNoInterface() {
        let packet = write.simplePacket(original: 1, [1])
        #expect(error(write.section() + packet) == .unknownInterface(0, count: 0, offset: 28))
        let file = write.section() + write.interface() + write.enhancedPacket(interface: .max, [1])
        #expect(error(file) == .unknownInterface(.max, count: 1, offset: 48))
    }

    @Test func interfacesWithoutEnd() {
        let interface = write.interface(options: write.option(2, [UInt8](repeating: 0x61, count: 3)))
        let many = (0...CaptureLimit.interfaces).flatMap { _ in interface }
        #expect(
            error(write.section() + many)
                == .tooManyInterfaces(offset: 28 + CaptureLimit.interfaces * interface.count))
    }

    // MARK: afterwards

    @Test func thereIsNoPacketAfterAnError() throws {
        var reader = CaptureReader(
            bytes: write.pcapHeader() + write.pcapRecord(captured: .max, []) + write.pcapRecord([1]))
        do {
            _ = try reader.next()
            Issue.record("no error")
        } catch {}
        let another = try reader.next() != nil
        #expect(!another)
    }

    @Test func anUnreadableDescriptor() {
        #expect(
            readAll(CaptureReader(descriptor: -1)).error?.description
                == "can't read beyond byte 0: Bad file descriptor")
    }
}
