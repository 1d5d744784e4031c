import PacketForge

/// What stands before an IP packet, by link type: Ethernet, with a VLAN tag, raw IP, both Linux cooked ones, loopback.
private let links: [(type: UInt16, header: [UInt8])] = [
    (1, [UInt8](repeating: 2, count: 12) + [8, 0]),
    (1, [UInt8](repeating: 2, count: 12) + [0x81, 0, 0, 7, 0x86, 0xdd]),
    (101, []), (113, [0, 4] + [UInt8](repeating: 0, count: 12) + [8, 0]),
    (276, [8, 0, 0, 0, 0, 0, 0, 3] + [UInt8](repeating: 0, count: 12)), (0, [2, 0, 0, 0]), (108, [0, 0, 0, 28]),
]

/// Captures of two packets each: pcap and pcapng, both byte orders, each link type.
func captures(_ packets: [[UInt8]]) -> [[UInt8]] {
    let pairs = stride(from: 0, to: packets.count - 1, by: 2).map { [packets[$0], packets[$0 + 1]] }
    return pairs.enumerated().flatMap { index, pair in
        let (type, header) = links[index % links.count]
        return [true, false].flatMap { isBig in
            let writer = CaptureWriter(isBig: isBig)
            let frames = pair.map { header + $0 }
            return [writer.pcap(type, frames), writer.pcapng(type, frames)]
        }
    }
}

/// Draft-ietf-opsawg-pcap and -pcapng, as far as seeds need them.
private struct CaptureWriter {
    let isBig: Bool

    private func callAsFunction(_ value: some FixedWidthInteger) -> [UInt8] {
        isBig ? big(value) : big(value).reversed()
    }

    func pcap(_ type: UInt16, _ frames: [[UInt8]]) -> [UInt8] {
        var bytes = self(UInt32(0xa1b2_c3d4)) + self(UInt16(2)) + self(UInt16(4)) + self(UInt64(0))
        bytes += self(UInt32(65535)) + self(UInt32(type))
        for frame in frames {
            bytes += self(UInt32(1_700_000_000)) + self(UInt32(5))
            bytes += self(UInt32(frame.count)) + self(UInt32(frame.count)) + frame
        }
        return bytes
    }

    func pcapng(_ type: UInt16, _ frames: [[UInt8]]) -> [UInt8] {
        let name = self(UInt16(2)) + self(UInt16(4)) + Array("lan0".utf8)
        let resolution = self(UInt16(9)) + self(UInt16(1)) + [9, 0, 0, 0] + self(UInt32(0))
        var bytes = block(0x0a0d_0d0a, self(UInt32(0x1a2b_3c4d)) + self(UInt16(1)) + self(UInt16(0)) + self(Int64(-1)))
        bytes += block(1, self(type) + self(UInt16(0)) + self(UInt32(0)) + name + resolution)
        for frame in frames {
            let time = self(UInt32(0)) + self(UInt32(1 << 30)) + self(UInt32(7))
            bytes += block(6, time + self(UInt32(frame.count)) + self(UInt32(frame.count)) + frame)
        }
        return bytes + block(3, self(UInt32(frames[0].count)) + frames[0])
    }

    private func block(_ type: UInt32, _ body: [UInt8]) -> [UInt8] {
        let padded = body + [UInt8](repeating: 0, count: (4 - body.count % 4) % 4)
        return self(type) + self(UInt32(12 + padded.count)) + padded + self(UInt32(12 + padded.count))
    }
}

/// Scripts of TrackingTests/Script/TrafficScript, three bytes a step: whole connections of each group, with joins, data
/// and ends in turn, and steps at random.
func scripts(using generator: inout SplitMix64) -> [[UInt8]] {
    let ends: [[UInt8]] = [
        [9, 0x10, 0, 11, 8, 13, 9, 0x18, 0, 11, 0, 13], [17, 0, 0, 17, 8, 0], [16, 0x10, 3], [15, 0, 0], [15, 8, 200],
        [13, 0, 0, 18, 0, 9], [19, 0, 0], [20, 8, 0], [21, 0, 255, 21, 0, 255, 0, 0, 0],
    ]
    var scripts: [[UInt8]] = []
    for group in UInt8(0)..<4 {
        for end in ends {
            let place = group << 5 | group
            let opened: [UInt8] = [0, place, 0, 9, place, 0, 9, place | 8, 0, 1, group << 5 | 4, 1, 12, place | 8, 9]
            scripts.append(opened + end.enumerated().map { $0 % 3 == 1 ? $1 | place : $1 })
        }
    }
    for _ in 0..<200 { scripts.append(generator.bytes(3...240)) }
    return scripts
}
