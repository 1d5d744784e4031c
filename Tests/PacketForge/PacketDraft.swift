import Wire

/// A TCP segment in IP packets, right or wrong: what isn't set is as it should be, checksums included.
public struct PacketDraft {
    public var source: Endpoint
    public var destination: Endpoint
    public var sequence: UInt32
    public var acknowledgement: UInt32 = 0
    public var flags: TCPFlags
    /// As sent: not shifted by the window scale.
    public var window: UInt16 = 64240
    /// Padded to a multiple of four with zeros.
    public var options: [UInt8]
    /// In 32-bit words; nil: what fits the options.
    public var dataOffset: UInt8?
    public var payload: [UInt8]
    public var hasWrongChecksum = false
    public var identification: UInt16
    /// The TOS byte, or IPv6's traffic class.
    public var trafficClass: UInt8 = 0
    /// The hop limit of an IPv6 packet.
    public var timeToLive: UInt8 = 64
    public var isDontFragment = false
    public var ipv4Options: [UInt8] = []
    /// IPv6 extension headers before TCP: their type, and their bytes without the next-header field.
    public var extensions: [(type: UInt8, rest: [UInt8])] = []
    /// Cuts the IP payload into fragments of so many bytes, a multiple of eight.
    public var fragmentSize: Int?

    public init(
        source: Endpoint = Endpoint("10.1.0.2:43210")!, destination: Endpoint = Endpoint("10.9.0.2:80")!,
        sequence: UInt32 = 1, flags: TCPFlags = .syn, options: [UInt8] = [], payload: [UInt8] = [],
        identification: UInt16 = 0
    ) {
        self.source = source
        self.destination = destination
        self.sequence = sequence
        self.flags = flags
        self.options = options
        self.payload = payload
        self.identification = identification
    }

    /// The packet; with `fragmentSize`, its first fragment.
    public var bytes: [UInt8] { packets[0] }

    public var packets: [[UInt8]] {
        let tcp = segment
        return source.address.isIPv4 ? ipv4(tcp) : ipv6(tcp)
    }

    private var segment: [UInt8] {
        let padded = options + Array(repeating: 0, count: (4 - options.count % 4) % 4)
        let offset = dataOffset ?? UInt8(5 + padded.count / 4)
        var bytes = big(source.port) + big(destination.port) + big(sequence) + big(acknowledgement)
        bytes += [offset << 4, flags.rawValue] + big(window) + [0, 0, 0, 0] + padded + payload
        let pseudo = address(source) + address(destination) + big(UInt32(bytes.count)) + big(UInt32(6))
        let sum = checksum(pseudo + bytes) ^ (hasWrongChecksum ? 0x5555 : 0)
        bytes.replaceSubrange(16..<18, with: big(sum))
        return bytes
    }

    private func ipv4(_ tcp: [UInt8]) -> [[UInt8]] {
        fragments(of: tcp).map { offset, more, part in
            let length = 20 + ipv4Options.count
            let flags: UInt16 = (more ? 0x2000 : 0) | (isDontFragment ? 0x4000 : 0)
            var header = [0x40 | UInt8(length / 4), trafficClass] + stated(length + part.count) + big(identification)
            header += big(UInt16(offset / 8) | flags) + [timeToLive, 6, 0, 0]
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
            [0x60 | trafficClass >> 4, trafficClass << 4, 0, 0] + stated(payload.count) + [next, timeToLive]
                + address(source) + address(destination)
                + payload
        }
        guard fragmentSize != nil else { return [header(first, chain + tcp)] }
        return fragments(of: chain + tcp).map { offset, more, part in
            let fragment = [first, 0] + big(UInt16(offset) | (more ? 1 : 0)) + big(UInt32(identification))
            return header(44, fragment + part)
        }
    }

    /// 0 for what the field can't say, as the kernel does (BIG TCP).
    private func stated(_ length: Int) -> [UInt8] { big(UInt16(exactly: length) ?? 0) }

    private func fragments(of bytes: [UInt8]) -> [(offset: Int, more: Bool, part: [UInt8])] {
        let size = fragmentSize ?? bytes.count
        return stride(from: 0, to: bytes.count, by: size).map { offset in
            (offset, offset + size < bytes.count, Array(bytes[offset..<min(offset + size, bytes.count)]))
        }
    }

    private func address(_ endpoint: Endpoint) -> [UInt8] {
        endpoint.address.bytes.suffix(endpoint.address.isIPv4 ? 4 : 16)
    }

    /// RFC 1071.
    private func checksum(_ bytes: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            sum += UInt32(bytes[index]) << 8 | UInt32(index + 1 < bytes.count ? bytes[index + 1] : 0)
            // Folded at once: a large packet's sum would not fit.
            sum = sum & 0xffff + sum >> 16
        }
        return ~UInt16(sum)
    }
}
