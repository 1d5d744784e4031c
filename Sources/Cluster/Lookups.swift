import Base
import Wire

/// The questions to the directory that are open, and what becomes of them. A value without clock or socket: times are nanoseconds
/// of one steady clock.
package struct Lookups: Sendable {
    /// What is to be done.
    package enum Step: Hashable, Sendable {
        /// The directory is asked for the value of `key`.
        case ask(UInt64, TokenKey)
        /// The question is answered; `peer` counts if it was found.
        case answer(UInt64, LookupOutcome, peer: Int = 0)
    }

    private struct Open: Sendable {
        let key: TokenKey
        let deadline: UInt64
        /// When it is asked once more; nil: an answer is on its way.
        var again: UInt64?
    }

    private let id: [UInt8]
    private let peers: [[UInt8]]
    private let timeout: UInt64
    private var open: [UInt64: Open] = [:]
    private var absent = BoundedMemory<TokenKey, Bool>(capacity: 16384)
    /// When each of the peers is taken to be dead; 0: it was never seen.
    private var aliveUntil: [UInt64]
    /// Since when the directory has been without its sign of life, time and again; nil: it isn't.
    private var absentSince: [UInt64?]
    private let boxLifetime: UInt64

    static let room = 4096
    /// A client may join while its owner still tells the directory: what isn't there is asked for again after this, as long as there
    /// is time.
    static let patience: UInt64 = 4_000_000
    /// For how long it is remembered that nobody has a token, so that connections that go end to end wait but once.
    static let absence: UInt64 = 10_000_000_000

    package init(_ setting: ClusterSetting) {
        id = Array(setting.id.utf8)
        peers = setting.peers.map { Array($0.utf8) }
        timeout = setting.lookupTimeout.nanoseconds
        aliveUntil = setting.peers.map { _ in 0 }
        absentSince = setting.peers.map { _ in nil }
        boxLifetime = setting.boxLifetime.nanoseconds
    }

    /// How many are open.
    var count: Int { open.count }

    /// A question has come. `isReachable`: there is a connection to the directory.
    package mutating func begin(_ id: UInt64, _ key: TokenKey, isReachable: Bool, at now: UInt64) -> Step {
        if absent.value(for: key, at: now) != nil { return .answer(id, .remembered) }
        guard isReachable else { return .answer(id, .unreachable) }
        guard open.count < Self.room else { return .answer(id, .crowded) }
        open[id] = Open(key: key, deadline: now &+ timeout)
        return .ask(id, key)
    }

    /// The directory has answered; `value`: nil when it has no such key. nil: nothing is to be done for now.
    package mutating func answered(_ id: UInt64, _ value: [UInt8]?, at now: UInt64) -> Step? {
        guard let lookup = open[id] else { return nil }
        guard let value else {
            guard now &+ Self.patience < lookup.deadline else {
                absent.remember(true, for: lookup.key, at: now, lifetime: Self.absence)
                return end(id, .absent)
            }
            open[id]?.again = now &+ Self.patience
            return nil
        }
        if value == self.id { return end(id, .own) }
        guard let peer = peers.firstIndex(of: value) else { return end(id, .stranger) }
        return aliveUntil[peer] > now ? end(id, .found, peer: peer) : end(id, .down)
    }

    /// What is due: questions whose time is over, and those that are asked again.
    package mutating func due(at now: UInt64) -> [Step] {
        var steps: [Step] = []
        for (id, lookup) in open {
            if lookup.deadline <= now {
                steps.append(end(id, .late))
            } else if let again = lookup.again, again <= now {
                open[id]?.again = nil
                steps.append(.ask(id, lookup.key))
            }
        }
        return steps
    }

    /// When `due` has something to say next; nil: not before another question.
    var next: UInt64? { open.values.lazy.map { min($0.deadline, $0.again ?? .max) }.min() }

    /// The connection to the directory is gone.
    package mutating func lose() -> [Step] {
        absentSince = absentSince.map { _ in nil }
        return open.keys.map { end($0, .unreachable) }
    }

    private mutating func end(_ id: UInt64, _ outcome: LookupOutcome, peer: Int = 0) -> Step {
        open[id] = nil
        return .answer(id, outcome, peer: peer)
    }

    // MARK: peers

    /// The directory has this peer's sign of life, or hasn't.
    package mutating func heard(of peer: Int, isAlive: Bool, at now: UInt64) {
        aliveUntil[peer] = isAlive ? now &+ boxLifetime : 0
        absentSince[peer] = isAlive ? nil : absentSince[peer] ?? now
    }

    /// The directory may have lost its sign of life, and is told it again: it is dead if it isn't then.
    func isGone(_ peer: Int, at now: UInt64) -> Bool {
        absentSince[peer].map { now >= $0 &+ boxLifetime } ?? false
    }

    func isAlive(_ peer: Int, at now: UInt64) -> Bool { aliveUntil[peer] > now }
}

extension Duration {
    /// Whole nanoseconds; 0 for a negative one.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        return UInt64(max(0, seconds)) &* 1_000_000_000 &+ UInt64(max(0, attoseconds) / 1_000_000_000)
    }
}
