// Converter: the stream path. It listens where TPROXY delivers clients, dials servers from the clients' own addresses,
// accepts, brings the two together and relays until both are done.
//
// It knows sockets and nothing of packets, queues or rules. The packet path talks to it through one narrow door: "may
// this port be had", "what do you know of this server", "dial this", and the answer to a dial. Each worker lives on a
// loop thread and owns its sessions; a connection's 4-tuple says which worker it belongs to, so that its upstream, dialled first,
// and its client, accepted later by whichever worker watches the listener, meet without a lock.
//
//     packet path ──dial──▶ worker ──connect──▶ server      outcome ──▶ packet path lets the SYN in
//     TPROXY ──▶ listener ──accept──▶ worker of the 4-tuple ──▶ session: client ◀── relay ──▶ server

import Handshake
import LinuxSystem
import Logging
import Synchronization
import SystemPackage
import Wire

public final class Converter: Sendable {
    let shared: Shared
    let mailboxes: [Mailbox<Worker.Message>]
    private let endings: [LoopThread.Ending]
    /// For when their threads stand still.
    let workers: [StandingMember<Worker>]
    /// The kernel stamps what comes in as long as any socket wants it to, and begins a moment after the first one does
    /// (net/core/dev.c, net_enable_timestamp): too late for that one's first bytes.
    private let stampKeeper: StreamSocket

    /// As many workers as the setting says live on `threads`, by turns. On a worker's thread, `outcome` is called for each
    /// dial, with the id of its request, `accepted` for each client, with its connection's token if it speaks MPTCP, and `ended`
    /// when the session of one is over. `silence` says whether a client's keepalive probes are not to be answered, since the
    /// server answers none. `observer` is told of sessions. `register`, for as many workers and connections as the setting says: by which
    /// sessions are found again after a crash. `spread`: which queue a client's SYN is in; its thread, as far as that has a worker,
    /// has the connection, too.
    public init(
        _ setting: ConverterSetting, log: Logger, outcome: @escaping @Sendable (UInt64, DialOutcome) -> Void,
        accepted: @escaping @Sendable (FourTuple, Token?) -> Void, ended: @escaping @Sendable (FourTuple) -> Void,
        silence: @escaping @Sendable (FourTuple, Bool) -> Void = { _, _ in },
        observer: SessionObserver = .nobody, register: SessionRegister? = nil,
        spread: PortSpread = PortSpread(count: 1),
        on threads: [LoopThread]
    ) throws(SystemError) {
        stampKeeper = try StreamSocket.open(.tcp, for: setting.listenAddress)
        try? stampKeeper.wantTimestamps()
        var mailboxes: [Mailbox<Worker.Message>] = []
        for _ in 0..<setting.workers { mailboxes.append(try Mailbox()) }
        let shared = Shared(
            setting, log: log, mailboxes: mailboxes, outcome: outcome, accepted: accepted, ended: ended,
            silence: silence, observer: observer, register: register, spread: spread)
        var endings: [LoopThread.Ending] = []
        let workers = mailboxes.map { _ in StandingMember<Worker>() }
        for (index, mailbox) in mailboxes.enumerated() {
            endings.append(
                try threads[index % threads.count].add { place throws(SystemError) in
                    let worker = try Worker(shared, index: index, mailbox: mailbox, place: place)
                    workers[index].note(worker)
                    return worker
                })
        }
        self.mailboxes = mailboxes
        self.workers = workers
        self.shared = shared
        self.endings = endings
    }

    public var counters: ConverterCounters { shared.counters }

    public var listenerCount: Int { shared.listeners.count }

    /// Is there room for one more connection?
    public var hasRoom: Bool { shared.hasRoom }

    /// Makes sure that a redirect listener stands for the handshake of a SYN that goes in, until it is through; why not, if
    /// it can't be had.
    public func ensureListener(for tuple: FourTuple, isJoin: Bool) -> SystemError? {
        switch shared.listeners.ensure(tuple, isJoin: isJoin) {
        case .ready: return nil
        case .opened(let number):
            let key = ListenerTable.Key(tuple.server)
            shared.post(.listener(key, number: number), to: shared.worker(for: key))
            return nil
        case .unavailable(let error): return error
        }
    }

    /// The last segment of a further subflow's handshake, for which a listener was asked for, is on its way to the kernel.
    public func clientJoins(_ tuple: FourTuple) { shared.listeners.joined(tuple) }

    /// Why there can be no listener for this client and server, as far as that is known; nil if nothing speaks against it.
    public func listenerRefusal(for tuple: FourTuple) -> SystemError? { shared.listeners.refusal(tuple) }

    /// What is known of the server says about this client's next SYN.
    public func advice(for tuple: FourTuple) -> DialAdvice { shared.memory.advice(for: tuple) }

    /// A server has answered a SYN that asked.
    public func learn(_ knowledge: ServerKnowledge, of server: Endpoint) { shared.memory.learn(knowledge, of: server) }

