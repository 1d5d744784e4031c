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

    /// The hook where this machine's own packets come out (NF_INET_LOCAL_OUT).
    public static let localOut: UInt8 = 3
    /// The hook where forwarded packets and those of this machine leave (NF_INET_POST_ROUTING).
    public static let postRouting: UInt8 = 4

    /// The library fills in as many as its own header knew, which may be more than ours.
    private static let attributeRoom = 64

    /// nil when the message is no packet or lacks its header.
    init?(_ message: UnsafePointer<nlmsghdr>) {
        let type = UInt32(NFNL_SUBSYS_QUEUE) << 8 | NFQNL_MSG_PACKET.rawValue
        guard UInt32(message.pointee.nlmsg_type) == type else { return nil }
        let packet: QueuedPacket? = withUnsafeTemporaryAllocation(
            of: UnsafeMutablePointer<nlattr>?.self, capacity: Self.attributeRoom
        ) { attributes in
            attributes.initialize(repeating: nil)
            guard nfq_nlmsg_parse(message, attributes.baseAddress) >= 0,
                let header = attributes[Int(NFQA_PACKET_HDR.rawValue)],
                let fields = mnl_attr_get_payload(header)?.loadUnaligned(as: nfqnl_msg_packet_hdr.self)
            else { return nil }
            return QueuedPacket(header: fields, attributes: attributes)
        }
        guard let packet else { return nil }
        self = packet
    }

    private init(
        header: nfqnl_msg_packet_hdr, attributes: UnsafeMutableBufferPointer<UnsafeMutablePointer<nlattr>?>
    ) {
        let word = { (type: nfqnl_attr_type) -> UInt32 in
            attributes[Int(type.rawValue)].map { UInt32(bigEndian: mnl_attr_get_u32($0)) } ?? 0
        }
        id = UInt32(bigEndian: header.packet_id)
        hook = header.hook
        mark = word(NFQA_MARK)
        inDevice = word(NFQA_IFINDEX_INDEV)
        outDevice = word(NFQA_IFINDEX_OUTDEV)
        time = attributes[Int(NFQA_TIMESTAMP.rawValue)].map { Self.nanoseconds(mnl_attr_get_payload($0)) }
        payload =
            attributes[Int(NFQA_PAYLOAD.rawValue)].map {
                UnsafeRawBufferPointer(start: mnl_attr_get_payload($0), count: Int(mnl_attr_get_payload_len($0)))
            } ?? UnsafeRawBufferPointer(start: nil, count: 0)
        length = attributes[Int(NFQA_CAP_LEN.rawValue)] == nil ? payload.count : Int(word(NFQA_CAP_LEN))
    }

    private static func nanoseconds(_ attribute: UnsafeMutableRawPointer) -> Int64 {
        let time = attribute.loadUnaligned(as: nfqnl_msg_packet_timestamp.self)
        let (seconds, microseconds) = (UInt64(bigEndian: time.sec), UInt64(bigEndian: time.usec))
        return Int64(truncatingIfNeeded: seconds &* 1_000_000_000 &+ microseconds &* 1000)
    }
}
