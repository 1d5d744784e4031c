package import Wire

/// The tokens of this box's connections, and what of them the directory has yet to be told. A value without clock or socket:
/// times are nanoseconds of one steady clock.
package struct TokenLedger: Sendable {
    package enum Write: Hashable, Sendable {
        /// This box has it, from now on for the lifetime.
        case set(TokenKey)
        case delete(TokenKey)
    }

    private struct Live: Sendable {
        let key: TokenKey
        /// Tells it from an earlier connection with the same ports.
        let serial: UInt64
        /// Its client has been accepted. Before that it may never come.
        var isAccepted: Bool
    }

    private var live: [FourTuple: Live] = [:]
    private var serial: UInt64 = 0
    /// Of `live`, those whose client hasn't been accepted.
    private var unaccepted = 0
    /// What is to be told at once, in order; `head` is the first that still counts.
    private var pending: [Write] = []
    private var pendingHead = 0
    /// When live tokens are told again.
    private var renewals = Schedule()
    /// When a client that has been answered should have been accepted.
    private var trials = Schedule()
    /// Commands that are under way at once. When all boxes tell all their tokens, others' questions wait behind these at the server: with
    /// 16 boxes, for a few milliseconds.
    package static let window = 64

    private let interval: UInt64
    private let trialTime: UInt64
    private let room: Int
    /// Writes for which there was no room. A token is told later than it should be, or stays for the rest of its lifetime.
    package private(set) var lost: UInt64 = 0

    /// - Parameters:
    ///   - lifetime: of what is told; it is told again after a third of it.
    ///   - room: writes that may wait.
    package init(lifetime: Duration, room: Int = 65536) {
        interval = lifetime.nanoseconds / 3
        trialTime = min(Self.trialTime, lifetime.nanoseconds / 3)
        self.room = room
    }

    /// A client whose handshake takes longer is told of once more when it is accepted.
    static let trialTime: UInt64 = 10_000_000_000
    /// So many may be told of before they are accepted; of others it is told when they are.
    static let mostUnaccepted = 16384

    /// Connections whose client has been accepted.
    package var count: Int { live.count - unaccepted }
    /// Writes that wait, without renewals.
    package var waiting: Int { pending.count - pendingHead }

    /// A client has been answered with a key that makes this token: it may join before its connection is accepted.
    package mutating func announced(_ tuple: FourTuple, _ key: TokenKey, at now: UInt64) {
        // An answer that was sent again.
        guard unaccepted < Self.mostUnaccepted, live[tuple]?.key != key else { return }
        let serial = begin(tuple, key, isAccepted: false)
        trials.append(Schedule.Entry(tuple: tuple, serial: serial, due: now &+ trialTime))
        if trials.places > 2 * unaccepted + 4096 {
            trials.keep { trial in live[trial.tuple].map { !$0.isAccepted && $0.serial == trial.serial } ?? false }
        }
    }

    /// A connection is accepted, and has its token.
    package mutating func opened(_ tuple: FourTuple, _ key: TokenKey, at now: UInt64) {
        let serial: UInt64
        if let known = live[tuple], known.key == key, !known.isAccepted {
            live[tuple]?.isAccepted = true
            unaccepted -= 1
            serial = known.serial
        } else {
            serial = begin(tuple, key, isAccepted: true)
        }
        renewals.append(Schedule.Entry(tuple: tuple, serial: serial, due: now &+ interval))
        // Connections that have ended leave their places behind.
        if renewals.places > 2 * live.count + 4096 { renewals.keep { live[$0.tuple]?.serial == $0.serial } }
    }

    private mutating func begin(_ tuple: FourTuple, _ key: TokenKey, isAccepted: Bool) -> UInt64 {
        serial += 1
        let earlier = live.updateValue(Live(key: key, serial: serial, isAccepted: isAccepted), forKey: tuple)
        if earlier?.isAccepted == false { unaccepted -= 1 }
        if !isAccepted { unaccepted += 1 }
        if let earlier, earlier.key != key { append(.delete(earlier.key)) }
        append(.set(key))
        return serial
    }

    /// Connections that another process of this box had before. The directory is told of all of them.
    package mutating func adopted(_ connections: [(FourTuple, TokenKey)], at now: UInt64) {
        for (tuple, key) in connections {
            serial += 1
            let earlier = live.updateValue(Live(key: key, serial: serial, isAccepted: true), forKey: tuple)
            if earlier?.isAccepted == false { unaccepted -= 1 }
        }
        tellAll(at: now)
    }

    /// A connection has ended, or its client speaks no MPTCP after all; of those without a token, nothing happens.
    package mutating func ended(_ tuple: FourTuple) {
        guard let entry = live.removeValue(forKey: tuple) else { return }
        if !entry.isAccepted { unaccepted -= 1 }
        append(.delete(entry.key))
    }

    /// What is remembered of connections and writes, those that count no more included.
    var places: Int { pending.count + renewals.places + trials.places }

    /// What the directory is to be told next; nil: nothing for now.
    package mutating func next(at now: UInt64) -> Write? {
        if pendingHead < pending.count {
            defer {
                pendingHead += 1
                if pendingHead == pending.count || pendingHead > 65536 {
                    pending.removeFirst(pendingHead)
                    pendingHead = 0
                }
            }
            return pending[pendingHead]
        }
        while let trial = trials.takeDue(at: now) {
            guard let entry = live[trial.tuple], entry.serial == trial.serial, !entry.isAccepted else { continue }
            live[trial.tuple] = nil
            unaccepted -= 1
            return .delete(entry.key)
        }
        while let renewal = renewals.takeDue(at: now) {
            guard let entry = live[renewal.tuple], entry.serial == renewal.serial else { continue }
            renewals.append(Schedule.Entry(tuple: renewal.tuple, serial: renewal.serial, due: now &+ interval))
            return .set(entry.key)
        }
        return nil
    }

    /// When `next` has something to say if nothing happens meanwhile; nil: not at all.
    package var nextDue: UInt64? {
        if pendingHead < pending.count { return 0 }
        return [renewals.nextDue, trials.nextDue].compactMap(\.self).min()
    }

    /// The directory is there again, and may have forgotten everything: all that lives is told anew, behind the ends that it has
    /// not heard of.
    package mutating func tellAll(at now: UInt64) {
        let ends = pending[pendingHead...].filter { if case .delete = $0 { true } else { false } }
        let alive = Set(live.values.map(\.key))
        pending = ends.filter { if case .delete(let key) = $0 { !alive.contains(key) } else { true } }
        pending += live.values.filter { !$0.isAccepted }.map { Write.set($0.key) }
        pendingHead = 0
        renewals = Schedule()
        for (tuple, entry) in live where entry.isAccepted {
            renewals.append(Schedule.Entry(tuple: tuple, serial: entry.serial, due: now))
        }
    }

    private mutating func append(_ write: Write) {
        guard waiting < room else {
            lost += 1
            return
        }
        pending.append(write)
    }
}