    /// Dials for a held SYN, unless too many clients have yet to prove that they exist: then false, and no answer comes.
    public func dial(_ request: DialRequest) -> Bool {
        guard shared.pending.admit(request.tuple.client.address) else { return false }
        // Counted here, so that a burst of SYNs finds no more room than there is.
        shared.sessionBegan()
        shared.post(.dial(request), to: shared.worker(for: request.tuple))
        return true
    }

    /// The client's SYN goes on without this box, although its server has been dialled: the connection to the server is reset
    /// before the handshake's last segment has gone, so that the server accepts nothing.
    public func forgo(_ tuple: FourTuple) { shared.post(.forgo(tuple), to: shared.worker(for: tuple)) }

    /// A SYN of this tuple is about to go in, having been on this way; its server is dialled once the client has been
    /// accepted.
    public func announce(_ tuple: FourTuple, _ way: Way) {
        shared.ways.announce(way, of: tuple)
    }

    /// A SYN that came in by this interface went in, and hasn't arrived at its listener.
    public func lost(from interface: UInt32) { shared.handshakeFailed(from: interface) }

    /// Do handshakes of clients behind this interface fail, one after the other?
    public func completesNone(from interface: UInt32) -> Bool {
        shared.completions.withLock { $0.passes(from: interface, at: MonotonicTime.now.nanoseconds) }
    }

    /// Dialled connections whose client has yet to complete its handshake.
    public var pendingCount: Int { shared.pending.total }

    /// All connections as they are now, or those with these 4-tuples.
    public func describe(_ tuples: Set<FourTuple>? = nil) async -> [ConnectionDescription] {
        var all: [ConnectionDescription] = []
        let byWorker = tuples.map { Dictionary(grouping: $0, by: shared.worker(for:)) }
        for (index, mailbox) in mailboxes.enumerated() {
            var selection: Worker.Selection? = .all(fromSlot: 0)
            if let byWorker { selection = byWorker[index].map { .tuples($0[...]) } }
            while let wanted = selection {
                let (some, rest) = await withCheckedContinuation { continuation in
                    mailbox.post(.describe(wanted) { continuation.resume(returning: ($0, $1)) })
                }
                all += some
                selection = rest
            }
        }
        return all
    }

    /// The client of this connection keeps nothing of it any more: unless a subflow is left, its session is reset.
    public func clientIsGone(_ tuple: FourTuple) { shared.post(.clientIsGone(tuple), to: shared.worker(for: tuple)) }

    /// The client of this connection sends with another DSCP than before.
    public func clientSends(_ tuple: FourTuple, _ dscp: DSCP) {
        shared.post(.clientSends(tuple, dscp), to: shared.worker(for: tuple))
    }

    /// A server has sent a segment with a DSCP on an upstream connection, whose client's end is the box's.
    public func serverSends(_ upstream: FourTuple, _ dscp: DSCP) { shared.serverCodePoints.note(dscp, of: upstream) }

    /// Resets the connections that are meant, on both sides; returns how many they were. Those whose client's SYN is still
    /// held aren't among them.
    public func close(_ selection: ConnectionSelection) async -> Int {
        var closed = 0
        for mailbox in mailboxes {
            var slot: Int? = 0
            while let start = slot {
                let (count, next) = await withCheckedContinuation { continuation in
                    mailbox.post(.close(selection, fromSlot: start) { continuation.resume(returning: ($0, $1)) })
                }
                closed += count
                slot = next
            }
        }
        return closed
    }

    /// Has the clients' sockets of these connections send at the rate that they measure (BBR), unless the operator has
    /// chosen another congestion control. What waits in a qdisc of this machine is not lost: others take it for sent, and
    /// their rate for many times the real one. The kernel's MPTCP scheduler believes them (net/mptcp/protocol.c,
    /// mptcp_subflow_get_send), and data queue up behind a throttled subflow that the other ones could carry.
    public func sendByMeasuredRate(_ tuples: Set<FourTuple>) {
        guard shared.setting.congestionControl == nil else { return }
        let byWorker = Dictionary(grouping: tuples, by: shared.worker(for:))
        for (worker, tuples) in byWorker { shared.post(.sendByMeasuredRate(Set(tuples)), to: worker) }
    }

    /// Resets all connections of these families, towards both ends: their packets don't come here any more.
    public func resetAll(ipv4: Bool, ipv6: Bool) {
        for mailbox in mailboxes { mailbox.post(.reset(ipv4: ipv4, ipv6: ipv6)) }
    }

    /// Ends the workers; connections still open are reset. Blocks until they have ended.
    public func stop() {
        for mailbox in mailboxes { mailbox.post(.stop) }
        for ending in endings { ending.wait() }
        // No worker is left to accept a client for another one, or to be handed it: it is closed with its message.
        for mailbox in mailboxes { _ = mailbox.take() }
    }
}
