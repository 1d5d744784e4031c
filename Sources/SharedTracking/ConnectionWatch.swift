public import HandOver
import LinuxSystem
import PacketTap
import Synchronization
import Tracking
import Wire

/// The tracker, as the queues' threads share it: the subflows of one connection come in on several of them. Its lock is
/// held for one segment, or to copy a few connections, and never across a wait
/// (docs/decisions/0007-one-tracker-for-all-queues.md).
public final class ConnectionWatch: Sendable {
    fileprivate struct State: ~Copyable, Sendable {
        var tracker: Tracker
        /// Connections that end here and have changed since they were last asked for, and when they did.
        var changed: [ConnectionID: MonotonicTime] = [:]
        var follower: Follower?
        /// Connections that the follower has been told of, and not yet that they are forgotten.
        var followed: Set<ConnectionID> = []
        var listener: Listener?
    }

    /// Who is told at once of connections that change.
    public struct Follower: Sendable {
        /// Connections with so many subflows that carry data, and those that had them before.
        public var subflows: Int
        /// Called on a queue's thread, which it must not keep.
        public var tell: @Sendable ([ConnectionID]) -> Void

        public init(subflows: Int, tell: @escaping @Sendable ([ConnectionID]) -> Void) {
            self.subflows = subflows
            self.tell = tell
        }
    }

    private let state: Mutex<State>
    /// Connections that are copied, or places that are looked at, under the lock at a time.
    private static let chunk = 64

    /// `connections`: how many are followed at a time.
    public init(connections: Int) { state = Mutex(State(tracker: Tracker(.init(connections: connections)))) }

    /// `interface`: the index of the one that the segment came in by, or 0. What the tracker has made of the segment is
    /// noted in `record`, if one is wanted. Returns whether it is to go on.
    @discardableResult
    public func observe(
        _ segment: borrowing Segment, at now: MonotonicTime, interface: UInt32, isForwarded: Bool,
        record: UnsafeMutablePointer<TraceRecord>? = nil
    ) -> Bool {
        var goesOn = true
        var news = News()
        let changes: (Follower, [ConnectionID])? = state.withLock { state in
            let sighting = state.tracker.observe(
                segment, at: now.nanoseconds, interface: interface, isForwarded: isForwarded)
            if let record {
                record.pointee.note(sighting, state.tracker)
                // Under the lock, so that records have the order in which the tracker was told.
                record.pointee.decided = MonotonicTime.now.nanoseconds
            }
            if !isForwarded {
                goesOn = !(sighting?.isSilenced ?? false)
                news = state.news(sighting, segment)
            }
            // Most segments change nothing.
            guard !state.tracker.events.isEmpty else { return nil }
            state.dropForgotten()
            if let id = sighting?.connection, state.tracker[id]?.isForwarded == false { state.changed[id] = now }
            return state.newsForFollower()
        }
        if let (follower, ids) = changes { follower.tell(ids) }
        news.tell()
        return goesOn
    }

    /// Who is told at once of what segments of converted connections ask for. Called on a queue's thread, which must not be
    /// kept.
    public struct Listener: Sendable {
        /// A client completes the handshake of a further subflow, whose 4-tuple this is.
        public var clientJoins: @Sendable (FourTuple) -> Void
        /// A client sends with this DSCP from now on.
        public var clientSends: @Sendable (FourTuple, DSCP) -> Void
        /// A segment that belongs to no client's connection, to an upstream therefore, has this DSCP.
        public var serverSends: @Sendable (FourTuple, DSCP) -> Void
        /// A client's MP_CAPABLE is answered with a key that makes this token. nil: nobody wants to know.
        public var isAnswered: (@Sendable (FourTuple, Token) -> Void)?

        public init(
            clientJoins: @escaping @Sendable (FourTuple) -> Void,
            clientSends: @escaping @Sendable (FourTuple, DSCP) -> Void,
            serverSends: @escaping @Sendable (FourTuple, DSCP) -> Void,
            isAnswered: (@Sendable (FourTuple, Token) -> Void)? = nil
        ) {
            self.isAnswered = isAnswered
            self.clientJoins = clientJoins
            self.clientSends = clientSends
            self.serverSends = serverSends
        }
    }

