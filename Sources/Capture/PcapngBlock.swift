/// A block that is there from its type to the repetition of its length.
struct PcapngBlock: ~Escapable {
    typealias Kind = CaptureError.BlockType

    let bytes: RawSpan
    let kind: Kind
    let order: ByteOrder
    /// Where the block begins in the file.
    let offset: Int

    /// Type and length.
    static let headerLength = 8

    /// `bytes` begin with the block.
    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, _ order: ByteOrder, length: Int, offset: Int) {
        self.bytes = bytes.extracting(0..<length)
        self.order = order
        self.offset = offset
        kind = Kind(rawValue: bytes.uint32(at: 0, order))
    }

    /// With no options and nothing captured.
    static func minimumLength(_ kind: Kind) -> Int {
        switch kind {
        case .section: 28
        case .interface: 20
        case .simplePacket: 16
        case .statistics: 24
        case .enhancedPacket, .obsoletePacket: 32
        default: 12
        }
    }

    /// Where the length is repeated.
    private var end: Int { bytes.byteCount - 4 }

    enum Content {
        case section
        case interface(CaptureInterface)
        case packet(PacketRecord)
        /// Of the interface of this number.
        case statistics(CaptureStatistics, Int)
        /// The bytes of an entry, and up to three that are 0.
        case journal([UInt8])
        case other
    }

    /// What the block says; `interfaces` are those that its section has described before it.
    func content(_ interfaces: [CaptureInterface]) throws(CaptureError) -> Content {
        switch kind {
        case .section:
            try checkVersion()
            return .section
        case .interface: return .interface(try interface(index: interfaces.count))
        case .enhancedPacket, .obsoletePacket: return .packet(try packet(of: interfaces))
        case .simplePacket: return .packet(try simplePacket(of: interfaces))
        case .statistics: return try statistics(of: interfaces)
        case .journal: return .journal(bytes.extracting(Self.headerLength..<end).withUnsafeBytes { Array($0) })
        default: return .other
        }
    }

    /// Checks a section header block (section 4.1): magic, version 1.0, length of the section, options. 1.2 is 1.0
    /// by another name, the draft says.
    private func checkVersion() throws(CaptureError) {
        let (major, minor) = (bytes.uint16(at: 12, order), bytes.uint16(at: 14, order))
        guard major == 1, minor == 0 || minor == 2 else {
            throw .unsupportedVersion(major: major, minor: minor, offset: offset)
        }
    }

    /// Reads an interface description block (section 4.2): link type, reserved, snapshot length, options.
    private func interface(index: Int) throws(CaptureError) -> CaptureInterface {
        guard index < CaptureLimit.interfaces else { throw .tooManyInterfaces(offset: offset) }
        var name: String?
        var clock = CaptureClock()
        var options = BlockOptions(self, from: 16, to: end)
        while let option = try options.next() {
            switch option.code {
            case 2: name = text(option.value.prefix(CaptureLimit.name))
            case 9: clock.resolution = bytes.uint8(at: try option.value(of: 1, in: self))
            case 14:
                clock.offset = Int64(bitPattern: bytes.uint64(at: try option.value(of: 8, in: self), order))
            default: break
            }
        }
        return CaptureInterface(
            index: index, name: name, linkType: LinkType(rawValue: bytes.uint16(at: 8, order)),
            snapLength: Int(bytes.uint32(at: 12, order)), clock: clock)
    }

    /// Reads an enhanced packet block (section 4.3): interface, time in two halves, captured and original length,
    /// packet, options. The obsolete one (appendix A) differs in that it has a count of drops in the interface's second
    /// half.
    private func packet(of interfaces: [CaptureInterface]) throws(CaptureError) -> PacketRecord {
        let index = kind == .obsoletePacket ? UInt32(bytes.uint16(at: 8, order)) : bytes.uint32(at: 8, order)
        let interface = try interface(index, of: interfaces)
        let data = try data(from: 28, length: bytes.uint32(at: 20, order))
        let units = UInt64(bytes.uint32(at: 12, order)) << 32 | UInt64(bytes.uint32(at: 16, order))
        var record = PacketRecord(
            time: interface.clock.nanoseconds(units), interface: interface.index,
            originalLength: Int(bytes.uint32(at: 24, order)), data: data, length: bytes.byteCount)
        var options = BlockOptions(self, from: data.upperBound.roundedUpToWord, to: end)
        while let option = try options.next() {
            switch option.code {
            case 1: record.add(comment: text(option.value))
            // Binary ones, which may be copied, or may not.
            case 2989, 19373:
                guard record.customOptions.count < CaptureLimit.customOptions,
                    let custom = customOption(option.value)
                else { continue }
                record.customOptions.append(custom)
            case 2: record.direction = Self.direction(bytes.uint32(at: try option.value(of: 4, in: self), order))
            default: break
            }
        }
        return record
    }

    /// Reads an interface statistics block (section 4.6): interface, time in two halves, options. One of an interface that
    /// isn't described says nothing, and no packet depends on it.
    private func statistics(of interfaces: [CaptureInterface]) throws(CaptureError) -> Content {
        var (statistics, options) = (CaptureStatistics(), BlockOptions(self, from: 20, to: end))
        while let option = try options.next() {
            switch option.code {
            // isb_ifdrop and isb_osdrop
            case 5, 7: statistics.dropped = CaptureStatistics.sum(statistics.dropped, try count(option))
            case 8: statistics.delivered = try count(option)
            default: break
            }
        }
        let index = bytes.uint32(at: 8, order)
        return index < interfaces.count ? .statistics(statistics, Int(index)) : .other
    }

    private func count(_ option: BlockOption) throws(CaptureError) -> UInt64 {
        bytes.uint64(at: try option.value(of: 8, in: self), order)
    }

    /// A number, and what is behind it; nil when it isn't even as long.
    private func customOption(_ range: Range<Int>) -> CustomOption? {
        guard range.count >= 4 else { return nil }
        return CustomOption(
            enterprise: bytes.uint32(at: range.lowerBound, order),
            bytes: bytes.extracting(range.dropFirst(4)).withUnsafeBytes { Array($0) })
    }

    /// Reads a simple packet block (section 4.4): original length, packet. It is of the first interface, which says how
    /// much of the packet was captured at most; 0 is no limit.
    private func simplePacket(of interfaces: [CaptureInterface]) throws(CaptureError) -> PacketRecord {
        let interface = try interface(0, of: interfaces)
        let original = bytes.uint32(at: 8, order)
        let limit = interface.snapLength == 0 ? original : UInt32(clamping: interface.snapLength)
        return PacketRecord(
            time: nil, interface: 0, originalLength: Int(original),
            data: try data(from: 12, length: min(original, limit)), length: bytes.byteCount)
    }

    private func interface(
        _ index: UInt32, of interfaces: [CaptureInterface]
    ) throws(CaptureError) -> CaptureInterface {
        guard index < interfaces.count else {
            throw .unknownInterface(index, count: interfaces.count, offset: offset)
        }
        return interfaces[Int(index)]
    }

    private func data(from start: Int, length: UInt32) throws(CaptureError) -> Range<Int> {
        guard length <= CaptureLimit.packet else { throw .packetTooLong(length: length, offset: offset) }
        guard Int(length) <= end - start else {
            throw .packetBeyondBlock(kind, length: Int(length), room: end - start, offset: offset)
        }
        return start..<start + Int(length)
    }

    /// epb_flags (section 4.3.1): the lowest two bits.
    private static func direction(_ flags: UInt32) -> PacketDirection {
        switch flags & 3 {
        case 1: .inbound
        case 2: .outbound
        default: .unknown
        }
    }

    private func text(_ range: Range<Int>) -> String {
        bytes.extracting(range).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
}
