import Converter
import LinuxSystem
import Logging
import SharedTracking
import Synchronization
import Tracking
import Wire

/// Holds what the tracker makes of the segments against what the kernel says of the accepted sockets: the token when
/// the client is accepted; token, subflows and backup flags whenever the tracker has seen a change and then rest. Where
/// the two disagree one of them is wrong, or segments have passed without being seen.
final class Agreement: Sendable {
    private let watch: ConnectionWatch
    private let log: Logger
    private let disagreementLog = Mutex(RateLimit(every: .seconds(1)))
    /// Comparisons made.
    let compared = Atomic<UInt64>(0)
    let disagreements = Atomic<UInt64>(0)
    /// Clients accepted whose handshake the tracker has not seen, or has had no room for.
    let unseen = Atomic<UInt64>(0)

    /// The kernel acts on a segment after the queue has let it go, and answers some: so long the two may differ.
    private static let rest = Duration.milliseconds(200)
    /// A busy machine takes longer: only a difference that is still there after this is one.
    private static let secondRest = Duration.milliseconds(250)

    init(_ watch: ConnectionWatch, log: Logger) {
        self.watch = watch
        self.log = log
    }

    /// A client has been accepted: its third ACK, or its first data, has passed the queue before.
    func check(_ tuple: FourTuple, token: Token?) {
        guard let connection = watch.connection(of: tuple) else {
            // A client that has not spoken MPTCP to the end is none that the tracker keeps.
            if token != nil { unseen.wrappingAdd(1, ordering: .relaxed) }
            return
        }
        compared.wrappingAdd(1, ordering: .relaxed)
        if connection.agreedToken != token { report(tuple, connection.agreedToken.text, token.text) }
    }

    /// What has to be looked at again.
    private struct Pending {
        /// Connections that their client has given up, and whose session is still there: the reset that ends the
        /// kernel's last subflow may come long after the one that the tracker has seen, and changes nothing more in its
        /// eyes.
        var givenUp: Set<FourTuple> = []
        /// Connections about which the two differed, at this revision of the tracker's.
        var doubtful: [FourTuple: (revision: UInt32, since: MonotonicTime)] = [:]
    }

    /// Compares until the task is cancelled.
    func run(_ converter: Converter) async {
        var pending = Pending()
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(100))
            await compareChanged(converter, &pending)
        }
    }

    private func compareChanged(_ converter: Converter, _ pending: inout Pending) async {
        let now = MonotonicTime.now
        let changed = watch.takeChanged(atRestSince: now - Self.rest, limit: 256)
        var seen = Dictionary(changed.map { ($0.tuple, $0) }) { _, new in new }
        let due = pending.doubtful.filter { $0.value.since + Self.secondRest <= now }
        for tuple in due.keys {
            pending.doubtful[tuple] = nil
            seen[tuple] = seen[tuple] ?? watch.connection(of: tuple)
        }
        let tuples = pending.givenUp.union(seen.keys)
        guard !tuples.isEmpty else { return }
        pending.givenUp = []
        for description in await converter.describe(tuples) where description.isAccepted {
            let tuple = description.tuple
            if let connection = seen[tuple], !agrees(connection, description, revisionBefore: due[tuple]?.revision) {
                pending.doubtful[tuple] = (connection.revision, now)
            }
            guard watch.connection(of: tuple)?.isGivenUpByClient == true else { continue }
            pending.givenUp.insert(tuple)
            converter.clientIsGone(tuple)
        }
    }

    /// True also when a difference has been reported: `revisionBefore` is that at which the two differed before.
    private func agrees(
        _ connection: Connection, _ description: ConnectionDescription, revisionBefore: UInt32?
    ) -> Bool {
        let (ours, kernel) = (View(connection), View(description))
        compared.wrappingAdd(1, ordering: .relaxed)
        // If a segment has come since, the comparison comes again.
        guard ours != kernel, watch.connection(of: connection.tuple)?.revision == connection.revision else {
            return true
        }
        guard revisionBefore == connection.revision else { return false }
        report(connection.tuple, ours.description, kernel.description)
        return true
    }

    private func report(_ tuple: FourTuple, _ ours: String, _ kernel: String) {
        disagreements.wrappingAdd(1, ordering: .relaxed)
        guard let suppressed = disagreementLog.withLock({ $0.pass(.now) }) else { return }
        log.warning(
            """
            \(tuple): the segments tell of \(ours), the kernel of \(kernel) (\(suppressed) more not logged); if packets \
            pass the queues unseen, see `sluice status` and /proc/net/netfilter/nfnetlink_queue
            """)
    }

    /// What both know of a connection.
    private struct View: Equatable, CustomStringConvertible {
        struct Subflow: Hashable {
            /// The box's end, from which it answers.
            let local: Endpoint
            let remote: Endpoint
            let isBackup: Bool
        }

        let token: Token?
        /// Those over which data may go both ways.
        let subflows: Set<Subflow>

        init(_ connection: Connection) {
            token = connection.agreedToken
            let open = token == nil ? [] : connection.subflows.filter { $0.state == .established }
            subflows = Set(
                open.map {
                    Subflow(local: $0.endpoints.server, remote: $0.endpoints.client, isBackup: $0.isBackup)
                })
        }

        init(_ description: ConnectionDescription) {
            token = description.token
            // Not those that the router's own path manager has opened or announced, if its operator has told it to: they
            // have an address of the router's, and don't pass the queues.
            let open = description.subflows.filter {
                $0.kernel.isEstablished && $0.kernel.local == description.tuple.server
            }
            subflows = Set(
                open.map { Subflow(local: $0.kernel.local, remote: $0.kernel.remote, isBackup: $0.isBackup) })
        }

        var description: String {
            let list = subflows.map { "\($0.remote) > \($0.local)\($0.isBackup ? " backup" : "")" }
            return "token \(token.text) with \(list.count) subflows (\(list.sorted().joined(separator: ", ")))"
        }
    }
}

extension Connection {
    /// nil when the connection goes on as plain TCP.
    fileprivate var agreedToken: Token? {
        if case .fallback = state { nil } else { token }
    }
}

extension Token? {
    fileprivate var text: String { map(\.description) ?? "none" }
}
