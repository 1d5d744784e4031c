import Wire

/// A record as journald takes it (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/): fields of the form `NAME=value`, a line each. None
/// of ours has a line feed in it, so that none needs the form with a length.
struct JournalEntry {
    /// MESSAGE_ID (systemd.journal-fields(7)): the kind of message, for `journalctl MESSAGE_ID=…`.
    static let startID = "be4f43c8434140b593f63343967dba72"
    static let endID = "e8022cb354304863804e0bfc4739c69c"

    let bytes: [UInt8]

    init(_ record: SessionRecord, _ name: (UInt32) -> String?) {
        let upstream = record.upstream.map(\.description)
        var fields = [
            ("MESSAGE", Self.message(record)), ("PRIORITY", "6"), ("SYSLOG_IDENTIFIER", "sluice"),
            ("MESSAGE_ID", record.end == nil ? Self.startID : Self.endID), ("SESSION", "\(record.number)"),
            ("STARTED", LogTime.text(record.started)), ("CLIENT", record.client.description),
            ("SERVER", record.server.description),
        ]
        if let upstream { fields.append(("UPSTREAM", upstream)) }
        if let token = record.token { fields.append(("TOKEN", token.description)) }
        if let interface = name(record.interface) { fields.append(("INTERFACE", Self.oneLine(interface))) }
        if let end = record.end {
            var subflows = SessionLine()
            subflows.appendSubflows(end.subflows, name)
            fields += [
                ("ENDED", LogTime.text(end.time)), ("REASON", end.reason.rawValue),
                ("BYTES_TO_CLIENT", "\(end.bytesToClient)"), ("BYTES_TO_SERVER", "\(end.bytesToServer)"),
                ("SUBFLOWS", String(decoding: subflows.bytes, as: UTF8.self)),
            ]
        }
        bytes = fields.flatMap { Array("\($0)=\($1)\n".utf8) }
    }

    private static func message(_ record: SessionRecord) -> String {
        let way = "\(record.client) > \(record.server)"
        let port = record.upstream.map { ", which sees port \($0.port)" } ?? ""
        guard let end = record.end else { return "session \(record.number): \(way)\(port)" }
        return "session \(record.number) ended: \(way)\(port): \(end.reason.rawValue)"
    }

    private static func oneLine(_ name: String) -> String { name.replacing("\n", with: "?") }
}
