import Wire

/// Tells a capture's second copies from its packets. A router that captures on all interfaces has each forwarded packet
/// twice, coming in and going out, and the second one isn't a retransmission.
///
/// Each direction of a flow is at home where it was captured first: an interface and a direction there. What is captured
/// elsewhere is a copy, unless it holds bytes that home hasn't seen, or home has been silent for a second: then the
/// route has changed, or the interfaces' packets are not in order in the file, and home is where this packet was.
public struct CopyFilter: ~Copyable, Sendable {
    /// Where a packet was captured.
    public struct Place: Hashable, Sendable {
        /// As the caller counts interfaces.
        let interface: UInt32
        let direction: PacketContext.Direction?

        public init(interface: UInt32, direction: PacketContext.Direction?) {
            self.interface = interface
            self.direction = direction
        }
    }

    private struct Flow: Hashable {
        let source: Endpoint
        let destination: Endpoint
    }

    private struct Home {
        var place: Place
        /// One past the last byte seen, SYN and FIN counting as one each.
        var end: SequenceNumber
        /// Nanoseconds since 1970.
        var lastSeen: Int64
    }

    // Flows in use lately, and those before them: memory is bounded, and what is in use isn't forgotten.
    private var young: [Flow: Home] = [:]
    private var old: [Flow: Home] = [:]
    private let limit: Int

    private static let silence: Int64 = 1_000_000_000

    /// Remembers between `limit` and twice as many directions of flows.
    public init(limit: Int = 1 << 19) { self.limit = limit }

    /// `time`: nanoseconds since 1970; the same for all packets of a capture without times.
    public mutating func isCopy(_ segment: borrowing Segment, at time: Int64, _ place: Place) -> Bool {
        let flow = Flow(source: segment.source, destination: segment.destination)
        let home = young[flow] ?? old[flow]
        let end = segment.end
        // A SYN begins a connection with numbers of its own.
        let hasNews = home.map { end.distance(from: $0.end) > 0 || segment.flags.contains(.syn) && end != $0.end }
        let isSilent = home.map { time.subtractingReportingOverflow($0.lastSeen).partialValue > Self.silence }
        guard home?.place == place || hasNews ?? true || isSilent ?? true else { return true }
        let farthest = hasNews ?? true ? end : home?.end ?? end
        remember(Home(place: place, end: farthest, lastSeen: time), flow)
        return false
    }

    private mutating func remember(_ home: Home, _ flow: Flow) {
        young[flow] = home
        guard young.count >= limit else { return }
        old = young
        young = [:]
    }
}

extension Segment {
    fileprivate var end: SequenceNumber {
        sequence.advanced(by: payloadLength + (flags.contains(.syn) ? 1 : 0) + (flags.contains(.fin) ? 1 : 0))
    }
}
