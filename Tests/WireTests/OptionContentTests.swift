import PacketForge
import Testing
import Wire

/// Each option but MPTCP's as bytes and as a value, both ways.
@Suite struct OptionContentTests {
    @Test(arguments: [
        ([2, 4, 0x05, 0xb4], TCPOptionContent.maximumSegmentSize(1460)),
        ([3, 3, 14], .windowScale(14)),
        ([4, 2], .sackPermitted),
        // Value, then echo.
        ([8, 10, 1, 2, 3, 4, 5, 6, 7, 8], .timestamps(value: 0x0102_0304, echo: 0x0506_0708)),
        ([19, 18] + counting(16), .md5Signature(OptionBytes(counting(16)))),
        ([28, 4, 0x80, 5], .userTimeout(isMinutes: true, value: 5)),
        ([28, 4, 0x7f, 0xff], .userTimeout(isMinutes: false, value: 0x7fff)),
        ([29, 16, 7, 9] + counting(12), .authentication(keyID: 7, nextKeyID: 9, code: OptionBytes(counting(12)))),
        ([29, 4, 7, 9], .authentication(keyID: 7, nextKeyID: 9, code: OptionBytes())),
        ([34, 2], .fastOpen(cookie: OptionBytes())),
        ([34, 10] + counting(8), .fastOpen(cookie: OptionBytes(counting(8)))),
        ([253, 4, 0xf9, 0x89], .experimental(kind: 253, id: 0xf989, OptionBytes())),
        ([254, 6, 0xe2, 0xd4, 1, 2], .experimental(kind: 254, id: 0xe2d4, OptionBytes([1, 2]))),
        // Too short for an experiment's ID (RFC 6994), and kinds that nobody has assigned.
        ([254, 3, 1], .other(kind: 254, OptionBytes([1]))),
        ([6, 6, 1, 2, 3, 4], .other(kind: 6, OptionBytes([1, 2, 3, 4]))),
        ([200, 40] + counting(38), .other(kind: 200, OptionBytes(counting(38)))),
    ])
    func form(bytes: [UInt8], expected: TCPOptionContent) throws {
        #expect(try content(bytes) == expected)
        #expect(expected.bytes == bytes)
        #expect(expected.kind == bytes[0])
    }

    @Test(arguments: 1...4)
    func selectiveAcknowledgements(count: Int) throws {
        let bytes = [5, UInt8(2 + 8 * count)] + counting(8 * count)
        guard case .sack(let blocks) = try content(bytes) else { throw Unexpected() }
        #expect(blocks.count == count)
        #expect(blocks[0] == .init(left: SequenceNumber(0x0102_0304), right: SequenceNumber(0x0506_0708)))
        let last = UInt32(8 * count - 3)
        #expect(blocks.last?.right == SequenceNumber(last << 24 | (last + 1) << 16 | (last + 2) << 8 | (last + 3)))
        #expect(TCPOptionContent.sack(SACKBlocks(Array(blocks))!).bytes == bytes)
    }

    @Test func numberOfBlocks() {
        let block = SACKBlocks.Block(left: SequenceNumber(1), right: SequenceNumber(2))
        #expect(SACKBlocks([]) == nil)
        #expect(SACKBlocks(Array(repeating: block, count: 4))?.count == 4)
        #expect(SACKBlocks(Array(repeating: block, count: 5)) == nil)
    }

    /// Every length of every kind: sound, or an error that names it.
    @Test func lengths() {
        let sound: [UInt8: Set<Int>] = [
            2: [4], 3: [3], 4: [2], 5: [10, 18, 26, 34], 8: [10], 19: [18], 28: [4], 29: Set(4...40),
        ]
        for kind in UInt8(2)...255 where kind != 30 {
            for length in 2...40 {
                let error = optionError([kind, UInt8(length)] + Array(repeating: 0, count: length - 2))
                let isSound = sound[kind]?.contains(length) ?? true
                #expect(error == (isSound ? nil : .badOptionLength(kind: kind, length: length, offset: 40)))
            }
        }
    }

    @Test(arguments: [
        ([8], WireError.optionWithoutLength(kind: 8, offset: 43)),
        ([8, 0], .badOptionLength(kind: 8, length: 0, offset: 42)),
        ([8, 1], .badOptionLength(kind: 8, length: 1, offset: 42)),
        ([8, 3], .badOptionLength(kind: 8, length: 3, offset: 42)),
        ([8, 255], .badOptionLength(kind: 8, length: 255, offset: 42)),
        ([0xff], .optionWithoutLength(kind: 255, offset: 43)),
    ])
    func endOfHeader(last: [UInt8], expected: WireError) throws {
        // NOPs before, so that it ends with the header.
        let (contents, error) = try read(Array(repeating: 1, count: 4 - last.count) + last)
        #expect(contents.isEmpty)
        #expect(error == expected)
    }

    @Test func orderAndEnd() throws {
        let (contents, error) = try read([1, 3, 3, 7, 1, 1, 4, 2, 0, 8, 10])
        #expect(contents == [.windowScale(7), .sackPermitted], "NOPs are no options, and behind the end is nothing")
        #expect(error == nil)
        // What came before the error is kept.
        #expect(try read([4, 2, 2, 3, 0, 4, 2]).contents == [.sackPermitted])
    }

    @Test func bytesOfAnOption() {
        let long = OptionBytes(counting(41))
        #expect(long.count == 40)
        #expect(Array(long) == counting(40))
        #expect(OptionBytes([0x0a, 0xff]).description == "0aff")
        for count in 0...40 { #expect(Array(OptionBytes(counting(count))) == counting(count)) }
    }
}

struct Unexpected: Error {}
