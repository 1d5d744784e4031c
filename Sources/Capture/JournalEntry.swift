/// An entry of a system's journal between the packets of a pcapng file (systemd Journal Export Block,
/// draft-richardson-opsawg-pcapng-extras section 3.1): fields with names in upper case, as journalctl(1) exports them.
public struct JournalEntry: Hashable, Sendable {
    /// Counts packets and journal entries from 1, as Wireshark does.
    public let frame: Int
    /// The first of each name.
    private let fields: [String: String]

    /// Fields of an entry that are kept. journald's own have some thirty.
    private static let mostFields = 128

    /// Reads lines such as `MESSAGE=text`. A value that has line ends of its own stands behind its name and its length
    /// (eight bytes, little-endian). At what is neither, the entry ends.
    init(frame: Int, _ bytes: [UInt8]) {
        self.frame = frame
        var fields: [String: String] = [:]
        var rest = bytes[...]
        while fields.count < Self.mostFields, let (name, value) = Self.takeField(&rest) {
            if fields[name] == nil { fields[name] = value }
        }
        self.fields = fields
    }

    public subscript(name: String) -> String? { fields[name] }

    private static let lineEnd = UInt8(ascii: "\n")

    private static func takeField(_ rest: inout ArraySlice<UInt8>) -> (name: String, value: String)? {
        guard let end = rest.firstIndex(of: lineEnd), end > rest.startIndex else { return nil }
        let line = rest[..<end]
        rest = rest[(end + 1)...]
        if let sign = line.firstIndex(of: UInt8(ascii: "=")) {
            return (text(line[..<sign]), text(line[(sign + 1)...]))
        }
        guard rest.count > 8 else { return nil }
        let length = rest.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        rest = rest.dropFirst(8)
        guard length < rest.count else { return nil }
        let value = rest.prefix(Int(length))
        rest = rest.dropFirst(Int(length))
        guard rest.popFirst() == lineEnd else { return nil }
        return (text(line), text(value))
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}
