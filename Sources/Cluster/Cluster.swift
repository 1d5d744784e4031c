// Cluster: which of several boxes has which connection. A client's further subflows come in at any box, by the hash of some
// router; the box that gets an MP_JOIN with a token of another one's has to find out whose it is.
//
//     queue threads ── announced ──────▶
//     relay workers ── opened, ended ──▶ mailbox ──▶ thread `cluster` ──▶ TokenLedger ── SET, DEL ──▶ Redis, Valkey
//     SYN desk ──────── ask ───────────▶               │  │
//              ◀── answer, within 20 ms ───────────────┘  └── Lookups ── GET, again and again ──▶ by a connection of its own
//
// The directory is a cache of what boxes know by themselves: a token is told with a lifetime and told again before that is over,
// and when the connection to the directory is made anew, all live tokens are. So a directory may be lost, emptied or exchanged
// at any time; meanwhile joins at other boxes fail as they do without a cluster, and all else goes on. Each box has a sign of
// life there, which it renews. When another process of the same box takes over (`sluice upgrade`), it has the same sign, and tells all
// tokens that it has taken over; from its predecessor's standstill on that one tells ends alone.
//
// What decides is pure: what the directory is to be told (TokenLedger), what becomes of a question (Lookups), whether an id is used
// twice (Incarnation). Nobody waits for the directory: neither a packet nor a connection. What it says is believed only as far as
// it names a peer that is configured and lives; addresses come from the configuration alone. It knows neither packets nor sockets
// of sessions. hiredis stays behind RedisConnection.

import Glibc
import LinuxSystem
import Logging
import Synchronization
public import Wire

public final class Cluster: Sendable {
    enum Message: Sendable {
        case announced(FourTuple, TokenKey)
        case opened(FourTuple, TokenKey)
        case ended(FourTuple)
        case ask(UInt64, TokenKey, MonotonicTime)
        case adopted([(FourTuple, TokenKey)])
        case rest(Bool)
        case stop(isOver: Bool)
    }

    public let setting: ClusterSetting
    let counters: ClusterCounters
    /// By which this box's sign of life is told from another's with the same id.
    public let nonce: UInt64
    private let mailbox: Mailbox<Message>
    private let thread: SystemThread
    private let room: Int
    private let log: Logger

    /// Connections that begin or end and may wait for the thread.
    public static let defaultRoom = 65536

    /// Starts to tell the directory, and tries until it is there.
    ///
    /// - Parameters:
    ///   - nonce: random, to tell this run from another box with the same id. A process that goes on in another one's place has
    ///     that one's.
    ///   - answer: called on the cluster's thread, which must not be kept, with the number of a question.
    ///   - gone: called on that thread, too, with the numbers of all peers that have been without a sign of life for long enough to
    ///     be dead, whenever these are others. A directory that can't be asked says nothing of the kind.
    public init(
        _ setting: ClusterSetting, log: Logger, room: Int = Cluster.defaultRoom,
        nonce: UInt64 = .random(in: 1 ... .max),
        answer: @escaping @Sendable (UInt64, TokenLocation) -> Void = { _, _ in },
        gone: @escaping @Sendable (Set<Int>) -> Void = { _ in }
    ) throws(SystemError) {
        let (mailbox, counters) = (try Mailbox<Message>(), ClusterCounters(peers: setting.peers.count))
        // From here on the desk is its thread's alone.
        nonisolated(unsafe) let desk = try ClusterDesk(
            mailbox, counters, setting, nonce: nonce, log: log, gone: gone, answer: answer)
        self.mailbox = mailbox
        self.counters = counters
        self.setting = setting
        self.room = room
        self.nonce = nonce
        self.log = log
        thread = try SystemThread(named: "cluster") { desk.run() }
    }

    /// A client that connects to `tuple.server` has been answered by this box, and may join with this token from now on. From any
    /// thread; costs it a message.
    public func announced(_ tuple: FourTuple, _ token: Token) {
        post(.announced(tuple, TokenKey(token: token, server: tuple.server.address)))
    }

