import LinuxSystem
import Synchronization

/// What the cluster's thread tells of itself.
final class ClusterCounters: Sendable {
    let waiting = Atomic<Int>(0)
    let overflowed = Atomic<UInt64>(0)
    let tokens = Atomic<Int>(0)
    let told = Atomic<UInt64>(0)
    let lost = Atomic<UInt64>(0)
    let collisions = Atomic<UInt64>(0)
    let isOver = Atomic<Bool>(false)
    let isResting = Atomic<Bool>(false)
    /// The directory has said which peers live, once at least.
    let hasHeard = Atomic<Bool>(false)
    let lookupTimes = LatencyHistogram()
    let state: Mutex<State>

    struct State: Sendable {
        /// nil: it is connected, and all is well.
        var error: String? = "not connected yet"
        var isUsedTwice = false
        /// By their numbers.
        var alive: [Bool]
        var lookups: [LookupOutcome: UInt64] = [:]
    }

    init(peers: Int) { state = Mutex(State(alive: Array(repeating: false, count: peers))) }
}

/// How the cluster fares, as this box sees it.
public struct ClusterReport: Sendable, Hashable {
    public struct Peer: Sendable, Hashable {
        public var id: String
        /// The directory has its sign of life.
        public var isAlive: Bool
    }

    public var id: String
    public var directory: String
    /// Why the directory can't be used; nil when it can.
    public var error: String?
    /// Another box has the same id.
    public var isUsedTwice: Bool
    public var peers: [Peer]
    /// Of this box's connections, now.
    public var tokens: Int
    /// Tokens told to the directory, renewals and ends included.
    public var told: UInt64
    /// Tokens and ends that it is told of late or not at all, since there was no room.
    public var lost: UInt64
    /// Tokens that another box had at the same server.
    public var collisions: UInt64
    public var lookups: [LookupOutcome: UInt64]

    init(_ setting: ClusterSetting, _ counters: ClusterCounters) {
        let state = counters.state.withLock(\.self)
        id = setting.id
        directory = setting.redis.description
        error = state.error
        isUsedTwice = state.isUsedTwice
        peers = zip(setting.peers, state.alive).map { Peer(id: $0, isAlive: $1) }
        tokens = counters.tokens.load(ordering: .relaxed)
        told = counters.told.load(ordering: .relaxed)
        lost = counters.lost.load(ordering: .relaxed) + counters.overflowed.load(ordering: .relaxed)
        collisions = counters.collisions.load(ordering: .relaxed)
        lookups = state.lookups
    }
}
