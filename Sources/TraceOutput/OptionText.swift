import Tracking
import Wire

extension TextBuffer {
    /// As tcpdump has it; MPTCP's with the words of RFC 8684.
    mutating func append(_ option: TCPOptionContent, _ numbers: DataNumbers?) {
        switch option {
        case .maximumSegmentSize(let size): append("mss ", size)
        case .windowScale(let shift): append("wscale ", shift)
        case .sackPermitted: append("sackOK")
        case .sack(let blocks):
            append("sack")
            for block in blocks {
                append(" ", block.left.rawValue)
                append(":", block.right.rawValue)
            }
        case .timestamps(let value, let echo):
            append("TS val ", value)
            append(" ecr ", echo)
        case .md5Signature(let digest): append("md5 ", digest)
        case .userTimeout(let isMinutes, let value):
            append("uto ", value)
            append(isMinutes ? " min" : " s")
        case .authentication(let keyID, let nextKeyID, let code):
            append("tcp-ao key ", keyID)
            append(" next ", nextKeyID)
            append(" mac ", code)
        case .multipath(let option): append(option, numbers)
        case .fastOpen(let cookie): append("tfo ", cookie)
        case .experimental(_, let id, let bytes):
            append(hexadecimal: "exp ", id)
            append(" ", bytes)
        case .other(let kind, let bytes):
            append("option ", kind)
            append(" ", bytes)
        }
    }

    mutating func append(_ prefix: StaticString, _ value: some FixedWidthInteger) {
        append(prefix)
        append(decimal: value)
    }

    mutating func append(hexadecimal prefix: StaticString, _ value: some FixedWidthInteger & UnsignedInteger) {
        append(prefix)
        append("0x")
        append(hexadecimal: value)
    }

    mutating func append(_ prefix: StaticString, _ bytes: OptionBytes) {
        append(prefix)
        if bytes.isEmpty { append("-") }
        for byte in bytes { append(hexadecimal: byte) }
    }
}
