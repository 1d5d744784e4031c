import LinuxSystem
import Synchronization
import Wire

/// A decision about an MPTCP SYN that has been carried out.
public struct PastDecision: Sendable {
    /// Nanoseconds since 1970.
    public let time: Int64
    public let tuple: FourTuple
    public let decision: Decision
    /// Of an MP_JOIN.
    public let token: Token?
    /// The index of the one that it came in by.
    public let interface: UInt32
    /// Nanoseconds for which it was held; nil if it wasn't.
    public let held: UInt64?

    init(_ decision: Decision, _ syn: SYN, interface: UInt32, held: UInt64?) {
        time = WallClock.nanoseconds
        tuple = syn.tuple
        self.decision = decision
        if case .join(let asked, _) = syn.multipath { token = asked } else { token = nil }
        self.interface = interface
        self.held = held
    }
}

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

    func note(_ entry: PastDecision) {
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
