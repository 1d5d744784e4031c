/// The parts of an IPv4 (RFC 791) or IPv6 (RFC 8200) header that lead to a TCP segment.
struct IPHeader {
    let source: IPAddress
    let destination: IPAddress
    /// Offset of the TCP header.
    let headerLength: Int
    /// Length that the IP header states for the whole packet, in bytes; what was captured may be shorter.
    let totalLength: Int

    /// `length`: of the whole packet, for headers that say 0.
    init(_ bytes: RawSpan, length: Int?) throws(WireError) {
        guard bytes.byteCount > 0 else { throw .truncated(.ipv4, needed: 20, have: 0) }
        switch bytes[0] >> 4 {
        case 4: self = try Self.ipv4(bytes, length)
        case 6: self = try Self.ipv6(bytes, length)
        case let version: throw .unknownVersion(version)
        }
    }

    private init(source: IPAddress, destination: IPAddress, headerLength: Int, totalLength: Int) {
        self.source = source
        self.destination = destination
        self.headerLength = headerLength
        self.totalLength = totalLength
    }

    private static func ipv4(_ bytes: RawSpan, _ length: Int?) throws(WireError) -> IPHeader {
        guard bytes.byteCount >= 20 else { throw .truncated(.ipv4, needed: 20, have: bytes.byteCount) }
        let headerLength = Int(bytes[0] & 0x0f) * 4
        guard headerLength >= 20 else { throw .badHeaderLength(.ipv4, headerLength) }
        guard bytes.byteCount >= headerLength else {
            throw .truncated(.ipv4, needed: headerLength, have: bytes.byteCount)
        }
        // More-fragments flag and fragment offset; the "don't fragment" bit is left out.
        guard bytes.uint16(at: 6) & 0x3fff == 0 else { throw .fragment }
        guard bytes[9] == 6 else { throw .notTCP(bytes[9]) }
        let stated = Int(bytes.uint16(at: 2))
        return IPHeader(
            source: IPAddress(v4: bytes.uint32(at: 12)), destination: IPAddress(v4: bytes.uint32(at: 16)),
            headerLength: headerLength, totalLength: stated == 0 ? length ?? 0 : stated)
    }

    private static func ipv6(_ bytes: RawSpan, _ length: Int?) throws(WireError) -> IPHeader {
        guard bytes.byteCount >= 40 else { throw .truncated(.ipv6, needed: 40, have: bytes.byteCount) }
        let source = IPAddress(high: bytes.uint64(at: 8), low: bytes.uint64(at: 16))
        let destination = IPAddress(high: bytes.uint64(at: 24), low: bytes.uint64(at: 32))
        guard !source.isIPv4, !destination.isIPv4 else { throw .mappedAddress }
        let stated = Int(bytes.uint16(at: 4))
        return IPHeader(
            source: source, destination: destination, headerLength: try tcpOffset(inIPv6: bytes),
            totalLength: stated == 0 ? length ?? 40 : 40 + stated)
    }

    /// Walks the extension headers (RFC 8200 section 4) to the TCP header. Each is at least eight bytes long, so the
    /// walk ends.
    private static func tcpOffset(inIPv6 bytes: RawSpan) throws(WireError) -> Int {
        var next = bytes[6]
        var offset = 40
        while next != 6 {
            guard bytes.byteCount >= offset + 8 else {
                throw .truncated(.ipv6Extension, needed: offset + 8, have: bytes.byteCount)
            }
            let length: Int
            switch next {
            case 0, 60, 135:  // hop-by-hop, destination, mobility
                length = (Int(bytes[offset + 1]) + 1) * 8
            case 51: length = (Int(bytes[offset + 1]) + 2) * 4  // authentication (RFC 4302 section 2.2)
            case 44:  // fragment: only an "atomic" one (RFC 6946) holds a whole segment
                guard bytes.uint16(at: offset + 2) & 0xfff9 == 0 else { throw .fragment }
                length = 8
            default: throw .notTCP(next)
            }
            next = bytes[offset]
            offset += length
        }
        return offset
    }
}

extension RawSpan {
    @inlinable
    subscript(offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

    @inlinable
    func uint16(at offset: Int) -> UInt16 {
        UInt16(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    @inlinable
    func uint32(at offset: Int) -> UInt32 {
        UInt32(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    @inlinable
    func uint64(at offset: Int) -> UInt64 {
        UInt64(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}
