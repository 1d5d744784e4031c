import PacketForge
import Testing
import Wire

/// What holds for all values and all bytes; a failure names the round, and the seed is fixed.
@Suite struct PropertyTests {
    @Test func everyOptionIsReadAsItWasWritten() throws {
        var generator = SplitMix64(seed: 0x0b1e55ed)
        for round in 0..<20_000 {
            let option = TCPOptionContent.random(using: &generator)
            #expect(option.bytes.count <= 40)
            #expect(try content(option.bytes) == option, "round \(round)")
        }
    }

    @Test func everyBlockIsReadAsItWasWritten() throws {
        var generator = SplitMix64(seed: 0xb10c)
        for round in 0..<10_000 {
            let block = OptionBlock(using: &generator)
            let (contents, error) = try read(block.bytes)
            #expect(contents == block.contents, "round \(round)")
            #expect(error == nil, "round \(round)")
        }
    }

    /// Nothing traps, the options end, lie in the header (`readOptions` sees to it), and are no longer than it.
    @Test func mutatedPackets() {
        var generator = SplitMix64(seed: 0x5eed)
        for round in 0..<40_000 {
            let block = OptionBlock(using: &generator)
            var draft = round % 2 == 0 ? PacketDraft() : .ipv6(extensions: [(0, [0, 1, 4, 0, 0, 0, 0])])
            draft.options = block.bytes
            var bytes = draft.bytes
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = generator.word()
            }
            bytes.removeLast(Int.random(in: 0...bytes.count, using: &generator) / 4)
            judge(bytes)
        }
    }

    @Test func randomBytes() {
        var generator = SplitMix64(seed: 0xdead)
        for _ in 0..<30_000 {
            var bytes = generator.bytes(0...120)
            // Every other one begins as a packet does, lest they all end at the version.
            if Bool.random(using: &generator), bytes.count > 9 {
                bytes[0] = [0x45, 0x46, 0x4f, 0x60].randomElement(using: &generator)!
                bytes[6] = [0, 6, 44, 51, 60].randomElement(using: &generator)!
                bytes[9] = 6
            }
            judge(bytes)
        }
    }

    @Test func randomOptions() throws {
        var generator = SplitMix64(seed: 0xf00d)
        for round in 0..<30_000 {
            let bytes = generator.bytes(0...40)
            let (contents, _) = try read(bytes)
            #expect(contents.bytes.count <= (bytes.count + 3) / 4 * 4, "round \(round)")
            for option in contents { #expect(try content(option.bytes) == option, "round \(round)") }
        }
    }

    private func judge(_ bytes: [UInt8]) {
        for length in [nil, bytes.count, 100_000] {
            guard let segment = try? Segment(bytes.span.bytes, length: length) else { continue }
            #expect(segment.headerLength <= bytes.count)
            #expect(segment.payloadLength >= 0)
            #expect(segment.payload.byteCount <= min(segment.payloadLength, bytes.count))
            let contents = segment.readOptions().contents
            #expect(contents.bytes.count <= segment.headerLength - 20)
            _ = try? segment.multipathSYN()
        }
    }
}
