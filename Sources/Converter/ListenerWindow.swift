import LinuxSystem
import Wire

/// The handshakes that a redirect listener stands for. A value that decides when the listener may close; it has no clock, no
/// lock and no socket.
///
/// A service of the router's own can't take the port while the listener stands, so it stands no longer than it has to: until
/// the clients whose SYNs went in have been accepted, and those that join have joined. Where handshakes come in quick
/// succession it stays for a moment behind the last one, since a socket for each costs more than they do.
struct ListenerWindow {
    /// How the handshake of a subflow that joins a connection stands. Nobody accepts such a subflow: the kernel has to be
    /// asked.
    enum JoinState: Sendable {
        case underWay
        case established
        /// The kernel knows nothing of it: not yet, no longer, or it is asked by a SYN cookie.
        case unknown
    }

    enum Verdict: Equatable, Sendable {
        case close
        /// Asks to be judged again then.
        case wait(until: MonotonicTime)
        /// How do these stand?
        case ask([FourTuple])
    }

    struct Limits: Sendable {
        /// How long a client may take for its handshake.
        let patience: Duration
        /// How long it stays behind the last of many handshakes.
        let linger: Duration
    }

    private struct Join {
        let began: MonotonicTime
        /// When to ask for it.
        var look: MonotonicTime
    }

    private let limits: Limits
    /// Clients whose connection is yet to be accepted, and since when.
    private var awaited: [FourTuple: MonotonicTime] = [:]
    private var joins: [FourTuple: Join] = [:]
    /// When the kernel has met the last segment of the last join that was seen to be through.
    private var settled = MonotonicTime(nanoseconds: 0)
    private var last = MonotonicTime(nanoseconds: 0)
    /// Of this port, also before the listener stood.
    private(set) var pace: HandshakePace
    private var nextPurge = MonotonicTime(nanoseconds: 0)

    /// The packet path sees when a join is through, but for one that it doesn't track: after so long the kernel is asked.
    static let firstLook = Duration.milliseconds(100)
    /// How long the last segment of a handshake, seen in a queue, may take to its socket: it may wait for its verdict behind
    /// others, and a subflow whose segment finds no listener is refused.
    static let settleTime = Duration.milliseconds(100)
    /// How long it stays when another daemon has taken it over.
    static let handOverTime = Duration.seconds(1)
    /// For how long a join may be unknown to the kernel before it counts as over.
    static let unknownTime = Duration.milliseconds(200)
    /// After that it is asked again for one that is under way.
    static let nextLook = Duration.milliseconds(50)
    /// Joins that are asked for at a time.
    static let askedAtATime = 32

    init(_ limits: Limits, _ pace: HandshakePace = HandshakePace()) {
        self.limits = limits
        self.pace = pace
    }

    /// As it goes on from a record. Joins whose last segments waited while daemons were exchanged find it, too.
    init(_ limits: Limits, _ record: ListenerRecord, at now: MonotonicTime) {
        self.init(limits)
        settled = now + Self.handOverTime
        for handshake in record.awaited { awaited[handshake.tuple] = MonotonicTime(nanoseconds: handshake.began) }
        for handshake in record.joins {
            let began = MonotonicTime(nanoseconds: handshake.began)
            joins[handshake.tuple] = Join(began: began, look: began + Self.firstLook)
        }
        let beginnings = (record.awaited + record.joins).map(\.began)
        last = MonotonicTime(nanoseconds: beginnings.max() ?? 0)
    }

    /// Puts what it stands for into a record.
    func write(to record: inout ListenerRecord) {
        record.awaited = awaited.map { .init(tuple: $0.key, began: $0.value.nanoseconds) }
        record.joins = joins.map { .init(tuple: $0.key, began: $0.value.began.nanoseconds) }
    }

    /// A SYN goes in.
    mutating func begin(_ tuple: FourTuple, isJoin: Bool, at now: MonotonicTime) {
        if isJoin {
            joins[tuple] = Join(began: now, look: now + Self.firstLook)
        } else {
            awaited[tuple] = now
        }
        last = now
        pace.count(at: now)
    }

    /// The client's connection has been accepted, or nobody waits for it any more.
    mutating func end(_ tuple: FourTuple) { awaited[tuple] = nil }

    /// The last segment of this join's handshake is on its way to the kernel.
    mutating func joined(_ tuple: FourTuple, at now: MonotonicTime) {
        if joins.removeValue(forKey: tuple) != nil { settled = now + Self.settleTime }
    }

    /// The answer to what was asked.
    mutating func note(_ states: [FourTuple: JoinState], at now: MonotonicTime) {
        for (tuple, state) in states {
            guard let join = joins[tuple] else { continue }
            switch state {
            case .established: joins[tuple] = nil
            case .unknown where join.began + Self.unknownTime <= now: joins[tuple] = nil
            case .underWay, .unknown: joins[tuple]?.look = now + Self.nextLook
            }
        }
    }

    mutating func judge(at now: MonotonicTime) -> Verdict {
        purge(now)
        if !awaited.isEmpty { return .wait(until: nextPurge) }
        if pace.isQuick(at: now), now < last + limits.linger { return .wait(until: last + limits.linger) }
        guard let next = joins.values.lazy.map(\.look).min() else {
            return now < settled ? .wait(until: settled) : .close
        }
        guard next <= now else { return .wait(until: next) }
        return .ask(joins.lazy.filter { $0.value.look <= now }.prefix(Self.askedAtATime).map(\.key))
    }

    /// Forgets what has had its time.
    private mutating func purge(_ now: MonotonicTime) {
        guard nextPurge <= now else { return }
        nextPurge = now + .seconds(1)
        guard !awaited.isEmpty || !joins.isEmpty else { return }
        awaited = awaited.filter { now < $0.value + limits.patience }
        joins = joins.filter { now < $0.value.began + limits.patience }
    }
}
