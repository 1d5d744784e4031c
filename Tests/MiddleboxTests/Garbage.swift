import Lab
import PacketForge
import Wire

/// A kind of SYN that no well-meaning client sends, and what Sluice has to say about it before it lets it go.
struct Garbage: Sendable {
    let name: String
    /// nil: the rules already know that it isn't for Sluice.
    let decision: String?
    let make: @Sendable (inout PacketDraft) -> Void

    private init(_ name: String, _ decision: String?, _ make: @escaping @Sendable (inout PacketDraft) -> Void) {
        self.name = name
        self.decision = decision
        self.make = make
    }

    /// A SYN with these options.
    private init(_ name: String, _ decision: String?, options: [UInt8]) {
        self.init(name, decision) { $0.options = options }
    }

    private static let malformed = "pass: malformed"
    private static let oldVersion = "pass: MPTCP version"
    private static let unknownToken = "pass: unknown token"

    private static let version2: [UInt8] = [30, 4, 0x02, 0x01]
    private static let join: [UInt8] = [30, 12, 0x10, 2, 0x90, 0xcd, 0x00, 0xd7, 0x0a, 0x0b, 0x0c, 0x0d]
    private static let nops = [UInt8](repeating: 1, count: 40)

    static let options: [Garbage] = [
        Garbage("cut short before its length", malformed, options: [1, 1, 1, 30]),
        Garbage("cut short inside", malformed, options: [30, 12, 0x10, 2, 0x90, 0xcd, 0x00, 0xd7]),
        Garbage("another cut short behind", malformed, options: version2 + [1, 1, 1, 8]),
        Garbage("length 0", malformed, options: [30, 0, 0x01, 0x01]),
        Garbage("length 1", malformed, options: [30, 1, 0x01, 0x01]),
        Garbage("length 255", malformed, options: [30, 255, 0x01, 0x01]),
        Garbage("another of length 0 before", malformed, options: [5, 0, 1, 1] + version2),
        Garbage("40 NOPs", nil, options: nops),
        Garbage("36 NOPs before", oldVersion, options: nops.dropLast(4) + version2),
        Garbage("behind the end of options", "pass: not MPTCP", options: [0, 1, 1, 1] + version2),
        Garbage("MP_CAPABLE of 2 bytes", malformed, options: [30, 2, 1, 1]),
        Garbage("MP_CAPABLE of 3 bytes", malformed, options: [30, 3, 0x01, 1]),
        Garbage("MP_CAPABLE of 5 bytes", malformed, options: [30, 5, 0x01, 0x01, 0]),
        Garbage("MP_CAPABLE of 12 bytes", malformed, options: [30, 12, 0x01, 0x01, 1, 2, 3, 4, 5, 6, 7, 8]),
        Garbage("MP_CAPABLE of 20 bytes", malformed, options: [30, 20, 0x01, 0x01] + nops.prefix(16)),
        Garbage("MP_CAPABLE version 0", oldVersion, options: [30, 12, 0x00, 0x81, 1, 2, 3, 4, 5, 6, 7, 8]),
        Garbage("MP_CAPABLE version 0 of 4 bytes", malformed, options: [30, 4, 0x00, 0x81]),
        Garbage("MP_CAPABLE version 2", oldVersion, options: version2),
        Garbage("MP_JOIN of 10 bytes", malformed, options: [30, 10] + join[2..<10]),
        Garbage("MP_JOIN of 16 bytes", malformed, options: [30, 16] + join[2...] + [0, 0, 0, 0]),
        Garbage("MP_JOIN of an unknown token", unknownToken, options: join),
        Garbage("unknown subtype", "pass: not MPTCP", options: [30, 4, 0xf0, 0]),
    ]

    static let segments: [Garbage] = [
        Garbage("data offset beyond the packet", nil) {
            $0.options = version2
            $0.dataOffset = 15
        },
        Garbage("data offset below 5", nil) {
            $0.options = version2
            $0.dataOffset = 3
        },
        Garbage("SYN and FIN", nil) {
            $0.options = version2
            $0.flags = [.syn, .fin]
        },
        Garbage("SYN and RST", nil) {
            $0.options = version2
            $0.flags = [.syn, .rst]
        },
        Garbage("payload", oldVersion) {
            $0.options = version2
            $0.payload = nops
        },
        Garbage("wrong checksum", nil) {
            $0.options = join
            $0.hasWrongChecksum = true
        },
        Garbage("fragments", oldVersion) {
            $0.options = version2
            $0.payload = nops
            $0.fragmentSize = 40
        },
    ]

    /// Record route (RFC 791 section 3.1), and NOPs.
    static let ipv4: [Garbage] = [
        Garbage("IPv4 options", malformed) {
            $0.options = [30, 0, 0x01, 0x01]
            $0.ipv4Options = [7, 7, 4, 0, 0, 0, 0, 1]
        },
        Garbage("fragments, the header itself cut", unknownToken) {
            $0.options = join
            $0.fragmentSize = 16
        },
    ]

    static let ipv6: [Garbage] = [
        Garbage("hop-by-hop options", unknownToken) {
            $0.options = join
            $0.extensions = [(0, [0, 1, 4, 0, 0, 0, 0])]
        },
        Garbage("destination options", malformed) {
            $0.options = [30, 3, 1, 1]
            $0.extensions = [(60, [1] + [1, 12] + [UInt8](repeating: 0, count: 12))]
        },
        Garbage("both", oldVersion) {
            $0.options = version2
            $0.extensions = [(0, [0, 1, 4, 0, 0, 0, 0]), (60, [0, 1, 4, 0, 0, 0, 0])]
        },
        // Not to be reassembled (RFC 8200 section 4.5).
        Garbage("fragments, the header itself cut", nil) {
            $0.options = join
            $0.fragmentSize = 16
        },
    ]

    static func all(_ family: IPFamily) -> [Garbage] { options + segments + (family == .v4 ? ipv4 : ipv6) }

    /// Queued like the others, and known by its payload.
    static let marker = Garbage("the last of a burst", unknownToken) {
        $0.options = join
        $0.payload = markerPayload
    }
    static let markerPayload = Array("the last of a burst".utf8)
}
