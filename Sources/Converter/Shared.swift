import Handshake
import LinuxSystem
import Logging
import Synchronization
import Wire

/// What the workers and the packet path have in common.
final class Shared: Sendable {
    let setting: ConverterSetting
    let listeners: ListenerTable
    let memory: ServerMemory
    let ways = AnnouncedWays()
    let serverCodePoints = ServerCodePoints()
    let dialler: UpstreamDialler
    let pending: PendingGuard
    let counters = ConverterCounters()
    /// nil: the buffers are the operator's or the kernel's.
    let receiveMemory: ReceiveMemory?
    let completions = Mutex(CompletionRecord())
    let log: Logger
    private let mailboxes: [Mailbox<Worker.Message>]
    private let outcome: @Sendable (UInt64, DialOutcome) -> Void
    /// A client has been accepted; its token if it speaks MPTCP.
    let accepted: @Sendable (FourTuple, Token?) -> Void
    /// The session of an accepted client has ended.
    let ended: @Sendable (FourTuple) -> Void
    /// The client's keepalive probes are not to be answered, since the server doesn't answer the box's; or they are again.
    let silence: @Sendable (FourTuple, Bool) -> Void
    let observer: SessionObserver
    private let spread: PortSpread
    /// nil: sessions end with the daemon.
    let register: SessionRegister?
    /// Of the last session that was established. Begins at a number that no daemon before has come to.
    private let sessionNumber = Atomic<UInt64>(UInt64(max(0, WallClock.nanoseconds / 1_000_000_000)) << 20)

    init(
        _ setting: ConverterSetting, log: Logger, mailboxes: [Mailbox<Worker.Message>],
        outcome: @escaping @Sendable (UInt64, DialOutcome) -> Void,
        accepted: @escaping @Sendable (FourTuple, Token?) -> Void, ended: @escaping @Sendable (FourTuple) -> Void,
        silence: @escaping @Sendable (FourTuple, Bool) -> Void = { _, _ in },
        observer: SessionObserver = .nobody, register: SessionRegister? = nil,
        spread: PortSpread = PortSpread(count: 1)
    ) {
        self.setting = setting
        self.log = log
        self.mailboxes = mailboxes
        self.outcome = outcome
        self.accepted = accepted
        self.ended = ended
        self.silence = silence
        self.observer = observer
        self.spread = spread
        self.register = register
        receiveMemory = setting.receiveBuffer == nil ? ReceiveMemory() : nil
        listeners = ListenerTable(setting)
        memory = ServerMemory(
            ServerDirectory(
                capacity: setting.serverMemoryEntries, lifetime: setting.serverMemory,
                dialTimeout: setting.dialTimeout))
        pending = PendingGuard(limit: setting.maxPending, limitPerClient: setting.maxPendingPerClient)
        dialler = UpstreamDialler(setting: setting, ports: UpstreamPorts(setting.upstreamPorts))
    }

    var hasRoom: Bool { counters.open.load(ordering: .relaxed) < setting.maxConnections }

    func sessionBegan() { counters.open.wrappingAdd(1, ordering: .relaxed) }

    func handshakeCompleted(from interface: UInt32) {
        completions.withLock { $0.completed(from: interface, at: MonotonicTime.now.nanoseconds) }
    }

    func handshakeFailed(from interface: UInt32) {
        let pass = completions.withLock { $0.failed(from: interface, at: MonotonicTime.now.nanoseconds) }
        guard pass else { return }
        log.warning(
            """
            no client behind \(NetworkInterface.name(interface) ?? "interface \(interface)") completes its handshake with \
            this box: their connections pass for ten minutes. Look for rules that drop packets in INPUT or OUTPUT, an \
            nftables chain for example (it has to accept what comes in by the TUN device), and for zones of connection tracking
            """)
    }

    func nextSessionNumber() -> UInt64 { sessionNumber.wrappingAdd(1, ordering: .relaxed).newValue }

    /// Of the last session; a daemon that goes on from another one's last goes on with its numbers.
    var lastSessionNumber: UInt64 {
        get { sessionNumber.load(ordering: .relaxed) }
        set { sessionNumber.max(newValue, ordering: .relaxed) }
    }

    func sessionEnded() { counters.open.wrappingSubtract(1, ordering: .relaxed) }

    func report(_ id: UInt64, _ result: DialOutcome) { outcome(id, result) }

    func post(_ message: Worker.Message, to worker: Int) { mailboxes[worker].post(message) }

    /// The worker to which a connection belongs: the one on the thread of its SYN's queue, or one of those that share it.
    func worker(for tuple: FourTuple) -> Int {
        spread.thread(
            ofClientPort: tuple.client.port, hash: UInt(bitPattern: tuple.hashValue), among: mailboxes.count)
    }

    /// The worker that accepts on a listener.
    func worker(for key: ListenerTable.Key) -> Int { Int(key.port) % mailboxes.count }
}
