import Wire

/// A TCP SYN in an IP packet, byte by byte as the RFCs draw them.
struct PacketBuilder {
    var source = IPAddress("10.1.0.2")!
    var destination = IPAddress("10.9.0.2")!
    var sequence: UInt32 = 0x0102_0304
    var flags: UInt8 = 0x02
    /// Padded to a multiple of four with zeros.
    var options: [UInt8] = []
    /// In place of what fits the options; in 32-bit words.
    var dataOffset: UInt8?
    var payload: [UInt8] = []
    /// Between the IPv6 header and TCP; the last one's next-header field has to be 6.
    var extensionHeaders: (first: UInt8, bytes: [UInt8]) = (6, [])
    var fragmentField: UInt16 = 0x4000
    var ipv4Options: [UInt8] = []

    var bytes: [UInt8] {
        let tcp = tcpHeader + payload
        return source.isIPv4 ? ipv4(tcp) : ipv6(tcp)
    }

    private var tcpHeader: [UInt8] {
        let padded = options + Array(repeating: 0, count: (4 - options.count % 4) % 4)
        let offset = dataOffset ?? UInt8(5 + padded.count / 4)
        return big(UInt16(43210)) + big(UInt16(80)) + big(sequence) + big(UInt32(0)) + [offset << 4, flags]
            + big(UInt16(64240)) + [0, 0, 0, 0] + padded
    }

    private func ipv4(_ tcp: [UInt8]) -> [UInt8] {
        let headerLength = 20 + ipv4Options.count
        return [0x40 | UInt8(headerLength / 4), 0] + big(UInt16(headerLength + tcp.count)) + [0, 0] + big(fragmentField)
            + [64, 6, 0, 0] + source.bytes.suffix(4) + destination.bytes.suffix(4) + ipv4Options + tcp
    }

    private func ipv6(_ tcp: [UInt8]) -> [UInt8] {
        [0x60, 0, 0, 0] + big(UInt16(extensionHeaders.bytes.count + tcp.count)) + [extensionHeaders.first, 64]
            + source.bytes + destination.bytes + extensionHeaders.bytes + tcp
    }

    private func big(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
}

/// Options as Linux sends them with a SYN, MPTCP last: MSS, SACK permitted, timestamps, NOP, window scale.
func linuxOptions(_ multipath: [UInt8]) -> [UInt8] {
    [2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7] + multipath
}

enum MultipathBytes {
    /// MP_CAPABLE version 1 with H, as in a SYN.
    static let capable: [UInt8] = [30, 4, 0x01, 0x01]
    static let capableV0: [UInt8] = [30, 12, 0x00, 0x81, 1, 2, 3, 4, 5, 6, 7, 8]
    /// MP_JOIN, address ID 2, token 0x90cd00d7, nonce 0x0a0b0c0d.
    static let join: [UInt8] = [30, 12, 0x10, 2, 0x90, 0xcd, 0x00, 0xd7, 0x0a, 0x0b, 0x0c, 0x0d]
    static let joinBackup: [UInt8] = [30, 12, 0x11, 2, 0x90, 0xcd, 0x00, 0xd7, 0x0a, 0x0b, 0x0c, 0x0d]
}
