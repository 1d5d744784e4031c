import PacketForge
import Wire

extension ParseSample {
    /// The options of one kind of segment, as Linux orders them.
    struct Kind: Sendable {
        let name: String
        let options: @Sendable (inout SplitMix64) -> [UInt8]

        static let data = Kind(name: "data: timestamps, DSS with 8-byte DSN and ACK") { generator in
            let mapping = DataSequenceSignal.Mapping(
                sequence: .long(.init(generator.next())), subflowSequence: generator.word(), length: 1400)
            let signal = DataSequenceSignal(acknowledgement: .long(.init(generator.next())), mapping: mapping)
            return timestamps(&generator) + MultipathOption.dataSequenceSignal(signal).bytes
        }
    }

    static let kinds = [
        Kind.data,
        Kind(name: "SYN: MSS, SACK, timestamps, scale, MP_CAPABLE") { generator in
            syn(&generator) + capable(.bare)
        },
        Kind(name: "SYN-ACK: the same with a key") { generator in
            syn(&generator) + capable(.key(sender: .init(generator.next())))
        },
        Kind(name: "first data: timestamps, MP_CAPABLE with keys") { generator in
            timestamps(&generator)
                + capable(
                    .data(
                        sender: .init(generator.next()), receiver: .init(generator.next()), length: generator.word(),
                        checksum: generator.word()))
        },
        Kind(name: "third ACK: timestamps, MP_JOIN with HMAC") { generator in
            let hmac = MultipathHMAC(high: generator.next(), middle: generator.next(), low: generator.word())
            return timestamps(&generator) + MultipathOption.join(.ack(hmac: hmac)).bytes
        },
        Kind(name: "loss: SACK of 3 blocks, DSS with 8-byte ACK") { generator in
            let blocks = (0..<3).map { _ in
                SACKBlocks.Block(left: .init(generator.word()), right: .init(generator.word()))
            }
            let signal = DataSequenceSignal(acknowledgement: .long(.init(generator.next())), mapping: nil)
            return [1, 1] + TCPOptionContent.sack(SACKBlocks(blocks)!).bytes
                + MultipathOption.dataSequenceSignal(signal).bytes
        },
        Kind(name: "ADD_ADDR of IPv6 with HMAC, timestamps") { generator in
            let announcement = AddAddress(
                kind: .announcement(.init(generator.next())), addressID: .init(generator.word()),
                address: IPAddress(high: generator.next() | 1, low: generator.next()), port: nil)
            return timestamps(&generator) + MultipathOption.addAddress(announcement).bytes
        },
        Kind(name: "plain TCP: timestamps", options: { timestamps(&$0) }),
    ]

    private static func timestamps(_ generator: inout SplitMix64) -> [UInt8] {
        [1, 1] + TCPOptionContent.timestamps(value: generator.word(), echo: generator.word()).bytes
    }

    private static func syn(_ generator: inout SplitMix64) -> [UInt8] {
        let contents: [TCPOptionContent] = [
            .maximumSegmentSize(1460), .sackPermitted, .timestamps(value: generator.word(), echo: 0),
        ]
        return contents.bytes + [1] + TCPOptionContent.windowScale(7).bytes
    }

    private static func capable(_ form: MPCapable.Form) -> [UInt8] {
        MultipathOption.capable(MPCapable(version: 1, flags: .hmac, form: form)).bytes
    }
}
