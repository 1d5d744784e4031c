import Wire

extension TCPOptionContent {
    /// Any content in any form that a header has room for; MPTCP's every other time.
    public static func random(using generator: inout some RandomNumberGenerator) -> TCPOptionContent {
        if Bool.random(using: &generator) { return .multipath(.random(using: &generator)) }
        switch Int.random(in: 0...10, using: &generator) {
        case 0: return .maximumSegmentSize(generator.word())
        case 1: return .windowScale(generator.word())
        case 2: return .sackPermitted
        case 3: return .sack(.random(using: &generator))
        case 4: return .timestamps(value: generator.word(), echo: generator.word())
        case 5: return .md5Signature(OptionBytes(generator.bytes(16...16)))
        case 6: return .userTimeout(isMinutes: .random(using: &generator), value: generator.word() & 0x7fff)
        case 7:
            return .authentication(
                keyID: generator.word(), nextKeyID: generator.word(), code: OptionBytes(generator.bytes(0...36)))
        case 8: return .fastOpen(cookie: OptionBytes(generator.bytes(0...38)))
        case 9:
            return .experimental(
                kind: .random(in: 253...254, using: &generator), id: generator.word(),
                OptionBytes(generator.bytes(0...36)))
        default: return other(using: &generator)
        }
    }

    /// A kind that Wire has no form for, or an experiment's without an ID.
    private static func other(using generator: inout some RandomNumberGenerator) -> TCPOptionContent {
        let named: Set<UInt8> = [0, 1, 2, 3, 4, 5, 8, 19, 28, 29, 30, 34]
        let kind = (0...255).filter { !named.contains($0) }.randomElement(using: &generator)!
        return .other(kind: kind, OptionBytes(generator.bytes(kind >= 253 && kind <= 254 ? 0...1 : 0...38)))
    }
}

/// A header's options: what they say, and the bytes that say it.
public struct OptionBlock {
    public private(set) var contents: [TCPOptionContent] = []
    /// 40 at most.
    public private(set) var bytes: [UInt8] = []

    /// Random options, with NOPs between some, until one doesn't fit any more.
    public init(using generator: inout some RandomNumberGenerator) {
        while true {
            let content = TCPOptionContent.random(using: &generator)
            let padding = [UInt8](repeating: 1, count: Int.random(in: 0...2, using: &generator))
            let more = padding + content.bytes
            guard bytes.count + more.count <= 40 else { return }
            contents.append(content)
            bytes += more
        }
    }
}