    /// What a segment asks for, and who is to be told; mostly nothing.
    fileprivate struct News {
        var listener: Listener?
        /// Of a subflow that is complete.
        var joined: FourTuple?
        var tuple: FourTuple?
        var clientDSCP: DSCP?
        var serverDSCP: DSCP?
        /// Of a client that is answered.
        var token: Token?

        func tell() {
            if let joined { listener?.clientJoins(joined) }
            if let token, let tuple { listener?.isAnswered?(tuple, token) }
            guard let listener, let tuple else { return }
            if let clientDSCP { listener.clientSends(tuple, clientDSCP) }
            if let serverDSCP { listener.serverSends(tuple, serverDSCP) }
        }
    }

    /// All connections, in the record of a hand-over.
    public func write(to writer: inout RecordWriter) { state.withLock { $0.tracker.write(to: &writer) } }

    /// Takes up the connections of a record, before any segment is observed. Those that end here count as changed, so that they
    /// are compared with the kernel's.
    public func adopt(from reader: inout RecordReader) throws(RecordError) {
        let now = MonotonicTime.now
        try state.withLock { (state) throws(RecordError) in
            for id in try state.tracker.adopt(from: &reader) where state.tracker[id]?.isForwarded == false {
                state.changed[id] = now
            }
        }
    }

    /// Follows a connection that another daemon has followed until it died (`Tracker.resume`); before any segment is observed.
    public func resume(_ tuple: FourTuple, _ token: Token, _ subflows: [Tracker.ResumedSubflow]) {
        let now = MonotonicTime.now
        state.withLock { state in
            guard let id = state.tracker.resume(tuple, token, subflows, at: now.nanoseconds) else { return }
            state.changed[id] = now
        }
    }

    public func listen(_ listener: Listener) { state.withLock { $0.listener = listener } }

    /// The client's keepalive probes on this connection go on no longer, or again.
    public func silence(_ tuple: FourTuple, _ on: Bool) { state.withLock { $0.tracker.silence(tuple, on) } }

    /// Forgets connections whose time is over, which else is done with each segment, and gives back their memory when
    /// there are few left of many.
    public func tidy(at now: MonotonicTime) {
        var isDone = false
        while !isDone { change { isDone = $0.expire(at: now.nanoseconds) } }
        state.withLock { $0.tracker.shrink() }
    }

    /// A connection has ended at this box: it is forgotten before long, also if its last segments passed unseen.
    public func release(_ tuple: FourTuple) { change { $0.release(tuple, at: MonotonicTime.now.nanoseconds) } }

    /// A SYN that was to go in has not arrived.
    public func withdraw(_ tuple: FourTuple) { change { $0.withdraw(tuple, at: MonotonicTime.now.nanoseconds) } }

    /// Changes that no segment brings.
    private func change(_ body: (inout Tracker) -> Void) {
        let news: (Follower, [ConnectionID])? = state.withLock { state in
            body(&state.tracker)
            state.dropForgotten()
            return state.newsForFollower()
        }
        if let (follower, ids) = news { follower.tell(ids) }
    }

    /// Tells `follower` of each change from now on, instead of another; nil: nobody.
    public func follow(_ follower: Follower?) {
        state.withLock { state in
            state.follower = follower
            state.followed = []
        }
    }

    /// nil when it has been forgotten.
    public func connection(_ id: ConnectionID) -> Connection? { state.withLock { $0.tracker[id] } }

    /// What each of them has carried; nil for those that have been forgotten.
    public func bytes(of ids: [ConnectionID]) -> [UInt64?] {
        state.withLock { state in ids.map { state.tracker.bytes(of: $0) } }
    }

    /// Has the follower be told when the connection has carried so many bytes.
    public func setAlarm(_ id: ConnectionID, bytes: UInt64) { state.withLock { $0.tracker.setAlarm(id, bytes: bytes) } }

    /// Those that the follower would be told of if they changed; it is told from now on.
    public func allForFollower() -> [(ConnectionID, Connection)] {
        var all: [(ConnectionID, Connection)] = []
        var place: Int? = 0
        while let start = place {
            let (entries, next) = state.withLock { state in
                let (ids, next) = state.tracker.places(from: start, limit: Self.chunk)
                let entries = ids.compactMap { id in state.tracker[id].map { (id, $0) } }
                return (entries.filter { state.isFollowed($0.0) }, next)
            }
            all += entries
            place = next
        }
        return all
    }

    public var counters: TrackerCounters { state.withLock { $0.tracker.counters } }

