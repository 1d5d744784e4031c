import Wire

extension TCPOptionContent {
    /// The whole option, kind and length included.
    public var bytes: [UInt8] {
        if case .multipath(let option) = self { return option.bytes }
        let rest = afterLength
        return [kind, UInt8(2 + rest.count)] + rest
    }

    private var afterLength: [UInt8] {
        switch self {
        case .maximumSegmentSize(let size): big(size)
        case .windowScale(let shift): [shift]
        case .sackPermitted: []
        case .sack(let blocks): blocks.flatMap { big($0.left.rawValue) + big($0.right.rawValue) }
        case .timestamps(let value, let echo): big(value) + big(echo)
        case .userTimeout(let isMinutes, let value): big(value & 0x7fff | (isMinutes ? 0x8000 : 0))
        case .authentication(let keyID, let nextKeyID, let code): [keyID, nextKeyID] + code
        case .experimental(_, let id, let data): big(id) + data
        case .md5Signature(let data), .fastOpen(let data), .other(_, let data): Array(data)
        case .multipath(let option): Array(option.bytes.dropFirst(2))
        }
    }
}

extension Sequence<TCPOptionContent> {
    /// The options one after the other, without padding.
    public var bytes: [UInt8] { flatMap(\.bytes) }
}
