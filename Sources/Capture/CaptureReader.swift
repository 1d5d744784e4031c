/// Reads a capture packet by packet, pcap or pcapng as its first bytes say.
///
///     var reader = CaptureReader(descriptor: 0)
///     while let packet = try reader.next() { … }
public struct CaptureReader: ~Copyable {
    enum Format {
        /// Nothing has been read yet.
        case unknown
        case pcap(PcapHeader)
        /// The order is its section's.
        case pcapng(ByteOrder)
        /// The input or its readable part has ended.
        case ended
    }

    var input: InputBuffer
    var format = Format.unknown
    /// Of the pcapng section, or the one of a pcap file.
    var interfaces: [CaptureInterface] = []
    var tally = StatisticsTally()
    /// Packets and journal entries so far.
    var frames = 0
    /// Length of the record that was handed out last, which is still in the buffer.
    private var lent = 0

    /// Reads a blocking descriptor that stays the caller's, and open while the reader lives. No byte is read before
    /// `next()`, and then no more than have arrived.
    public init(descriptor: Int32) { input = InputBuffer(descriptor: descriptor) }

    public init(bytes: [UInt8]) { input = InputBuffer(bytes: bytes) }

    /// What the capture says of its packets altogether, as far as it has been read: such blocks mostly stand at its end. nil
    /// if it says nothing.
    public var statistics: CaptureStatistics? { tally.total }

    /// The next packet, as soon as it has arrived; nil at the end of the capture. After an error there is no next one.
    ///
    /// - Parameter journal: told of each entry of a journal that stands before the packet, as soon as it has arrived.
    @_lifetime(&self)
    public mutating func next(
        journal: (JournalEntry) -> Void = { _ in }
    ) throws(CaptureError) -> CapturedPacket? {
        input.drop(lent)
        lent = 0
        guard let record = try findRecord(journal) else { return nil }
        lent = record.length
        frames += 1
        let (frame, interface) = (frames, interfaces[record.interface])
        return CapturedPacket(frame: frame, record: record, interface: interface, bytes: input.lend(record.data))
    }

    /// The record at the beginning of the buffer, whole; nil at the end.
    private mutating func findRecord(_ journal: (JournalEntry) -> Void) throws(CaptureError) -> PacketRecord? {
        do throws(CaptureError) {
            if case .unknown = format { format = try recognise() }
            let record: PacketRecord? =
                switch format {
                case .pcap(let header): try pcapRecord(header)
                case .pcapng(let order): try pcapngRecord(after: order, journal)
                case .unknown, .ended: nil
                }
            if record == nil { format = .ended }
            return record
        } catch {
            format = .ended
            throw error
        }
    }

    private mutating func recognise() throws(CaptureError) -> Format {
        _ = try input.fill(4)
        let first = (0..<min(4, input.count)).map { input.bytes.uint8(at: $0) }
        if let error = CaptureError.compressed(first) { throw error }
        switch first {
        case []: throw .empty
        // The order is yet to come, in the section header block.
        case [0x0a, 0x0d, 0x0d, 0x0a]: return .pcapng(.big)
        case [0xa1, 0xb2, 0xc3, 0xd4]: return .pcap(try pcapHeader(.big, unit: 1000))
        case [0xd4, 0xc3, 0xb2, 0xa1]: return .pcap(try pcapHeader(.little, unit: 1000))
        case [0xa1, 0xb2, 0x3c, 0x4d]: return .pcap(try pcapHeader(.big, unit: 1))
        case [0x4d, 0x3c, 0xb2, 0xa1]: return .pcap(try pcapHeader(.little, unit: 1))
        default: throw .notACapture(first)
        }
    }

    /// What is in the buffer begins with `needed` bytes of this part; throws when the input ends before.
    mutating func require(_ needed: Int, of part: CaptureError.Part) throws(CaptureError) {
        guard try input.fill(needed) else {
            throw .truncated(part, offset: input.offset, needed: needed, have: input.count)
        }
    }

    /// As `require`, but false when the input ends just before the part.
    mutating func begins(_ part: CaptureError.Part, _ needed: Int) throws(CaptureError) -> Bool {
        guard try input.fill(1) else { return false }
        try require(needed, of: part)
        return true
    }
}

extension CaptureError {
    /// By the first bytes that such files have.
    fileprivate static func compressed(_ first: [UInt8]) -> CaptureError? {
        let formats: [(name: String, begins: [UInt8], unpack: String)] = [
            ("gzip", [0x1f, 0x8b], "gzip -dc"),
            ("bzip2", [0x42, 0x5a, 0x68], "bzip2 -dc"),
            ("xz", [0xfd, 0x37, 0x7a, 0x58], "xz -dc"),
            ("zstd", [0x28, 0xb5, 0x2f, 0xfd], "zstd -dc"),
            ("lz4", [0x04, 0x22, 0x4d, 0x18], "lz4 -dc"),
        ]
        return formats.first { first.starts(with: $0.begins) }.map { .compressed(with: $0.name, unpack: $0.unpack) }
    }
}
