import PacketForge
import Testing
import Wire

/// Arithmetic of the numbers that wrap around, and their texts.
@Suite struct NumberTests {
    @Test(
        arguments: [
            (0, 0, 0), (1, 0, 1), (0, 1, -1), (0, .max, 1), (.max, 0, -1), (0x10, 0xffff_fff0, 0x20),
            (0x8000_0000, 0, -0x8000_0000), (0x7fff_ffff, 0, 0x7fff_ffff),
        ] as [(UInt32, UInt32, Int)])
    func sequenceDistance(number: UInt32, other: UInt32, distance: Int) {
        #expect(SequenceNumber(number).distance(from: SequenceNumber(other)) == distance)
        #expect(SequenceNumber(other).advanced(by: distance) == SequenceNumber(number))
    }

    @Test(
        arguments: [
            (0, 0, 0), (0, .max, 1), (.max, 0, -1), (0x1_0000_0000, 0xffff_ffff, 1), (1 << 63, 0, .min),
        ] as [(UInt64, UInt64, Int64)])
    func dataDistance(number: UInt64, other: UInt64, distance: Int64) {
        #expect(DataSequenceNumber(number).distance(from: DataSequenceNumber(other)) == distance)
        #expect(DataSequenceNumber(other).advanced(by: Int(distance)) == DataSequenceNumber(number))
    }

    @Test(
        arguments: [
            // Lower half, reference, number.
            (5, 3, 5), (3, 5, 3), (0, 0, 0),
            // Across 2^32, upwards and downwards.
            (0x10, 0xffff_fff0, 0x1_0000_0010), (0xffff_fff0, 0x1_0000_0010, 0xffff_fff0),
            // Across 2^64.
            (0x10, 0xffff_ffff_ffff_fff0, 0x10), (0xffff_fff0, 0x10, 0xffff_ffff_ffff_fff0),
            // As far away as can be: half the range counts as before.
            (0x7fff_ffff, 0x5_0000_0000, 0x5_7fff_ffff), (0x8000_0000, 0x5_0000_0000, 0x4_8000_0000),
        ] as [(UInt32, UInt64, UInt64)])
    func lowerHalf(low: UInt32, reference: UInt64, expected: UInt64) {
        #expect(DataSequenceNumber(low: low, near: .init(reference)) == DataSequenceNumber(expected))
    }

    @Test func lowerHalfOfAnyNumber() {
        var generator = SplitMix64(seed: 3)
        for _ in 0..<10_000 {
            let reference = DataSequenceNumber(generator.word())
            let low: UInt32 = generator.word()
            let number = DataSequenceNumber(low: low, near: reference)
            #expect(UInt32(truncatingIfNeeded: number.rawValue) == low)
            #expect((-0x8000_0000...0x7fff_ffff).contains(number.distance(from: reference)))
        }
    }

    @Test func texts() {
        #expect(Token(0x00cd_00d7).description == "0x00cd00d7")
        #expect(MultipathKey(1).description == "0x0000000000000001")
        #expect(TruncatedHMAC(.max).description == "0xffffffffffffffff")
        #expect(
            MultipathHMAC(high: 1, middle: 2, low: 3).description == "0x0000000000000001000000000000000200000003")
        #expect(SequenceNumber(.max).description == "4294967295")
        #expect(AddressID(7).description == "7")
    }
}
