import LinuxSystem
import Synchronization
import Tracking
import Wire

/// The tracker, as the queues' threads share it: the subflows of one connection come in on several of them. Its lock is
/// held for one segment, or to copy a few connections, and never across a wait
/// (docs/decisions/0007-one-tracker-for-all-queues.md).
public final class ConnectionWatch: Sendable {
    private struct State: ~Copyable, Sendable {
        var tracker: Tracker
        /// Connections that end here and have changed since they were last asked for, and when they did.
        var changed: [ConnectionID: MonotonicTime] = [:]
    }

    private let state: Mutex<State>
    /// Connections that are copied, or places that are looked at, under the lock at a time.
    private static let chunk = 64

    /// `connections`: how many are followed at a time.
    public init(connections: Int) { state = Mutex(State(tracker: Tracker(.init(connections: connections)))) }

    /// `interface`: the index of the one that the segment came in by, or 0.
    func observe(_ segment: borrowing Segment, at now: MonotonicTime, interface: UInt32, isForwarded: Bool) {
        state.withLock { state in
            let sighting = state.tracker.observe(
                segment, at: now.nanoseconds, interface: interface, isForwarded: isForwarded)
            // Most segments change nothing.
            guard !state.tracker.events.isEmpty else { return }
            for case .forgotten(let id) in state.tracker.events { state.changed[id] = nil }
            if let id = sighting?.connection, state.tracker[id]?.isForwarded == false { state.changed[id] = now }
        }
    }

    public var counters: TrackerCounters { state.withLock { $0.tracker.counters } }

    /// Connections that are followed now.
    public var count: Int { state.withLock { $0.tracker.count } }

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
