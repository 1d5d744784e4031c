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
        let packet = PacketBuilder(options: linuxOptions(MultipathBytes.capable), payload: [1, 2, 3]).bytes
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
        let headers: [UInt8] =
            [60, 0, 1, 4, 0, 0, 0, 0] + [44, 1] + Array(repeating: 0, count: 14) + [6, 0, 0, 0, 0, 0, 0, 9]
        let packet = PacketBuilder(
            source: IPAddress("fd00:1::2")!, destination: IPAddress("fd00:9::2")!, options: MultipathBytes.join,
            extensionHeaders: (0, headers)
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
        (MultipathBytes.capableV0, .capable(version: 0)),
        ([30, 4, 0x02, 0x01], .capable(version: 2)),
        (linuxOptions(MultipathBytes.join), .join(token: Token(0x90cd_00d7), backup: false)),
        (MultipathBytes.joinBackup, .join(token: Token(0x90cd_00d7), backup: true)),
        ([30, 4, 0xf0, 0], .other(subtype: 15)),
        ([1, 1, 1] + MultipathBytes.capable, .capable(version: 1)),
    ])
    func multipathOption(options: [UInt8], expected: MultipathSYN) throws {
        for source in ["10.1.0.2", "fd00:1::2"] {
            let destination = source.contains(":") ? "fd00:9::2" : "10.9.0.2"
            let packet = PacketBuilder(
                source: IPAddress(source)!, destination: IPAddress(destination)!, options: options)
            #expect(try multipath(packet.bytes) == expected)
        }
    }

    @Test(arguments: [
        [], [0, 0, 0, 0], Array(repeating: 1, count: 40), linuxOptions([]), [0] + MultipathBytes.capable,
    ])
    func noMultipathOption(options: [UInt8]) throws {
        #expect(try multipath(PacketBuilder(options: options).bytes) == nil)
    }

    @Test func ipv4OptionsAreStepped() throws {
        let packet = PacketBuilder(options: MultipathBytes.capable, ipv4Options: [7, 4, 4, 0]).bytes
        #expect(try multipath(packet) == .capable(version: 1))
    }

    @Test(arguments: [
        // kind, length, offset from the IP header
        ([30, 0, 0, 0] as [UInt8], WireError.badOptionLength(kind: 30, length: 0, offset: 40)),
        ([30, 1, 0, 0], .badOptionLength(kind: 30, length: 1, offset: 40)),
        ([2, 4, 5, 180, 30, 12, 0x10, 2], .badOptionLength(kind: 30, length: 12, offset: 44)),
        ([1, 1, 1, 30], .optionWithoutLength(kind: 30, offset: 43)),
        ([30, 3, 0x01, 0], .badOptionLength(kind: 30, length: 3, offset: 40)),
        ([30, 5, 0x01, 1, 0, 0, 0, 0], .badOptionLength(kind: 30, length: 5, offset: 40)),
        ([30, 4, 0x10, 0], .badOptionLength(kind: 30, length: 4, offset: 40)),
        // A sound MPTCP option, then a broken one behind it.
        (MultipathBytes.capable + [8, 0, 0, 0], .badOptionLength(kind: 8, length: 0, offset: 44)),
    ])
    func malformedOption(options: [UInt8], expected: WireError) {
        #expect(error(PacketBuilder(options: options).bytes) == expected)
    }

    @Test func malformedHeaders() {
        #expect(error([]) == .truncated(.ipv4, needed: 20, have: 0))
        #expect(error([0x45]) == .truncated(.ipv4, needed: 20, have: 1))
        #expect(error([0x50]) == .unknownVersion(5))
        #expect(error([0x60, 0]) == .truncated(.ipv6, needed: 40, have: 2))
        #expect(error([0x44] + Array(repeating: 0, count: 30)) == .badHeaderLength(.ipv4, 16))
        #expect(error(PacketBuilder(dataOffset: 4).bytes) == .badHeaderLength(.tcp, 16))
        #expect(error(PacketBuilder(dataOffset: 15).bytes) == .truncated(.tcp, needed: 80, have: 40))
        #expect(error(Array(PacketBuilder().bytes.prefix(39))) == .truncated(.tcp, needed: 40, have: 39))
        #expect(error(PacketBuilder(fragmentField: 0x2000).bytes) == .fragment)
        #expect(error(PacketBuilder(fragmentField: 0x0001).bytes) == .fragment)
    }

    @Test func addressesThatAreNotThePacketsEnds() {
        let mapped = { (source: String, destination: String) -> [UInt8] in
            var bytes = PacketBuilder(
                source: IPAddress("fd00:1::2")!, destination: IPAddress("fd00:9::2")!,
                options: MultipathBytes.capable
            ).bytes
            bytes.replaceSubrange(8..<24, with: IPAddress(source)!.bytes)
            bytes.replaceSubrange(24..<40, with: IPAddress(destination)!.bytes)
            return bytes
        }
        #expect(error(mapped("10.1.0.2", "10.9.0.2")) == .mappedAddress)
        #expect(error(mapped("fd00:1::2", "10.9.0.2")) == .mappedAddress)
        #expect(error(mapped("10.1.0.2", "fd00:9::2")) == .mappedAddress)
        let routed = PacketBuilder(
            source: IPAddress("fd00:1::2")!, destination: IPAddress("fd00:9::2")!,
            extensionHeaders: (43, [6, 0, 0, 0, 0, 0, 0, 0])
        ).bytes
        #expect(error(routed) == .notTCP(43))
    }

    @Test func otherProtocols() {
        var udp = PacketBuilder().bytes
        udp[9] = 17
        #expect(error(udp) == .notTCP(17))
        let none = PacketBuilder(
            source: IPAddress("fd00:1::2")!, destination: IPAddress("fd00:9::2")!, extensionHeaders: (59, [])
        ).bytes
        #expect(error(none) == .notTCP(59))
        let secondFragment = PacketBuilder(
            source: IPAddress("fd00:1::2")!, destination: IPAddress("fd00:9::2")!,
            extensionHeaders: (44, [6, 0, 0, 8, 0, 0, 0, 9])
        ).bytes
        #expect(error(secondFragment) == .fragment)
    }

    /// Whatever the bytes, the parser ends, and with a segment its options lie inside of it.
    @Test func anyBytesAreJudged() {
        var generator = SplitMix64(seed: 0x5eed)
        for _ in 0..<200_000 {
            var bytes = PacketBuilder(options: linuxOptions(MultipathBytes.join)).bytes
            if generator.next() & 1 == 0 {
                bytes =
                    PacketBuilder(
                        source: IPAddress("fd00:1::2")!, destination: IPAddress("fd00:9::2")!,
                        options: MultipathBytes.capable, extensionHeaders: (0, [6, 0, 0, 0, 0, 0, 0, 0])
                    ).bytes
            }
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            bytes.removeLast(Int.random(in: 0...bytes.count, using: &generator) / 4)
            _ = error(bytes)
        }
    }
}

/// A repeatable generator (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
