import Testing

/// if_tsresol and if_tsoffset.
@Suite struct ClockTests {
    struct Case: Sendable {
        let resolution: UInt8?
        var offset: Int64?
        let units: UInt64
        let expected: Int64

        init(_ resolution: UInt8?, _ units: UInt64, offset: Int64? = nil, _ expected: Int64) {
            self.resolution = resolution
            self.offset = offset
            self.units = units
            self.expected = expected
        }
    }

    @Test(
        arguments: [
            Case(nil, 1_700_000_000_123_456, 1_700_000_000_123_456_000),
            Case(6, 1, 1000),
            Case(0, 1_700_000_000, 1_700_000_000_000_000_000),
            Case(3, 1_700_000_000_123, 1_700_000_000_123_000_000),
            Case(9, 1_700_000_000_123_456_789, 1_700_000_000_123_456_789),
            Case(12, 1_700_000_123_456_789_999, 1_700_000_123_456_789),
            Case(28, .max, 1),
            Case(29, .max, 0),
            Case(127, .max, 0),
            // Powers of two: seconds, 1/1024 s, 2^-32 s as in NTP, and what is less than a nanosecond.
            Case(0x80, 3, 3_000_000_000),
            Case(0x8a, 512, 500_000_000),
            Case(0xa0, 1_700_000_000 << 32 | 1 << 31, 1_700_000_000_500_000_000),
            Case(0xc0, 1 << 63, 500_000_000),
            Case(0xff, .max, 0),
            Case(nil, 1_000_000, offset: 1_700_000_000, 1_700_000_001_000_000_000),
            Case(nil, 1_000_000, offset: -2, -1_000_000_000),
            // Beyond what 64 bits hold.
            Case(0, .max, .max),
            Case(nil, .max, .max),
            Case(0x80, .max, offset: .max, .max),
            Case(nil, 0, offset: .max, .max),
            Case(nil, 0, offset: .min, .min),
            Case(9, .max, offset: -9_223_372_037, 9_223_372_036_709_551_615),
        ], Writer.allCases)
    func nanoseconds(_ test: Case, _ write: Writer) {
        var options: [UInt8] = []
        if let resolution = test.resolution { options += write.option(9, [resolution]) }
        if let offset = test.offset { options += write.option(14, write(offset)) }
        let file =
            write.section() + write.interface(options: options) + write.enhancedPacket(time: test.units, [1])
        #expect(readAll(file).packets.map(\.time) == [test.expected])
    }
}
