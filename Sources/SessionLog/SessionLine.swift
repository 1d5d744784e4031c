import Wire

/// Records and marks as JSON (RFC 8259), an object a line. docs/session-log.md has the keys.
///
/// Written without JSONEncoder, which keeps no order of keys: people read these lines, too.
struct SessionLine {
    private(set) var bytes: [UInt8] = []

    /// `name`: of an interface by its index; nil where there is none.
    mutating func append(_ record: SessionRecord, _ name: (UInt32) -> String?) {
        begin(record.time, record.end == nil ? "start" : "end")
        key("session")
        bytes += String(record.number).utf8
        if record.end != nil { add("start") { LogTime.append(record.started, to: &$0) } }
        add("client", record.client.description)
        add("server", record.server.description)
        if let upstream = record.upstream {
            add("upstream", upstream.description)
        } else {
            null("upstream")
        }
        if let token = record.token { add("token", token.description) } else { null("token") }
        addInterface(record.interface, name)
        if let end = record.end { append(end, name) }
        finish()
    }

    private mutating func append(_ end: SessionRecord.End, _ name: (UInt32) -> String?) {
        add("reason", end.reason.rawValue)
        addBytes(end.bytesToClient, end.bytesToServer)
        key("subflows")
        appendSubflows(end.subflows, name)
    }

    /// The array alone.
    mutating func appendSubflows(_ subflows: [SessionRecord.Subflow], _ name: (UInt32) -> String?) {
        bytes.append(UInt8(ascii: "["))
        for (index, subflow) in subflows.enumerated() {
            bytes += (index == 0 ? "{" : ",{").utf8
            bytes += "\"client\":\"\(subflow.client)\",\"server\":\"\(subflow.server)\"".utf8
            addInterface(subflow.interface, name)
            addBytes(subflow.bytesToClient, subflow.bytesToServer)
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(UInt8(ascii: "]"))
    }

    mutating func append(_ mark: LogMark, at time: Int64, version: String) {
        begin(time, mark.rawValue)
        add("version", version)
        finish()
    }

    mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    private mutating func begin(_ time: Int64, _ event: String) {
        bytes += "{\"time\":\"".utf8
        LogTime.append(time, to: &bytes)
        bytes += "\",\"event\":\"\(event)\"".utf8
    }

    private mutating func finish() { bytes += "}\n".utf8 }

    private mutating func key(_ key: String) { bytes += ",\"\(key)\":".utf8 }

    private mutating func null(_ key: String) { bytes += ",\"\(key)\":null".utf8 }

    private mutating func add(_ key: String, _ value: String) { add(key) { $0 += value.utf8 } }

    /// `value` appends what stands between the quotes.
    private mutating func add(_ key: String, _ value: (inout [UInt8]) -> Void) {
        self.key(key)
        bytes.append(UInt8(ascii: "\""))
        value(&bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func addBytes(_ toClient: UInt64, _ toServer: UInt64) {
        bytes += ",\"bytes_to_client\":\(toClient),\"bytes_to_server\":\(toServer)".utf8
    }

    private mutating func addInterface(_ index: UInt32, _ name: (UInt32) -> String?) {
        guard let name = name(index) else { return null("interface") }
        add("interface") { Self.append(name, to: &$0) }
    }

    /// The kernel allows quotes, backslashes and control characters in names, and bytes that are no UTF-8, which `name` has
    /// mended.
    private static func append(_ name: String, to bytes: inout [UInt8]) {
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case ..<0x20:
                let digits = String(byte, radix: 16)
                bytes += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8
            default: bytes.append(byte)
            }
        }
    }
}
