import Capture
import Testing

/// What a frame's link layer says, kept.
private struct SeenLink: Equatable {
    var ip: [UInt8]?
    var protocolNumber: UInt32?
    var direction = PacketDirection.unknown
    var interfaceIndex: UInt32?
}

private func link(_ bytes: [UInt8], _ type: LinkType) throws(LinkError) -> SeenLink {
    let frame = try LinkFrame(bytes.span.bytes, type)
    return SeenLink(
        ip: frame.ip?.copy, protocolNumber: frame.protocolNumber, direction: frame.direction,
        interfaceIndex: frame.interfaceIndex)
}

/// Destination, source.
private let addresses: [UInt8] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]
private let ip: [UInt8] = [0x45, 0, 0, 20]

@Suite struct LinkTests {
    @Test(arguments: [LinkType(rawValue: 101), .init(rawValue: 12), .init(rawValue: 14), .ipv4, .ipv6])
    func rawPacketsHaveNoHeader(_ type: LinkType) throws {
        #expect(try link(ip, type) == SeenLink(ip: ip))
        #expect(try link([], type) == SeenLink(ip: []))
    }

    @Test func ethernet() throws {
        #expect(try link(addresses + [0x08, 0x00] + ip, .ethernet) == SeenLink(ip: ip, protocolNumber: 0x0800))
        #expect(try link(addresses + [0x86, 0xdd] + [0x60], .ethernet) == SeenLink(ip: [0x60], protocolNumber: 0x86dd))
    }

    @Test(
        arguments: [
            [0x81, 0x00, 0x00, 0x07],
            [0x88, 0xa8, 0x00, 0x01, 0x81, 0x00, 0xe0, 0x02],
            [0x91, 0x00, 0, 1, 0x91, 0x00, 0, 2, 0x88, 0xa8, 0, 3, 0x81, 0x00, 0, 4],
        ] as [[UInt8]])
    func tags(_ tags: [UInt8]) throws {
        #expect(try link(addresses + tags + [0x08, 0x00] + ip, .ethernet) == SeenLink(ip: ip, protocolNumber: 0x0800))
        let arp = try link(addresses + tags + [0x08, 0x06, 1, 2, 3], .ethernet)
        #expect(arp == SeenLink(protocolNumber: 0x0806))
    }

    /// ARP, LLDP, and a frame of IEEE 802.3 with its length.
    @Test(arguments: [0x0806, 0x88cc, 38] as [UInt16]) func whatIsNotIP(_ etherType: UInt16) throws {
        let frame = addresses + Writer.big(etherType) + [1, 2, 3]
        #expect(try link(frame, .ethernet) == SeenLink(protocolNumber: UInt32(etherType)))
    }

    @Test(
        arguments: [
            (0, .inbound), (1, .inbound), (2, .inbound), (3, .inbound), (4, .outbound), (5, .unknown),
            (0x104, .unknown),
        ] as [(UInt16, PacketDirection)])
    func cooked(_ packetType: UInt16, _ direction: PacketDirection) throws {
        let frame: [UInt8] =
            Writer.big(packetType) + [
                0, 1,  // ARPHRD_ETHER
                0, 6, 2, 0, 0, 0, 0, 1, 0, 0,  // length of the address, address
                0x08, 0x00,
            ]
        #expect(try link(frame + ip, .linuxSLL) == SeenLink(ip: ip, protocolNumber: 0x0800, direction: direction))
    }

    @Test(arguments: [(0, .inbound), (3, .inbound), (4, .outbound), (5, .unknown)] as [(UInt8, PacketDirection)])
    func cookedWithInterface(_ packetType: UInt8, _ direction: PacketDirection) throws {
        let frame: [UInt8] = [
            0x86, 0xdd, 0, 0,  // EtherType, reserved
            0, 0, 1, 7,  // interface 263
            0, 1, packetType, 6,  // ARPHRD_ETHER, packet type, length of the address
            2, 0, 0, 0, 0, 1, 0, 0,
        ]
        let expected = SeenLink(ip: [0x60, 0], protocolNumber: 0x86dd, direction: direction, interfaceIndex: 263)
        #expect(try link(frame + [0x60, 0], .linuxSLL2) == expected)
    }

    @Test func cookedFramesCanBeTagged() throws {
        let header: [UInt8] = [0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x81, 0x00, 0, 7, 0x08, 0x00]
        let expected = SeenLink(ip: ip, protocolNumber: 0x0800, direction: .outbound)
        #expect(try link(header + ip, .linuxSLL) == expected)
    }

    @Test(arguments: [(2, true), (10, true), (24, true), (28, true), (30, true), (7, false), (0, false)])
    func loopback(_ family: UInt32, _ isIP: Bool) throws {
        let expected = SeenLink(ip: isIP ? ip : nil, protocolNumber: family)
        #expect(try link(Writer.big(family) + ip, .loop) == expected)
        #expect(try link(Writer.big(family) + ip, .null) == expected)
        #expect(try link(Writer.little(family) + ip, .null) == expected)
    }

    @Test(
        arguments: [(.ethernet, 14), (.linuxSLL, 16), (.linuxSLL2, 20), (.null, 4), (.loop, 4)]
            as [(LinkType, Int)])
    func headersCutShort(_ type: LinkType, _ length: Int) {
        for have in 0..<length {
            #expect(throws: LinkError.truncated(type, needed: length, have: have)) {
                try link([UInt8](repeating: 0, count: have), type)
            }
        }
    }

    @Test func tagsCutShort() {
        let frame = addresses + [0x81, 0x00, 0, 1, 0x81, 0x00, 0]
        #expect(throws: LinkError.truncated(.ethernet, needed: 18, have: 17)) {
            try link(Array(frame.prefix(17)), .ethernet)
        }
        #expect(throws: LinkError.truncated(.ethernet, needed: 22, have: 19)) { try link(frame, .ethernet) }
    }

    @Test func anUnsupportedTypeNamesThoseThatAre() {
        let error = LinkError.unsupported(LinkType(rawValue: 127))
        #expect(throws: error) { try link(ip, LinkType(rawValue: 127)) }
        #expect(
            error.description == "link type 127 isn't supported; these are: 1 (Ethernet), 101 (raw IP), 12 (raw IP), "
                + "14 (raw IP), 228 (raw IPv4), 229 (raw IPv6), 113 (Linux cooked), 276 (Linux cooked v2), "
                + "0 (BSD loopback), 108 (OpenBSD loopback)")
    }

    @Test func aPacketKnowsItsLink() throws {
        let file = Writer.little.pcapHeader() + Writer.little.pcapRecord(addresses + [0x08, 0x00] + ip)
        var reader = CaptureReader(bytes: file)
        var found: [UInt8]?
        if let packet = try reader.next() { found = try packet.link.ip?.copy }
        #expect(found == ip)
    }
}
