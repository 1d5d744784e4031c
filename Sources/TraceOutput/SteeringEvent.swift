/// Something that was decided about a path, as traces carry it between packets: what `sluice paths --why` shows.
public struct SteeringEvent: Hashable, Sendable {
    /// Nanoseconds since 1970; whole microseconds, since captures keep no more.
    public let time: Int64
    /// The steering rule or throttle.
    public let rule: String
    public let path: String
    /// What has become of the path, in one word.
    public let effect: String
    /// With the figures that it rests on.
    public let reason: String

    /// Control characters become question marks: an interface's name can be anything, and captures keep lines.
    public init(time: Int64, rule: String, path: String, effect: String, reason: String) {
        self.time = time - time % 1000
        self.rule = Self.printable(rule)
        self.path = Self.printable(path)
        self.effect = Self.printable(effect)
        self.reason = Self.printable(reason)
    }

    private static func printable(_ text: String) -> String {
        String(decoding: text.utf8.map { $0 < 0x20 || $0 == 0x7f ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
    }
}

// In pcapng: an entry of a journal (systemd Journal Export Block, draft-richardson-opsawg-pcapng-extras section 3.1),
// which Wireshark lists between the packets with MESSAGE for its text.

extension SteeringEvent {
    private enum Field {
        static let time = "__REALTIME_TIMESTAMP"
        static let rule = "SLUICE_RULE"
        static let path = "SLUICE_PATH"
        static let effect = "SLUICE_EFFECT"
        static let reason = "SLUICE_REASON"
    }

    func appendEntry(to bytes: inout [UInt8]) {
        let fields = [
            (Field.time, String(time / 1000)),
            // LOG_NOTICE, as the log has it.
            ("PRIORITY", "5"), ("SYSLOG_IDENTIFIER", "sluice"),
            ("MESSAGE", "\(rule): \(path) \(effect): \(reason)"), (Field.rule, rule), (Field.path, path),
            (Field.effect, effect), (Field.reason, reason),
        ]
        for (name, value) in fields { bytes += Array("\(name)=\(value)\n".utf8) }
        bytes.append(UInt8(ascii: "\n"))
    }

    /// Of the fields of such an entry; nil when it isn't one of ours.
    public init?(journal field: (String) -> String?) {
        guard let microseconds = field(Field.time).flatMap({ Int64($0) }), let rule = field(Field.rule),
            let path = field(Field.path), let effect = field(Field.effect), let reason = field(Field.reason)
        else { return nil }
        let (time, isTooLarge) = microseconds.multipliedReportingOverflow(by: 1000)
        guard !isTooLarge else { return nil }
        self.init(time: time, rule: rule, path: path, effect: effect, reason: reason)
    }
}

extension TextBuffer {
    /// `22:13:20.123456 steering overflow: mobile active: wired: download 84.1 Mbit/s of 90 Mbit/s`
    mutating func appendLine(_ event: SteeringEvent) {
        append(timeOfDay: event.time, hasNanoseconds: false)
        append(" steering ")
        append(text: event.rule)
        append(": ")
        append(text: event.path)
        append(" ")
        append(text: event.effect)
        append(": ")
        append(text: event.reason)
        append("\n")
    }
}

extension JSONText {
    /// `{"frame": 7, "time": …, "steering": {…}}`
    mutating func appendLine(_ event: SteeringEvent, frame: Int) {
        object { json in
            json.key("frame")
            json.number(frame)
            json.key("time")
            json.time(event.time, hasNanoseconds: false)
            json.key("steering")
            json.object { json in
                json.key("rule")
                json.string(event.rule)
                json.key("path")
                json.string(event.path)
                json.key("effect")
                json.string(event.effect)
                json.key("reason")
                json.string(event.reason)
            }
        }
        endLine()
    }
}
