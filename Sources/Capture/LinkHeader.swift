/// What stands before the IP packet, as https://www.tcpdump.org/linktypes.html describes it.
struct LinkHeader {
    /// Bytes, VLAN tags included.
    var length = 0
    var isIP = true
    var protocolNumber: UInt32?
    var direction = PacketDirection.unknown
    var interfaceIndex: UInt32?

    init(_ bytes: RawSpan, _ linkType: LinkType) throws(LinkError) {
        func require(_ needed: Int) throws(LinkError) {
            guard bytes.byteCount >= needed else {
                throw .truncated(linkType, needed: needed, have: bytes.byteCount)
            }
        }
        switch linkType {
        case .raw, .rawOfMostSystems, .rawOfOpenBSD, .ipv4, .ipv6: break
        case .ethernet:
            try require(14)
            try skipTags(bytes, linkType, etherTypeAt: 12, length: 14)
        case .linuxSLL:
            try require(16)
            direction = Self.direction(packetType: bytes.uint16(at: 0))
            try skipTags(bytes, linkType, etherTypeAt: 14, length: 16)
        case .linuxSLL2:
            try require(20)
            direction = Self.direction(packetType: UInt16(bytes.uint8(at: 10)))
            interfaceIndex = bytes.uint32(at: 4)
            try skipTags(bytes, linkType, etherTypeAt: 0, length: 20)
        case .null, .loop:
            try require(4)
            readFamily(bytes.uint32(at: 0))
        default: throw .unsupported(linkType)
        }
    }

    /// Follows VLAN tags (IEEE 802.1Q section 9: TPID, then two bytes, then the next EtherType) to what isn't one. Each
    /// is four bytes long, so the walk ends.
    private mutating func skipTags(
        _ bytes: RawSpan, _ linkType: LinkType, etherTypeAt offset: Int, length: Int
    ) throws(LinkError) {
        var etherType = bytes.uint16(at: offset)
        self.length = length
        // 802.1Q, 802.1ad, and what was in use for the latter before it had a number.
        while etherType == 0x8100 || etherType == 0x88a8 || etherType == 0x9100 {
            guard bytes.byteCount >= self.length + 4 else {
                throw .truncated(linkType, needed: self.length + 4, have: bytes.byteCount)
            }
            etherType = bytes.uint16(at: self.length + 2)
            self.length += 4
        }
        protocolNumber = UInt32(etherType)
        isIP = etherType == 0x0800 || etherType == 0x86dd
    }

    /// AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 24 on NetBSD and OpenBSD, 28 on FreeBSD, 30 on Darwin. All
    /// families are below 2^16, which tells the byte order.
    private mutating func readFamily(_ bigEndian: UInt32) {
        let family = bigEndian >> 16 == 0 ? bigEndian : bigEndian.byteSwapped
        length = 4
        protocolNumber = family
        isIP = [2, 10, 24, 28, 30].contains(family)
    }

    /// PACKET_HOST, _BROADCAST, _MULTICAST, _OTHERHOST (seen in promiscuous mode) and _OUTGOING of
    /// include/uapi/linux/if_packet.h.
    private static func direction(packetType: UInt16) -> PacketDirection {
        switch packetType {
        case 0...3: .inbound
        case 4: .outbound
        default: .unknown
        }
    }
}
