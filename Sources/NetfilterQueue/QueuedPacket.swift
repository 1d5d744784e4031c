import CNetfilterQueue

/// A packet as the kernel queued it: a view into the receive buffer, valid only until the closure it was handed to
/// returns.
public struct QueuedPacket {
    /// Names the packet in its verdict.
    public let id: UInt32
    /// NF_INET_PRE_ROUTING (0), LOCAL_IN (1), FORWARD (2), LOCAL_OUT (3) or POST_ROUTING (4).
    public let hook: UInt8
    public let mark: UInt32
    /// Interface indices; 0 where the hook has none.
    public let inDevice: UInt32
    public let outDevice: UInt32
    /// When the kernel received it, in nanoseconds since 1970 (to the microsecond); nil when it hasn't noted that.
    public let time: Int64?
    /// The bytes from the IP header on, at most the queue's copy range.
    public let payload: UnsafeRawBufferPointer
    /// The packet's full length in bytes, whatever was copied.
    public let length: Int

    /// The hook where packets for this machine come in (NF_INET_LOCAL_IN).
    public static let localIn: UInt8 = 1
    /// The hook where this machine's own packets come out (NF_INET_LOCAL_OUT).
    public static let localOut: UInt8 = 3
    /// The hook where forwarded packets and those of this machine leave (NF_INET_POST_ROUTING).
    public static let postRouting: UInt8 = 4

    /// A packet that was received before, whole.
    package init(
        id: UInt32, hook: UInt8, mark: UInt32, inDevice: UInt32, outDevice: UInt32, time: Int64?,
        payload: UnsafeRawBufferPointer
    ) {
        self.id = id
        self.hook = hook
        self.mark = mark
        self.inDevice = inDevice
        self.outDevice = outDevice
        self.time = time
        self.payload = payload
        length = payload.count
    }

    /// nil when the message is no packet or lacks its header.
    ///
    /// Its attributes are walked through once, here: the library's way, a table of pointers to them that is filled by a
    /// callback, took as long as reading the packet's own headers (docs/performance/notebook.md).
    init?(_ message: UnsafePointer<nlmsghdr>) {
        let type = UInt32(NFNL_SUBSYS_QUEUE) << 8 | NFQNL_MSG_PACKET.rawValue
        guard UInt32(message.pointee.nlmsg_type) == type else { return nil }
        var attributes = Attributes(message)
        var header: UnsafeRawBufferPointer?
        var (mark, inDevice, outDevice, fullLength): (UInt32, UInt32, UInt32, UInt32?) = (0, 0, 0, nil)
        var time: Int64?
        var payload = UnsafeRawBufferPointer(start: nil, count: 0)
        while let (type, value) = attributes.next() {
            switch nfqnl_attr_type(UInt32(type)) {
            case NFQA_PACKET_HDR: header = value
            case NFQA_MARK: mark = value.word ?? 0
            case NFQA_IFINDEX_INDEV: inDevice = value.word ?? 0
            case NFQA_IFINDEX_OUTDEV: outDevice = value.word ?? 0
            case NFQA_TIMESTAMP: time = Self.nanoseconds(value)
            case NFQA_CAP_LEN: fullLength = value.word
            case NFQA_PAYLOAD: payload = value
            default: break
            }
        }
        guard let header, header.count >= MemoryLayout<nfqnl_msg_packet_hdr>.size else { return nil }
        let fields = header.loadUnaligned(as: nfqnl_msg_packet_hdr.self)
        id = UInt32(bigEndian: fields.packet_id)
        hook = fields.hook
        self.mark = mark
        self.inDevice = inDevice
        self.outDevice = outDevice
        self.time = time
        self.payload = payload
        length = fullLength.map { Int($0) } ?? payload.count
    }

    private static func nanoseconds(_ attribute: UnsafeRawBufferPointer) -> Int64? {
        guard attribute.count >= MemoryLayout<nfqnl_msg_packet_timestamp>.size else { return nil }
        let time = attribute.loadUnaligned(as: nfqnl_msg_packet_timestamp.self)
        let (seconds, microseconds) = (UInt64(bigEndian: time.sec), UInt64(bigEndian: time.usec))
        return Int64(truncatingIfNeeded: seconds &* 1_000_000_000 &+ microseconds &* 1000)
    }
}

/// The attributes of an nfnetlink message (linux/netlink.h, struct nlattr), up to the first that isn't whole.
private struct Attributes {
    private let bytes: UnsafeRawBufferPointer
    private var offset: Int

    private static let headerSize = 4
    /// Without NLA_F_NESTED and NLA_F_NET_BYTEORDER.
    private static let typeMask: UInt16 = 0x3fff

    init(_ message: UnsafePointer<nlmsghdr>) {
        bytes = UnsafeRawBufferPointer(start: message, count: Int(message.pointee.nlmsg_len))
        offset = MemoryLayout<nlmsghdr>.size + MemoryLayout<nfgenmsg>.size
    }

    mutating func next() -> (type: UInt16, value: UnsafeRawBufferPointer)? {
        guard bytes.count - offset >= Self.headerSize else { return nil }
        let length = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
        let type = bytes.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self) & Self.typeMask
        guard length >= Self.headerSize, length <= bytes.count - offset else { return nil }
        let value = UnsafeRawBufferPointer(rebasing: bytes[offset + Self.headerSize..<offset + length])
        offset += (length + 3) & ~3
        return (type, value)
    }
}

extension UnsafeRawBufferPointer {
    /// A number in network order; nil when there is none.
    fileprivate var word: UInt32? {
        count >= 4 ? UInt32(bigEndian: loadUnaligned(as: UInt32.self)) : nil
    }
}