    /// A connection to `tuple.server` ends at this box and has this token. From any thread.
    public func opened(_ tuple: FourTuple, _ token: Token) {
        post(.opened(tuple, TokenKey(token: token, server: tuple.server.address)))
    }

    /// A connection has ended; of one that had no token, nothing happens. From any thread.
    public func ended(_ tuple: FourTuple) { post(.ended(tuple)) }

    /// Connections that the process before had, of which all are told. From any thread.
    public func adopted(_ connections: [(tuple: FourTuple, token: Token)]) {
        mailbox.post(
            .adopted(
                connections.map { ($0.tuple, TokenKey(token: $0.token, server: $0.tuple.server.address)) }))
    }

    /// From now on ends alone are told, since another process of this box tells the rest; or all is told again, and everything
    /// anew. Returns once it is so, or the thread hasn't got round to it for long.
    public func rest(_ on: Bool) {
        mailbox.post(.rest(on))
        let deadline = MonotonicTime.now + .milliseconds(200)
        while counters.isResting.load(ordering: .acquiring) != on, MonotonicTime.now < deadline { usleep(500) }
    }

    /// Waits until questions can be answered: the directory has said which peers live. False: not in time.
    public func awaitPeers(within limit: Duration) async -> Bool {
        let deadline = MonotonicTime.now + limit
        while !counters.hasHeard.load(ordering: .relaxed) {
            guard MonotonicTime.now < deadline, (try? await Task.sleep(for: .milliseconds(2))) != nil else {
                return false
            }
        }
        return true
    }

    /// Asks where the connection with this token is, whose client joins to this server's address. The answer comes with `id`, at
    /// most `lookupTimeout` later. From any thread.
    public func ask(_ id: UInt64, _ token: Token, at server: IPAddress) {
        mailbox.post(.ask(id, TokenKey(token: token, server: server), .now))
    }

    /// Tries whether a directory can be used: connects, and asks for nothing. Returns why not.
    public static func probe(_ address: RedisAddress) async -> String? {
        await withCheckedContinuation { continuation in
            do {
                _ = try SystemThread(named: "probe") { continuation.resume(returning: probeNow(address)) }
            } catch {
                continuation.resume(returning: "\(error)")
            }
        }
    }

    private static func probeNow(_ address: RedisAddress) -> String? {
        guard let loop = try? ClusterLoop() else { return "no descriptor" }
        let connection = RedisConnection(address, loop, tag: 0)
        var outcome: String??
        connection.opened = { outcome = .some(nil) }
        connection.failed = { outcome = outcome ?? .some($0) }
        while true {
            let next = connection.turn(at: .now)
            if let outcome {
                connection.close()
                return outcome
            }
            loop.events.wait(timeout: next.milliseconds(from: .now)) { _, events in connection.handle(events) }
        }
    }

    private func post(_ message: Message) {
        guard counters.waiting.wrappingAdd(1, ordering: .relaxed).newValue <= room else {
            counters.waiting.wrappingSubtract(1, ordering: .relaxed)
            counters.overflowed.wrappingAdd(1, ordering: .relaxed)
            return
        }
        mailbox.post(message)
    }

    public var report: ClusterReport { ClusterReport(setting, counters) }

    /// How long questions took that went to the directory, from `ask` to the answer.
    public var lookupTimes: LatencyHistogram { counters.lookupTimes }

    /// Tells the directory what has ended, takes this box's sign of life away, and ends the thread. A directory that hangs is
    /// waited for so long. `isOver`: false when another process goes on in this one's place, whose sign it is now.
    public func stop(isOver: Bool = true, within patience: Duration = .seconds(2)) {
        mailbox.post(.stop(isOver: isOver))
        let deadline = MonotonicTime.now + patience
        while !counters.isOver.load(ordering: .acquiring) {
            guard MonotonicTime.now < deadline else { return log.error("the thread of the cluster's directory hangs") }
            usleep(2000)
        }
        thread.join()
    }
}
