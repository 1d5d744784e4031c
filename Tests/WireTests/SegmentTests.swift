import PacketForge
import Testing
import Wire

@Suite struct SegmentTests {
    private func multipath(_ bytes: [UInt8]) throws(WireError) -> MultipathSYN? {
        try Segment(bytes.span.bytes).multipathSYN()
    }

    private func error(_ bytes: [UInt8]) -> WireError? {
        do throws(WireError) {
            _ = try multipath(bytes)
            return nil
        } catch {
            return error
        }
    }

    @Test func fieldsOfAnIPv4Segment() throws {
        let packet = PacketDraft(
            sequence: 0x0102_0304, options: linuxOptions(MultipathBytes.capable), payload: [1, 2, 3]
        ).bytes
        let segment = try Segment(packet.span.bytes)
        #expect(segment.source == Endpoint("10.1.0.2:43210"))
        #expect(segment.destination == Endpoint("10.9.0.2:80"))
        #expect(segment.sequence == SequenceNumber(0x0102_0304))
        #expect(segment.flags == .syn)
        #expect(segment.headerLength == 44)
        #expect(segment.payloadLength == 3)
    }

    @Test func fieldsOfAnIPv6SegmentBehindExtensionHeaders() throws {
        // Hop-by-hop (8 bytes), destination options (16 bytes), an atomic fragment.
        let packet = PacketDraft.ipv6(
            options: MultipathBytes.join,
            extensions: [
                (0, [0, 1, 4, 0, 0, 0, 0]), (60, [1] + Array(repeating: 0, count: 14)), (44, [0, 0, 0, 0, 0, 0, 9]),
            ]
        ).bytes
        let segment = try Segment(packet.span.bytes)
        #expect(segment.source == Endpoint("[fd00:1::2]:43210"))
        #expect(segment.destination == Endpoint("[fd00:9::2]:80"))
        #expect(segment.payloadLength == 0)
        #expect(try multipath(packet) == .join(token: Token(0x90cd_00d7), backup: false))
    }

    @Test(arguments: [
        (linuxOptions(MultipathBytes.capable), MultipathSYN.capable(version: 1)),
        (MultipathBytes.capable, .capable(version: 1)),
        (MultipathBytes.capableV0, .capable(version: 0, checksums: true)),
        ([30, 4, 0x02, 0x01], .capable(version: 2)),
        ([30, 4, 0x01, 0x81], .capable(version: 1, checksums: true)),
        (linuxOptions(MultipathBytes.join), .join(token: Token(0x90cd_00d7), backup: false)),
        (MultipathBytes.joinBackup, .join(token: Token(0x90cd_00d7), backup: true)),
        ([30, 4, 0xf0, 0], .other(subtype: 15)),
        ([1, 1, 1] + MultipathBytes.capable, .capable(version: 1)),
    ])
    func multipathOption(options: [UInt8], expected: MultipathSYN) throws {
        for draft in [PacketDraft(options: options), .ipv6(options: options)] {
            #expect(try multipath(draft.bytes) == expected)
        }
    }

    @Test(arguments: [
        [], [0, 0, 0, 0], Array(repeating: 1, count: 40), linuxOptions([]), [0] + MultipathBytes.capable,
    ])
    func noMultipathOption(options: [UInt8]) throws {
        #expect(try multipath(PacketDraft(options: options).bytes) == nil)
    }

    @Test func ipv4OptionsAreStepped() throws {
        var draft = PacketDraft(options: MultipathBytes.capable)
        draft.ipv4Options = [7, 4, 4, 0]
        #expect(try multipath(draft.bytes) == .capable(version: 1))
    }

