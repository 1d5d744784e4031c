import Tracking
import Wire

/// What a packet thread notes of one packet: fixed in size, written without an allocation. Its bytes are beside it.
public struct TraceRecord: Sendable {
    /// Bytes of a packet that are kept, from the IP header on: as many as the data queues copy.
    public static let captureLength = 192
    /// What a segment has changed, at most so many things of it.
    public static let mostEvents = 4

    public var facts = PacketFacts()
    /// When the packet came, in nanoseconds since 1970, if the kernel has noted it.
    public var kernelTime: Int64?
    /// When its queue handed it over, and when it was decided on, in nanoseconds of CLOCK_MONOTONIC. One of a flow that sends
    /// much goes on somewhat later (`FairQueue`).
    public var received: UInt64 = 0
    public var decided: UInt64 = 0
    /// Nanoseconds for which a SYN was held, 0 if it wasn't.
    public var held: UInt64 = 0
    /// NFQUEUE number, and the packet's number there.
    public var queue: UInt16 = 0
    public var packetID: UInt32 = 0
    /// NF_INET_PRE_ROUTING (0) to NF_INET_POST_ROUTING (4).
    public var hook: UInt8 = 0
    /// The packet's length, whatever was kept.
    public var length: UInt32 = 0
    /// The packet's mark as it came, and as it goes on.
    public var mark: UInt32 = 0
    public var newMark: UInt32 = 0
    /// Why this verdict, in a few words without the verdict's name.
    public var reason: StaticString?
    /// The number of the peer that it goes to, of a cluster's; nil: none.
    public var peer: UInt8?
    public var error: WireError?
    /// What the tracker has made of it.
    public var sighting: Sighting?
    public var events: InlineArray<4, TrackingEvent?> = .init(repeating: nil)

    public init() {}

    /// Where it was seen: the interface that it came in by, or leaves by if this machine has sent it.
    public var interface: UInt32 { facts.inDevice != 0 ? facts.inDevice : facts.outDevice }

    /// Names the packet among all that the queues have handed over, for pcapng's epb_packetid.
    public var number: UInt64 { UInt64(queue) << 32 | UInt64(packetID) }
}

// What packet threads fill in.

extension TraceRecord {
    /// `isFromClient`: as far as the hook tells; the tracker may know better.
    public mutating func read(_ segment: borrowing Segment, isFromClient: Bool) {
        facts.isFromClient = isFromClient
        facts.ends =
            isFromClient
            ? FourTuple(client: segment.source, server: segment.destination)
            : FourTuple(client: segment.destination, server: segment.source)
        facts.flags = segment.flags
        facts.payloadLength = UInt32(clamping: segment.payloadLength)
        var subtypes: MultipathSubtypes = []
        var token: Token?
        let error = segment.forEachOption { option in
            guard case .multipath(let multipath) = option else { return }
            subtypes.insert(MultipathSubtypes(subtype: multipath.subtype))
            if case .join(.syn(_, _, let asked, _)) = multipath { token = asked }
        }
        facts.subtypes = subtypes
        facts.token = token
        if let error { note(error) }
    }

    /// Something in the packet can't be read.
    public mutating func note(_ error: WireError) {
        self.error = error
        facts.isMalformed = true
    }

    /// What the tracker has made of the segment that it has seen last.
    public mutating func note(_ sighting: Sighting?, _ tracker: borrowing Tracker) {
        self.sighting = sighting
        if let sighting {
            facts.token = tracker.token(of: sighting.connection) ?? facts.token
            if (sighting.sender == .client) != facts.isFromClient { turnRound() }
        }
        var count = 0
        for event in tracker.events where event.isWorthALine && count < Self.mostEvents {
            events[count] = event
            count += 1
        }
    }

    private mutating func turnRound() {
        facts.isFromClient.toggle()
        facts.ends = facts.ends.map { FourTuple(client: $0.server, server: $0.client) }
    }
}

extension TrackingEvent {
    /// Is it said of a packet that it has brought this?
    package var isWorthALine: Bool {
        switch self {
        case .forgotten, .reached, .interfaceLearned: false
        default: true
        }
    }
}

extension Segment {
    /// Hands each option to `body`, until the end or one that is malformed, whose error is returned.
    package func forEachOption(_ body: (TCPOptionContent) -> Void) -> WireError? {
        var options = options
        do throws(WireError) {
            while let option = try options.next() { body(try option.content()) }
            return nil
        } catch {
            return error
        }
    }
}
