import Wire

/// A TCP segment in IP packets, right or wrong: everything that isn't set is as it should be, checksums included.
struct PacketDraft {
    var source: Endpoint
    var destination: Endpoint
    var sequence: UInt32 = 1
    var flags: TCPFlags = .syn
    /// Padded to a multiple of four with zeros.
    var options: [UInt8] = []
    /// In 32-bit words; nil: what fits the options.
    var dataOffset: UInt8?
    var payload: [UInt8] = []
    var hasWrongChecksum = false
    var identification: UInt16 = 0
    var ipv4Options: [UInt8] = []
    /// IPv6 extension headers before TCP: their type, and their bytes without the next-header field.
    var extensions: [(type: UInt8, rest: [UInt8])] = []
    /// Cuts the IP payload into fragments of so many bytes, a multiple of eight.
    var fragmentSize: Int?

    var packets: [[UInt8]] {
        let tcp = segment
        return source.address.isIPv4 ? ipv4(tcp) : ipv6(tcp)
    }

    private var segment: [UInt8] {
        let padded = options + Array(repeating: 0, count: (4 - options.count % 4) % 4)
        let offset = dataOffset ?? UInt8(5 + padded.count / 4)
        var bytes = big(source.port) + big(destination.port) + big(sequence) + big(UInt32(0))
        bytes += [offset << 4, flags.rawValue] + big(UInt16(64240)) + [0, 0, 0, 0] + padded + payload
        let pseudo = address(source) + address(destination) + big(UInt32(bytes.count)) + big(UInt32(6))
        let sum = checksum(pseudo + bytes) ^ (hasWrongChecksum ? 0x5555 : 0)
        bytes.replaceSubrange(16..<18, with: big(sum))
        return bytes
    }

    private func ipv4(_ tcp: [UInt8]) -> [[UInt8]] {
        fragments(of: tcp).map { offset, more, part in
            let length = 20 + ipv4Options.count
            var header = [0x40 | UInt8(length / 4), 0] + big(UInt16(length + part.count)) + big(identification)
            header += big(UInt16(offset / 8) | (more ? 0x2000 : 0)) + [64, 6, 0, 0]
            header += address(source) + address(destination) + ipv4Options
            header.replaceSubrange(10..<12, with: big(checksum(header)))
            return header + part
        }
    }

    private func ipv6(_ tcp: [UInt8]) -> [[UInt8]] {
        var first: UInt8 = 6
        var chain: [UInt8] = []
        for (type, rest) in extensions.reversed() {
            chain = [first] + rest + chain
            first = type
        }
        func header(_ next: UInt8, _ payload: [UInt8]) -> [UInt8] {
            [0x60, 0, 0, 0] + big(UInt16(payload.count)) + [next, 64] + address(source) + address(destination) + payload
        }
        guard fragmentSize != nil else { return [header(first, chain + tcp)] }
        return fragments(of: chain + tcp).map { offset, more, part in
            let fragment = [first, 0] + big(UInt16(offset) | (more ? 1 : 0)) + big(UInt32(identification))
            return header(44, fragment + part)
        }
    }

    private func fragments(of bytes: [UInt8]) -> [(offset: Int, more: Bool, part: [UInt8])] {
        let size = fragmentSize ?? bytes.count
        return stride(from: 0, to: bytes.count, by: size).map { offset in
            (offset, offset + size < bytes.count, Array(bytes[offset..<min(offset + size, bytes.count)]))
        }
    }

    private func address(_ endpoint: Endpoint) -> [UInt8] {
        endpoint.address.bytes.suffix(endpoint.address.isIPv4 ? 4 : 16)
    }

    private func big(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }

    /// RFC 1071.
    private func checksum(_ bytes: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            sum += UInt32(bytes[index]) << 8 | UInt32(index + 1 < bytes.count ? bytes[index + 1] : 0)
        }
        while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
        return ~UInt16(sum)
    }
}