    @Test(arguments: [
        // kind, length, offset from the IP header
        ([30, 0, 0, 0] as [UInt8], WireError.badOptionLength(kind: 30, length: 0, offset: 40)),
        ([30, 1, 0, 0], .badOptionLength(kind: 30, length: 1, offset: 40)),
        ([2, 4, 5, 180, 30, 12, 0x10, 2], .badOptionLength(kind: 30, length: 12, offset: 44)),
        ([1, 1, 1, 30], .optionWithoutLength(kind: 30, offset: 43)),
        ([30, 2, 0x01, 0], .badOptionLength(kind: 30, length: 2, offset: 40)),
        ([30, 3, 0x01, 0], .badMultipathOption(subtype: 0, length: 3, offset: 40)),
        ([30, 5, 0x01, 1, 0, 0, 0, 0], .badMultipathOption(subtype: 0, length: 5, offset: 40)),
        ([30, 4, 0x10, 0], .badMultipathOption(subtype: 1, length: 4, offset: 40)),
        ([30, 4, 0x00, 0x81], .badMultipathOption(subtype: 0, length: 4, offset: 40)),
        // Sound, but not in a SYN.
        ([30, 12, 0x01, 0x01, 1, 2, 3, 4, 5, 6, 7, 8], .badMultipathOption(subtype: 0, length: 12, offset: 40)),
        ([30, 16, 0x10] + Array(repeating: 0, count: 13), .badMultipathOption(subtype: 1, length: 16, offset: 40)),
        // A sound MPTCP option, then a broken one behind it.
        (MultipathBytes.capable + [8, 0, 0, 0], .badOptionLength(kind: 8, length: 0, offset: 44)),
    ])
    func malformedOption(options: [UInt8], expected: WireError) {
        #expect(error(PacketDraft(options: options).bytes) == expected)
    }

    @Test func malformedHeaders() {
        func draft(dataOffset: UInt8) -> [UInt8] {
            var draft = PacketDraft()
            draft.dataOffset = dataOffset
            return draft.bytes
        }
        #expect(error([]) == .truncated(.ipv4, needed: 20, have: 0))
        #expect(error([0x45]) == .truncated(.ipv4, needed: 20, have: 1))
        #expect(error([0x50]) == .unknownVersion(5))
        #expect(error([0x60, 0]) == .truncated(.ipv6, needed: 40, have: 2))
        #expect(error([0x44] + Array(repeating: 0, count: 30)) == .badHeaderLength(.ipv4, 16))
        #expect(error(draft(dataOffset: 4)) == .badHeaderLength(.tcp, 16))
        #expect(error(draft(dataOffset: 15)) == .truncated(.tcp, needed: 80, have: 40))
        #expect(error(Array(PacketDraft().bytes.prefix(39))) == .truncated(.tcp, needed: 40, have: 39))
        var fragmented = PacketDraft(payload: [1, 2, 3, 4, 5, 6, 7, 8])
        fragmented.fragmentSize = 24
        #expect(fragmented.packets.count == 2)
        for packet in fragmented.packets { #expect(error(packet) == .fragment) }
    }

    @Test func addressesThatAreNotThePacketsEnds() {
        let mapped = { (source: String, destination: String) -> [UInt8] in
            var bytes = PacketDraft.ipv6(options: MultipathBytes.capable).bytes
            bytes.replaceSubrange(8..<24, with: IPAddress(source)!.bytes)
            bytes.replaceSubrange(24..<40, with: IPAddress(destination)!.bytes)
            return bytes
        }
        #expect(error(mapped("10.1.0.2", "10.9.0.2")) == .mappedAddress)
        #expect(error(mapped("fd00:1::2", "10.9.0.2")) == .mappedAddress)
        #expect(error(mapped("10.1.0.2", "fd00:9::2")) == .mappedAddress)
        let routed = PacketDraft.ipv6(extensions: [(43, [0, 0, 0, 0, 0, 0, 0])])
        #expect(error(routed.bytes) == .notTCP(43))
    }

    @Test func otherProtocols() {
        var udp = PacketDraft().bytes
        udp[9] = 17
        #expect(error(udp) == .notTCP(17))
        #expect(error(PacketDraft.ipv6(extensions: [(59, [0, 0, 0, 0, 0, 0, 0])]).bytes) == .notTCP(59))
        let secondFragment = PacketDraft.ipv6(extensions: [(44, [0, 0, 8, 0, 0, 0, 9])])
        #expect(error(secondFragment.bytes) == .fragment)
    }
}
