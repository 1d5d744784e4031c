import Synchronization
import Wire

/// The last decisions, for the question why a client's connection was not converted. Bounded: new ones take the place of
/// the oldest.
public final class DecisionHistory: Sendable {
    private struct State {
        var entries: [PastDecision] = []
        /// Where the oldest stands, once all places are taken.
        var oldest = 0
    }

    private let capacity: Int
    private let state: Mutex<State>

    public init(capacity: Int = 4096) {
        self.capacity = capacity
        var state = State()
        state.entries.reserveCapacity(capacity)
        self.state = Mutex(state)
    }

    /// Remembers a decision, in the place of the oldest if there is no room.
    public func note(_ entry: PastDecision) {
        state.withLock { state in
            guard state.entries.count == capacity else { return state.entries.append(entry) }
            state.entries[state.oldest] = entry
            state.oldest = (state.oldest + 1) % capacity
        }
    }

    /// The last `limit` decisions about these clients, the newest first. `clients`: empty for all. `port`: the client's own;
    /// nil: any.
    public func last(_ limit: Int, clients: [IPPrefix], port: UInt16?) -> [PastDecision] {
        let entries = state.withLock { $0.entries[$0.oldest...] + $0.entries[..<$0.oldest] }
        let wanted = entries.reversed().lazy.filter { entry in
            (clients.isEmpty || clients.contains { $0.contains(entry.tuple.client.address) })
                && (port ?? entry.tuple.client.port) == entry.tuple.client.port
        }
        return Array(wanted.prefix(limit))
    }

    /// How many there are.
    public var count: Int { state.withLock(\.entries.count) }
}
