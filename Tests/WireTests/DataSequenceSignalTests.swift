import PacketForge
import Testing
import Wire

/// DSS (RFC 8684 section 3.3): every mix of what it may hold.
@Suite struct DataSequenceSignalTests {
    private typealias Number = DataSequenceSignal.Number
    private static let long: [UInt8] = [0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8]
    private static let numbers: [(Number, [UInt8])] = [
        (.short(0xf5f6_f7f8), Array(long.suffix(4))), (.long(.init(0xf1f2_f3f4_f5f6_f7f8)), long),
    ]
    /// Subflow sequence number, length, checksum.
    private static let rest: [UInt8] = [1, 2, 3, 4, 0x05, 0xb4]

    @Test func everyMix() throws {
        let acknowledgements = [(nil, [])] + Self.numbers.map { (Optional($0.0), $0.1) }
        for (acknowledgement, acknowledged) in acknowledgements {
            for isFIN in [false, true] {
                try check(.init(acknowledgement: acknowledgement, mapping: nil, hasFinFlag: isFIN), acknowledged)
                for (sequence, mapped) in Self.numbers {
                    for checksum in [nil, 0xbeef] as [UInt16?] {
                        let mapping = DataSequenceSignal.Mapping(
                            sequence: sequence, subflowSequence: 0x0102_0304, length: 1460, checksum: checksum)
                        try check(
                            .init(acknowledgement: acknowledgement, mapping: mapping, hasFinFlag: isFIN),
                            acknowledged + mapped + Self.rest + (checksum == nil ? [] : [0xbe, 0xef]))
                    }
                }
            }
        }
    }

    private func check(_ signal: DataSequenceSignal, _ rest: [UInt8]) throws {
        // F, m, M, a, A from above.
        var flags: UInt8 = signal.hasFinFlag ? 0x10 : 0
        if let mapping = signal.mapping { flags |= isLong(mapping.sequence) ? 0x0c : 0x04 }
        if let acknowledgement = signal.acknowledgement { flags |= isLong(acknowledgement) ? 0x03 : 0x01 }
        let bytes = [30, UInt8(4 + rest.count), 0x20, flags] + rest
        #expect(try content(bytes) == .multipath(.dataSequenceSignal(signal)))
        #expect(MultipathOption.dataSequenceSignal(signal).bytes == bytes)
        #expect(signal.flags == flags)
        #expect(signal.isDataFIN == (signal.hasFinFlag && signal.mapping != nil))
        // Reserved bits say nothing, nor do the sizes of what isn't there.
        var reserved = bytes
        reserved[2] |= 0x0f
        reserved[3] |= 0xe0 | (signal.mapping == nil ? 0x08 : 0) | (signal.acknowledgement == nil ? 0x02 : 0)
        #expect(try content(reserved) == .multipath(.dataSequenceSignal(signal)))
    }

    private func isLong(_ number: Number) -> Bool { if case .long = number { true } else { false } }

    @Test func dataFINWithoutData() throws {
        // DATA_FIN alone: subflow sequence number 0, length 1 (section 3.3.3).
        let bytes: [UInt8] = [30, 18, 0x20, 0x1c] + Self.long + [0, 0, 0, 0, 0, 1]
        guard case .multipath(.dataSequenceSignal(let signal)) = try content(bytes) else { throw Unexpected() }
        #expect(signal.isDataFIN)
        #expect(signal.mapping?.subflowSequence == 0)
        #expect(signal.mapping?.length == 1)
    }

    @Test func infiniteMapping() throws {
        let bytes: [UInt8] = [30, 14, 0x20, 0x04, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0]
        guard case .multipath(.dataSequenceSignal(let signal)) = try content(bytes) else { throw Unexpected() }
        #expect(signal.mapping == .init(sequence: .short(9), subflowSequence: 1, length: 0))
    }

    @Test func expansion() {
        let reference = DataSequenceNumber(0x0000_0001_ffff_fff0)
        #expect(Number.short(0x10).expanded(near: reference).rawValue == 0x0000_0002_0000_0010)
        #expect(Number.long(.init(7)).expanded(near: reference).rawValue == 7)
    }
}
