// pcapng (draft-ietf-opsawg-pcapng): blocks, each with its type and, first and last, its length. A section header block
// sets the byte order and forgets the interfaces; interface description blocks number them from 0.

extension CaptureReader {
    /// The next block that holds a packet. Other blocks are read, or skipped, on the way; `journal` is told of entries.
    mutating func pcapngRecord(
        after order: ByteOrder, _ journal: (JournalEntry) -> Void
    ) throws(CaptureError) -> PacketRecord? {
        var order = order
        while try begins(.blockHeader, PcapngBlock.headerLength) {
            // The same in either order.
            if input.bytes.uint32(at: 0) == PcapngBlock.Kind.section.rawValue {
                order = try sectionOrder()
                format = .pcapng(order)
            }
            let length = try requireBlock(order)
            switch try PcapngBlock(input.bytes, order, length: length, offset: input.offset).content(interfaces) {
            case .section:
                interfaces = []
                tally.beginSection()
            case .interface(let interface): interfaces.append(interface)
            case .packet(let record): return record
            case .statistics(let statistics, let interface): tally.note(statistics, of: interface)
            case .journal(let entry):
                frames += 1
                journal(JournalEntry(frame: frames, entry))
            case .other: break
            }
            input.drop(length)
        }
        return nil
    }

    /// The byte order of the section whose header block is at hand: the length in front of the magic is in it, too.
    private mutating func sectionOrder() throws(CaptureError) -> ByteOrder {
        try require(12, of: .block(.section))
        switch input.bytes.uint32(at: 8) {
        case 0x1a2b_3c4d: return .big
        case 0x4d3c_2b1a: return .little
        case let magic: throw .badByteOrderMagic(magic, offset: input.offset)
        }
    }

    /// The length of the block at hand, which is whole when this returns.
    private mutating func requireBlock(_ order: ByteOrder) throws(CaptureError) -> Int {
        let kind = PcapngBlock.Kind(rawValue: input.bytes.uint32(at: 0, order))
        let first = input.bytes.uint32(at: 4, order)
        guard first >= PcapngBlock.minimumLength(kind), first <= CaptureLimit.block, first % 4 == 0 else {
            throw .badBlockLength(kind, length: first, offset: input.offset)
        }
        let length = Int(first)
        try require(length, of: .block(kind))
        let last = input.bytes.uint32(at: length - 4, order)
        guard first == last else {
            throw .blockLengthsDiffer(kind, first: first, last: last, offset: input.offset)
        }
        return length
    }
}
