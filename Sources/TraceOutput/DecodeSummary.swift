import Tracking
import Wire

/// What a capture was, in counts.
public struct DecodeSummary: Sendable {
    /// Why a packet is no sound TCP segment.
    public enum ErrorKind: String, Sendable, CaseIterable {
        case unreadableLink = "unreadable_link"
        case notIP = "not_ip"
        case notTCP = "not_tcp"
        case fragment
        case truncated
        case malformedHeader = "malformed_header"
        case malformedOption = "malformed_option"
    }

    public private(set) var packets = 0
    /// Packets that the capturing program says it has recorded, and those that it has lost; nil: it doesn't say.
    public var recorded: UInt64?
    public var dropped: UInt64?
    public private(set) var segments = 0
    /// Segments that were captured elsewhere before.
    public private(set) var copies = 0
    /// Segments of no MPTCP connection, copies not among them.
    public private(set) var outside = 0
    /// When the first and the last packet were captured, in nanoseconds since 1970.
    public private(set) var begin: Int64?
    public private(set) var end: Int64?
    private var errors: [ErrorKind: Int] = [:]

    public init() {}

    public mutating func count(packetAt time: Int64?) {
        packets += 1
        guard let time else { return }
        begin = begin.map { min($0, time) } ?? time
        end = end.map { max($0, time) } ?? time
    }

    public mutating func count(segment packet: borrowing PacketContext) {
        segments += 1
        if packet.isCopy {
            copies += 1
        } else if packet.sighting == nil {
            outside += 1
        }
    }

    public mutating func count(_ error: ErrorKind) { errors[error, default: 0] += 1 }

    /// Those kinds that there were.
    var errorCounts: [(kind: ErrorKind, count: Int)] {
        ErrorKind.allCases.compactMap { kind in errors[kind].map { (kind, $0) } }
    }
}

extension DecodeSummary.ErrorKind {
    public init(_ error: WireError) {
        self =
            switch error {
            case .truncated: .truncated
            case .unknownVersion: .notIP
            case .badHeaderLength, .mappedAddress: .malformedHeader
            case .fragment: .fragment
            case .notTCP: .notTCP
            case .badOptionLength, .badMultipathOption, .optionWithoutLength: .malformedOption
            }
    }

    var words: StaticString {
        switch self {
        case .unreadableLink: "with an unreadable link layer"
        case .notIP: "not IP"
        case .notTCP: "not TCP"
        case .fragment: "IP fragments"
        case .truncated: "cut short"
        case .malformedHeader: "with a malformed header"
        case .malformedOption: "with a malformed option"
        }
    }
}

/// All that the closing lines say.
public struct DecodeReport: Sendable {
    let summary: DecodeSummary
    /// In the order in which they were opened.
    let connections: [Connection]
    let counters: TrackerCounters
    /// Their names, by the numbers that the tracker was given.
    let interfaces: [String?]
    let hasNanoseconds: Bool

    /// Takes the connections as the tracker has them.
    public init(
        _ summary: DecodeSummary, _ tracker: borrowing Tracker, interfaces: [String?], hasNanoseconds: Bool
    ) {
        self.summary = summary
        connections = tracker.chunk(from: 0, limit: .max).connections.sorted { $0.openedAt < $1.openedAt }
        counters = tracker.counters
        self.interfaces = interfaces
        self.hasNanoseconds = hasNanoseconds
    }

    func interface(of subflow: Subflow) -> String? {
        let number = Int(subflow.interface)
        return interfaces.indices.contains(number) ? interfaces[number] : nil
    }

    /// Connections that the tracker had no room for any more.
    var evicted: UInt64 { counters.evictedEmbryonic + counters.evictedLive + counters.evictedOver }
}
