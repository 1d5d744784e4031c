/// What a pcap file's header says of all its records (draft-ietf-opsawg-pcap section 4): magic, version 2.4, time zone
/// and accuracy, which nobody sets, snapshot length, link type.
struct PcapHeader {
    let order: ByteOrder
    /// Nanoseconds in a unit of the second time field.
    let unit: Int64
    let interface: CaptureInterface

    static let length = 24

    init(_ bytes: RawSpan, _ order: ByteOrder, unit: Int64) throws(CaptureError) {
        let (major, minor) = (bytes.uint16(at: 4, order), bytes.uint16(at: 6, order))
        guard major == 2, minor == 4 else { throw .unsupportedVersion(major: major, minor: minor, offset: 0) }
        self.order = order
        self.unit = unit
        interface = CaptureInterface(
            index: 0, name: nil,
            // The upper half may tell of a frame check sequence behind each packet; IP has a length of its own.
            linkType: LinkType(rawValue: UInt16(truncatingIfNeeded: bytes.uint32(at: 20, order))),
            snapLength: Int(bytes.uint32(at: 16, order)), clock: CaptureClock(resolution: unit == 1 ? 9 : 6))
    }
}

extension CaptureReader {
    mutating func pcapHeader(_ order: ByteOrder, unit: Int64) throws(CaptureError) -> PcapHeader {
        try require(PcapHeader.length, of: .fileHeader)
        let header = try PcapHeader(input.bytes, order, unit: unit)
        interfaces = [header.interface]
        input.drop(PcapHeader.length)
        return header
    }

    /// The next record (section 5 of the draft): seconds, micro- or nanoseconds, captured and original length, packet.
    mutating func pcapRecord(_ header: PcapHeader) throws(CaptureError) -> PacketRecord? {
        let headerLength = 16
        guard try begins(.packetRecord, headerLength) else { return nil }
        let captured = input.bytes.uint32(at: 8, header.order)
        guard captured <= CaptureLimit.packet else { throw .packetTooLong(length: captured, offset: input.offset) }
        let length = headerLength + Int(captured)
        try require(length, of: .packetRecord)
        let bytes = input.bytes
        // Two 32-bit numbers: at most 2^32 * 10^9 + 2^32 * 10^3, below 2^63.
        let time =
            Int64(bytes.uint32(at: 0, header.order)) * 1_000_000_000
            + Int64(bytes.uint32(at: 4, header.order)) * header.unit
        return PacketRecord(
            time: time, interface: 0, originalLength: Int(bytes.uint32(at: 12, header.order)),
            data: headerLength..<length, length: length)
    }
}
