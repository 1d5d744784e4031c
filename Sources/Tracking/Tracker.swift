import Wire

/// Follows MPTCP connections by their segments. One thread at a time; times are nanoseconds of any clock that the
/// caller keeps to.
public struct Tracker: ~Copyable, Sendable {
    public struct Limits: Sendable {
        /// Connections at a time, at least 4. A quarter of them may be embryonic.
        public var connections: Int
        /// Subflows of a connection, closed ones included, at least 1.
        public var subflows: Int
        /// Nanoseconds without a segment, after which a connection is forgotten; embryonic are those whose beginning was
        /// not seen, too.
        public var embryonicTime: UInt64
        public var liveTime: UInt64
        public var overTime: UInt64

        /// The times: a SYN-ACK is sent again for about a minute (tcp(7): tcp_synack_retries); an established
        /// connection may be silent for two hours and four minutes (RFC 5382 section 5); a connection without a
        /// subflow is given up by Linux after a minute (net.mptcp.close_timeout).
        public init(
            connections: Int = 65536, subflows: Int = 32, embryonicTime: UInt64 = 60_000_000_000,
            liveTime: UInt64 = 7_440_000_000_000, overTime: UInt64 = 60_000_000_000
        ) {
            self.connections = max(4, connections)
            self.subflows = max(1, subflows)
            self.embryonicTime = embryonicTime
            self.liveTime = liveTime
            self.overTime = overTime
        }
    }

    public let limits: Limits
    public internal(set) var counters = TrackerCounters()
    /// What the last segment has changed.
    public internal(set) var events: [TrackingEvent] = []

    var connections = ConnectionTable()
    var flows: [FlowKey: FlowReference] = [:]
    /// Whose tokens are known.
    var tokens = TokenTable()

    public init(_ limits: Limits = Limits()) { self.limits = limits }

    /// Connections that are tracked now.
    public var count: Int { connections.count }

    /// nil when it has been forgotten.
    public subscript(id: ConnectionID) -> Connection? { connections.contains(id) ? connections[id] : nil }

    /// The payload that the connection has carried; nil when it has been forgotten.
    public func bytes(of id: ConnectionID) -> UInt64? { connections.contains(id) ? connections[id].bytes : nil }

    /// Who opened the connection; nil when it has been forgotten.
    public func tuple(of id: ConnectionID) -> FourTuple? { connections.contains(id) ? connections[id].tuple : nil }

    /// The connection's token; nil when it isn't known, or the connection has been forgotten.
    public func token(of id: ConnectionID) -> Token? { connections.contains(id) ? connections[id].token : nil }

    /// Forgets connections whose time is over, at most a few; as each segment does. For when there are none. False when there
    /// are more of them.
    public mutating func expire(at now: UInt64) -> Bool {
        events.removeAll(keepingCapacity: true)
        forgetExpired(now)
        return events.isEmpty
    }

    /// For a connection that is known to have ended: it is kept no longer than if all its last segments had been seen.
    public mutating func release(_ tuple: FourTuple, at now: UInt64) {
        events.removeAll(keepingCapacity: true)
        guard let (id, _) = find(tuple) else { return }
        connections[id].isReleased = true
        settle(id, now)
    }

    /// From now on, or no longer, sightings of the client's probes say that they are not to reach their peer.
    public mutating func silence(_ tuple: FourTuple, _ on: Bool) {
        if let (id, _) = find(tuple) { connections[id].isSilenced = on }
    }

    /// Gives back memory when there is a small part left of the connections that it was needed for.
    public mutating func shrink() {
        connections.shrink()
        tokens.shrink()
        if flows.isSparse { flows = flows.compacted }
    }

    /// Asks to be told by an event when the connection has carried so many bytes of payload, instead of when an earlier
    /// call said.
    public mutating func setAlarm(_ id: ConnectionID, bytes: UInt64) {
        if connections.contains(id) { connections[id].alarm = bytes }
    }

