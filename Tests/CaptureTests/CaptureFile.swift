import Capture

/// A packet as the reader handed it out, kept.
struct Seen: Equatable {
    var frame = 1
    var time: Int64?
    var interface = 0
    var name: String?
    var linkType = LinkType.ethernet
    var originalLength = 0
    var direction = PacketDirection.unknown
    var comment: String?
    var bytes: [UInt8] = []
}

extension Seen {
    init(_ packet: borrowing CapturedPacket) {
        self.init(
            frame: packet.frame, time: packet.time, interface: packet.interface.index, name: packet.interface.name,
            linkType: packet.interface.linkType, originalLength: packet.originalLength, direction: packet.direction,
            comment: packet.comment, bytes: packet.bytes.copy)
    }
}

extension CaptureReader {
    mutating func nextSeen() throws(CaptureError) -> Seen? {
        guard let packet = try next() else { return nil }
        return Seen(packet)
    }
}

extension RawSpan {
    var copy: [UInt8] { withUnsafeBytes { Array($0) } }
}

/// What a capture has, and what ended it if not its end.
func readAll(_ reader: consuming CaptureReader) -> (packets: [Seen], error: CaptureError?) {
    var packets: [Seen] = []
    do throws(CaptureError) {
        while let packet = try reader.nextSeen() { packets.append(packet) }
        return (packets, nil)
    } catch {
        return (packets, error)
    }
}

func readAll(_ bytes: [UInt8]) -> (packets: [Seen], error: CaptureError?) { readAll(CaptureReader(bytes: bytes)) }

/// Writes numbers as a machine of one byte order does.
enum Writer: CaseIterable {
    case big, little

    func callAsFunction<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
        withUnsafeBytes(of: self == .big ? value.bigEndian : value.littleEndian) { Array($0) }
    }
}

// MARK: pcap

extension Writer {
    func pcapHeader(
        magic: UInt32 = 0xa1b2_c3d4, major: UInt16 = 2, minor: UInt16 = 4, snapLength: UInt32 = 262_144,
        linkType: UInt32 = 1
    ) -> [UInt8] {
        self(magic) + self(major) + self(minor) + self(UInt64(0)) + self(snapLength) + self(linkType)
    }

    func pcapRecord(
        seconds: UInt32 = 0, fraction: UInt32 = 0, captured: UInt32? = nil, original: UInt32? = nil, _ bytes: [UInt8]
    ) -> [UInt8] {
        let captured = captured ?? UInt32(bytes.count)
        return self(seconds) + self(fraction) + self(captured) + self(original ?? captured) + bytes
    }
}

// MARK: pcapng

extension Writer {
    func block(_ type: UInt32, _ body: [UInt8]) -> [UInt8] {
        let length = UInt32(12 + body.paddedToWord.count)
        return self(type) + self(length) + body.paddedToWord + self(length)
    }

    func option(_ code: UInt16, _ value: [UInt8]) -> [UInt8] {
        self(code) + self(UInt16(value.count)) + value.paddedToWord
    }

    func section(major: UInt16 = 1, minor: UInt16 = 0) -> [UInt8] {
        block(0x0a0d_0d0a, self(0x1a2b_3c4d as UInt32) + self(major) + self(minor) + self(UInt64.max))
    }

    func interface(linkType: UInt16 = 1, snapLength: UInt32 = 0, options: [UInt8] = []) -> [UInt8] {
        block(1, self(linkType) + self(UInt16(0)) + self(snapLength) + options)
    }

    func enhancedPacket(
        interface: UInt32 = 0, time: UInt64 = 0, captured: UInt32? = nil, original: UInt32? = nil, _ bytes: [UInt8],
        options: [UInt8] = []
    ) -> [UInt8] {
        let captured = captured ?? UInt32(bytes.count)
        return block(
            6,
            self(interface) + self(UInt32(time >> 32)) + self(UInt32(truncatingIfNeeded: time)) + self(captured)
                + self(original ?? captured) + bytes.paddedToWord + options)
    }

    func obsoletePacket(
        interface: UInt16 = 0, drops: UInt16 = 0xffff, time: UInt64 = 0, _ bytes: [UInt8], options: [UInt8] = []
    ) -> [UInt8] {
        let length = UInt32(bytes.count)
        return block(
            2,
            self(interface) + self(drops) + self(UInt32(time >> 32)) + self(UInt32(truncatingIfNeeded: time))
                + self(length) + self(length) + bytes.paddedToWord + options)
    }

    func simplePacket(original: UInt32, _ bytes: [UInt8]) -> [UInt8] { block(3, self(original) + bytes) }
}

extension [UInt8] {
    var paddedToWord: [UInt8] { self + [UInt8](repeating: 0, count: (4 - count % 4) % 4) }
}
