import Tracking
import Wire

extension JSONText {
    /// The object of an option. `numbers`: of the DSS, as the tracker has expanded them.
    mutating func option(_ option: TCPOptionContent, _ numbers: DataNumbers?) {
        object { json in
            json.key("kind")
            json.number(option.kind)
            json.key("name")
            json.string(option.name)
            switch option {
            case .maximumSegmentSize(let size): json.member("value", size)
            case .windowScale(let shift): json.member("value", shift)
            case .sackPermitted: break
            case .sack(let blocks): json.blocks(blocks)
            case .timestamps(let value, let echo):
                json.member("value", value)
                json.member("echo", echo)
            case .md5Signature(let digest): json.member("digest", digest)
            case .userTimeout(let isMinutes, let value):
                json.member("value", value)
                json.key("unit")
                json.string(isMinutes ? "minutes" : "seconds")
            case .authentication(let keyID, let nextKeyID, let code):
                json.member("key_id", keyID)
                json.member("next_key_id", nextKeyID)
                json.member("mac", code)
            case .multipath(let option): json.multipath(option, numbers)
            case .fastOpen(let cookie): json.member("cookie", cookie)
            case .experimental(_, let id, let bytes):
                json.member(hexadecimal: "experiment", id)
                json.member("bytes", bytes)
            case .other(_, let bytes): json.member("bytes", bytes)
            }
        }
    }

    private mutating func blocks(_ blocks: SACKBlocks) {
        key("blocks")
        array { json in
            for block in blocks {
                json.object { json in
                    json.member("left", block.left.rawValue)
                    json.member("right", block.right.rawValue)
                }
            }
        }
    }

    mutating func member(_ name: StaticString, _ value: some FixedWidthInteger) {
        key(name)
        number(value)
    }

    mutating func member(_ name: StaticString, _ value: Bool) {
        key(name)
        bool(value)
    }

    /// Two hexadecimal digits a byte.
    mutating func member(_ name: StaticString, _ bytes: OptionBytes) {
        key(name)
        string(hexadecimal: bytes)
    }

    mutating func member(hexadecimal name: StaticString, _ value: some FixedWidthInteger & UnsignedInteger) {
        key(name)
        string(hexadecimal: value)
    }
}

extension TCPOptionContent {
    var name: StaticString {
        switch self {
        case .maximumSegmentSize: "mss"
        case .windowScale: "window_scale"
        case .sackPermitted: "sack_permitted"
        case .sack: "sack"
        case .timestamps: "timestamps"
        case .md5Signature: "md5_signature"
        case .userTimeout: "user_timeout"
        case .authentication: "tcp_ao"
        case .multipath: "mptcp"
        case .fastOpen: "fast_open"
        case .experimental: "experimental"
        case .other: "unknown"
        }
    }
}