    /// Connections that are followed now.
    public var count: Int { state.withLock { $0.tracker.count } }

    /// See `Tracker.isConverted`.
    public func isConverted(_ token: Token, at server: IPAddress) -> Bool {
        state.withLock { $0.tracker.isConverted(token, at: server) }
    }

    /// The connection that this one is a subflow of.
    public func connection(of tuple: FourTuple) -> Connection? {
        state.withLock { state in state.tracker.find(tuple).flatMap { state.tracker[$0.connection] } }
    }

    /// Those that go past this box and are not over.
    public func forwardedConnections() -> [Connection] {
        var all: [Connection] = []
        var place: Int? = 0
        while let start = place {
            let (connections, next) = state.withLock { $0.tracker.chunk(from: start, limit: Self.chunk) }
            all += connections.filter { $0.isForwarded && !$0.state.isOver }
            place = next
        }
        return all
    }

    /// Connections that end here, have changed, and have not changed again since `time`; each once for its change, and
    /// at most about `limit`. Not those that are over, unless the client alone has ended them.
    public func takeChanged(atRestSince time: MonotonicTime, limit: Int) -> [Connection] {
        var all: [Connection] = []
        while all.count < limit {
            let (taken, connections) = takeChanged(atRestSince: time)
            guard taken > 0 else { break }
            all += connections.filter { !$0.state.isOver || $0.isGivenUpByClient }
        }
        return all
    }

    private func takeChanged(atRestSince time: MonotonicTime) -> (taken: Int, [Connection]) {
        state.withLock { state in
            let taken = Array(state.changed.lazy.filter { $0.value <= time }.prefix(Self.chunk).map(\.key))
            for id in taken { state.changed[id] = nil }
            return (taken.count, taken.compactMap { state.tracker[$0] })
        }
    }
}

extension ConnectionWatch.State {
    fileprivate func news(_ sighting: Sighting?, _ segment: borrowing Segment) -> ConnectionWatch.News {
        guard let sighting else {
            guard segment.dscp != .standard else { return ConnectionWatch.News() }
            return ConnectionWatch.News(
                listener: listener, tuple: FourTuple(client: segment.destination, server: segment.source),
                serverDSCP: segment.dscp)
        }
        // Most ask for nothing.
        let isJoined = !tracker.events.isEmpty && hasJoined(sighting)
        let token = segment.flags.contains([.syn, .ack]) ? announcedToken(sighting) : nil
        guard sighting.dscp != nil || isJoined || token != nil else { return ConnectionWatch.News() }
        let ends = FourTuple(client: segment.source, server: segment.destination)
        return ConnectionWatch.News(
            listener: listener, joined: isJoined ? ends : nil, tuple: tracker.tuple(of: sighting.connection),
            clientDSCP: sighting.dscp, token: token)
    }

    /// Of a connection whose client is answered.
    private func announcedToken(_ sighting: Sighting) -> Token? {
        guard listener?.isAnswered != nil, sighting.sender == .server, sighting.subflow == 0 else { return nil }
        return tracker.token(of: sighting.connection)
    }

    /// Has the client's segment completed the handshake of a further subflow?
    private func hasJoined(_ sighting: Sighting) -> Bool {
        sighting.sender == .client && sighting.subflow != 0
            && tracker.events.contains(.subflowEstablished(sighting.connection, subflow: sighting.subflow))
    }

    fileprivate mutating func dropForgotten() {
        for case .forgotten(let id) in tracker.events { changed[id] = nil }
    }

    /// What the last segment has changed that the follower wants to know. A SYN may change another connection than its
    /// own: the one that had its ports before.
    fileprivate mutating func newsForFollower() -> (ConnectionWatch.Follower, [ConnectionID])? {
        guard let follower else { return nil }
        var ids: [ConnectionID] = []
        for event in tracker.events {
            let id = event.connection
            if case .forgotten = event {
                if followed.remove(id) != nil { ids.append(id) }
            } else if ids.last != id, isFollowed(id) {
                ids.append(id)
            }
        }
        return ids.isEmpty ? nil : (follower, ids)
    }

    fileprivate mutating func isFollowed(_ id: ConnectionID) -> Bool {
        if followed.contains(id) { return true }
        guard let follower, let connection = tracker[id], connection.carryingSubflows >= follower.subflows else {
            return false
        }
        followed.insert(id)
        return true
    }
}
