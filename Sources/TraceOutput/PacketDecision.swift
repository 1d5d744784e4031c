import Base
import PacketTap

/// What was decided about a packet, as its record says it and as a capture of ours keeps it.
public struct PacketDecision: Hashable, Sendable {
    public var verdict: Verdict
    /// A few words.
    public var reason: String?
    /// The class that its subflow is in.
    public var trafficClass: String?
    /// NF_INET_PRE_ROUTING (0) to NF_INET_POST_ROUTING (4).
    public var hook: UInt8
    /// The packet's mark as it came, and as it went on.
    public var mark: UInt32
    public var newMark: UInt32
    /// Nanoseconds for which it was held; 0: it wasn't.
    public var held: UInt64

    /// `owner`: the box whose connection it belongs to, if it goes to another one.
    init(_ record: borrowing TraceRecord, trafficClass: String?, owner: String? = nil) {
        verdict = record.facts.verdict
        reason =
            if let owner {
                "join: owned by \(owner)"
            } else {
                record.reason.map { "\($0)" }
            }
        self.trafficClass = trafficClass
        hook = record.hook
        mark = record.mark
        newMark = record.newMark
        held = record.held
    }

    /// Did it go on? netfilter drops a SYN that is intercepted.
    var isForwarded: Bool { verdict == .accept || verdict == .pass }

    /// Is there more to say than that it was let go?
    var hasRemark: Bool { reason != nil || trafficClass != nil || held > 0 || verdict != .accept }

    var hookName: StaticString {
        switch hook {
        case 0: "PREROUTING"
        case 1: "INPUT"
        case 2: "FORWARD"
        case 3: "OUTPUT"
        case 4: "POSTROUTING"
        default: "unknown"
        }
    }
}

// In a custom option of pcapng's packet blocks (draft-ietf-opsawg-pcapng section 3.5.1): little-endian whatever the
// section is, since programs that rewrite a section don't know it.
//
//     0  format, 1          2  hook                       4  mark      12  nanoseconds held
//     1  Verdict's number   3  NF_DROP 0 or NF_ACCEPT 1   8  new mark  20  length of the reason, and it; the class's, and it

extension PacketDecision {
    /// Sluice has no Private Enterprise Number; this is the one for documentation (RFC 5612), which nobody else's files
    /// may use in earnest.
    public static let enterpriseNumber: UInt32 = 32473
    private static let format: UInt8 = 1
    private static let fixedLength = 20

    func append(to bytes: inout [UInt8]) {
        bytes += [Self.format, verdict.rawValue, hook, isForwarded ? 1 : 0]
        bytes.append(littleEndian: mark)
        bytes.append(littleEndian: newMark)
        bytes.append(littleEndian: held)
        bytes.append(short: reason ?? "")
        bytes.append(short: trafficClass ?? "")
    }

    /// Of the content of such an option; nil when it isn't one of ours, or of another format.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count > Self.fixedLength + 1, bytes[0] == Self.format, let verdict = Verdict(rawValue: bytes[1])
        else {
            return nil
        }
        self.verdict = verdict
        hook = bytes[2]
        mark = bytes[4..<8].littleEndian()
        newMark = bytes[8..<12].littleEndian()
        held = bytes[12..<20].littleEndian()
        var rest = bytes[Self.fixedLength...]
        guard let reason = rest.takeShort(), let trafficClass = rest.takeShort() else { return nil }
        self.reason = reason.isEmpty ? nil : reason
        self.trafficClass = trafficClass.isEmpty ? nil : trafficClass
    }
}

extension [UInt8] {
    mutating func append<Value: FixedWidthInteger>(littleEndian value: Value) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }

    /// At most 255 bytes, with the length in front.
    fileprivate mutating func append(short text: String) {
        let bytes = text.utf8.prefix(255)
        append(UInt8(bytes.count))
        append(contentsOf: bytes)
    }
}

extension ArraySlice<UInt8> {
    fileprivate func littleEndian<Value: FixedWidthInteger & UnsignedInteger>() -> Value {
        reversed().reduce(0) { $0 << 8 | Value($1) }
    }

    fileprivate mutating func takeShort() -> String? {
        guard let length = first.map(Int.init), count > length else { return nil }
        defer { removeFirst(length + 1) }
        return String(decoding: dropFirst().prefix(length), as: UTF8.self)
    }
}

extension TextBuffer {
    /// `intercept: server answered, class relieve-wired, held 431 us`; `error`: what can't be read of the packet.
    mutating func append(_ decision: PacketDecision, error: String? = nil) {
        append(decision.verdict.name)
        var separator: StaticString = ": "
        func begin(_ prefix: StaticString = "") {
            append(separator)
            append(prefix)
            separator = ", "
        }
        if let reason = decision.reason {
            begin()
            append(printable: reason)
        }
        if let error {
            begin()
            append(printable: error)
        }
        if let name = decision.trafficClass {
            begin("class ")
            append(printable: name)
        }
        if decision.held > 0 {
            begin("held ")
            append(decimal: decision.held / 1000)
            append(" us")
        }
    }
}