    /// The connection and the subflow's number that a segment between these endpoints belongs to.
    public func find(_ tuple: FourTuple) -> (connection: ConnectionID, subflow: Int)? {
        flows[FlowKey(tuple.client, tuple.server)].map { ($0.connection, $0.subflow) }
    }

    /// Is this the token by which a client names a connection that ends here, is established, and speaks MPTCP, to join it at
    /// this address?
    public func isConverted(_ token: Token, at server: IPAddress) -> Bool {
        guard let owner = owner(of: token, at: server), owner.host == .server else { return false }
        let connection = connections[owner.connection]
        return !connection.isForwarded && !connection.isReleased && connection.state == .established
    }

    /// The connections of `limit` places, free ones included, from one on (0 at first), and the place to go on from; nil
    /// at the end.
    public func chunk(from place: Int, limit: Int) -> (connections: [Connection], next: Int?) {
        let (ids, next) = connections.chunk(from: place, limit: limit)
        return (ids.map { connections[$0] }, next)
    }

    /// As `chunk`, their ids.
    public func places(from place: Int, limit: Int) -> (ids: [ConnectionID], next: Int?) {
        connections.chunk(from: place, limit: limit)
    }

    /// Takes a segment for what it says. `interface` and `isForwarded` are noted when it opens a subflow or connection.
    /// nil when it belongs to no MPTCP connection that is known.
    @discardableResult
    public mutating func observe(
        _ segment: borrowing Segment, at now: UInt64, interface: UInt32 = 0, isForwarded: Bool = false
    ) -> Sighting? {
        events.removeAll(keepingCapacity: true)
        forgetExpired(now)
        let origin = Origin(time: now, interface: interface, isForwarded: isForwarded)
        let sighting: Sighting?
        switch segment.flags.intersection([.syn, .ack, .rst]) {
        case [.syn]: sighting = observeSYN(segment, origin)
        case [.syn, .ack]: sighting = observeSYNACK(segment)
        case let flags where flags.contains(.syn): sighting = nil
        default: sighting = observeLater(segment, origin)
        }
        if let sighting { settle(sighting.connection, now) }
        return sighting
    }

    /// Whose segment this is, taken for no news: for one that has been observed before.
    public func recognise(_ segment: borrowing Segment) -> Sighting? {
        guard let (id, index) = locate(segment) else { return nil }
        let subflow = connections[id].subflows[index]
        return Sighting(
            connection: id, subflow: subflow.number, sender: subflow.host(at: segment.source), retransmitted: 0)
    }

    /// Where and when a segment was seen.
    struct Origin {
        let time: UInt64
        let interface: UInt32
        let isForwarded: Bool
    }
}

/// The ends of a TCP connection, whoever sends.
struct FlowKey: Hashable, Sendable {
    private let lower: Endpoint
    private let upper: Endpoint

    init(_ first: Endpoint, _ second: Endpoint) {
        let inOrder =
            (first.address.high, first.address.low, first.port) < (second.address.high, second.address.low, second.port)
        lower = inOrder ? first : second
        upper = inOrder ? second : first
    }

    init(_ segment: borrowing Segment) { self.init(segment.source, segment.destination) }

    func hash(into hasher: inout Hasher) { FourTuple.hash(lower, upper, into: &hasher) }
}

extension Dictionary {
    /// Is it much smaller than it has been, and was it large?
    var isSparse: Bool { capacity > 1024 && count < capacity / 16 }

    /// The same in less memory.
    var compacted: Self { Self(uniqueKeysWithValues: map { ($0.key, $0.value) }) }
}

struct FlowReference: Sendable {
    let connection: ConnectionID
    /// Its number.
    let subflow: Int
}

extension Connection {
    /// Where a subflow stands in `subflows`; nil when it has been dropped.
    func index(ofSubflow number: Int) -> Int? {
        if number < subflows.count, subflows[number].number == number { return number }
        return subflows.firstIndex { $0.number == number }
    }
}
