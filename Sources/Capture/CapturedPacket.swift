/// A packet of a capture: a view into the reader's buffer, gone when the reader is asked for the next one.
public struct CapturedPacket: ~Escapable {
    /// Counts packets and journal entries from 1, through all sections of the file, as Wireshark does.
    public let frame: Int
    /// Nanoseconds since 1970, clamped to what fits; nil where the format has no time (simple packet blocks).
    public let time: Int64?
    public let interface: CaptureInterface
    /// Length of the packet on the wire, in bytes, as the file states it: hostile files state any.
    public let originalLength: Int
    /// What the capturing program said; `LinkFrame` knows what the link layer says.
    public let direction: PacketDirection
    /// The packet's comments (opt_comment), one a line.
    public let comment: String?
    /// What programs have added of their own (custom options), in order.
    public let customOptions: [CustomOption]
    /// From the link layer on, at most `CaptureLimit.packet`.
    public let bytes: RawSpan

    @_lifetime(copy bytes)
    init(frame: Int, record: PacketRecord, interface: CaptureInterface, bytes: RawSpan) {
        self.frame = frame
        time = record.time
        self.interface = interface
        originalLength = record.originalLength
        direction = record.direction
        comment = record.comment
        customOptions = record.customOptions
        self.bytes = bytes
    }
}

/// A custom option of a pcapng block (draft-ietf-opsawg-pcapng section 3.5.1), whose content only its program knows.
public struct CustomOption: Hashable, Sendable {
    /// The Private Enterprise Number of who has defined it.
    public let enterprise: UInt32
    public let bytes: [UInt8]
}

public enum PacketDirection: String, Hashable, Sendable {
    case inbound, outbound, unknown
}

/// Where packets were captured. A pcap file has one such; a section of a pcapng file, any number.
public struct CaptureInterface: Hashable, Sendable {
    /// From 0; begins anew with each section.
    public let index: Int
    /// if_name, e.g. `eth0`; nil when the file doesn't say.
    public let name: String?
    public let linkType: LinkType
    let snapLength: Int
    let clock: CaptureClock

    /// Does its clock count in less than microseconds?
    public var hasNanoseconds: Bool {
        clock.resolution & 0x80 == 0 ? clock.resolution > 6 : clock.resolution & 0x7f > 20
    }
}

/// What a record says of its packet, and where in the record the packet is.
struct PacketRecord {
    var time: Int64?
    var interface: Int
    var originalLength: Int
    var data: Range<Int>
    var direction = PacketDirection.unknown
    var comment: String?
    var customOptions: [CustomOption] = []
    /// Length of the record, in bytes.
    var length: Int

    /// In place: a block has room for millions.
    mutating func add(comment text: String) {
        if comment == nil { comment = text } else { comment?.append("\n" + text) }
    }
}

/// Beyond these a file is damaged, or was made to exhaust memory.
public enum CaptureLimit {
    /// tcpdump and Wireshark capture no more of a packet of any of our link types (MAXIMUM_SNAPLEN of libpcap,
    /// WTAP_MAX_PACKET_SIZE_STANDARD of Wireshark); an IP packet without jumbograms is a quarter of it.
    public static let packet = 256 << 10
    /// libpcap and Wireshark refuse longer blocks, too (MAX_BLOCKSIZE, MAX_BLOCK_SIZE).
    public static let block = 16 << 20
    /// Interfaces of a section. No limit in the format or in other readers; 65,536 is also what an obsolete packet block
    /// can name, and keeps what is stored of them below 32 MiB.
    public static let interfaces = 1 << 16
    /// Custom options of a packet that are kept. Who writes such has one, or few.
    static let customOptions = 16
    /// Bytes of an interface's name that are kept. Linux has 15 at most, Windows about 50.
    static let name = 256
}
