public import HandOver
import Handshake
import LinuxSystem
import Logging
import NetfilterQueue
import PacketTap
import SharedTracking
import Synchronization

/// Queue SYN: every MPTCP SYN that the router would forward is decided about, and what is decided is carried out.
public final class SYNInspector: Sendable {
    enum Message: Sendable {
        case outcome(UInt64, DialOutcome)
        case located(UInt64, JoinOwner)
        case policy(ConversionPolicy)
        case stage(SYNDecider.Stage)
        case device(DeviceInTransit)
        case postpone(Bool)
        case stop
    }

    /// A device on its way to the thread that will own it.
    final class DeviceInTransit: Sendable {
        private let device: Mutex<TunDevice?>

        init(_ device: consuming TunDevice) { self.device = Mutex(device) }

        func take() -> TunDevice? { device.withLock { $0.take() } }
    }

    public let counters: InspectorCounters
    private let mailbox: Mailbox<Message>
    private let ending: LoopThread.Ending
    /// For when its thread stands still.
    private let desk = StandingMember<SYNDesk>()
    private let device: Atomic<Int32>

    /// It lives on `thread`.
    ///
    /// - Parameters:
    ///   - watchesEndToEnd: `watch` is told of MPTCP connections that go past this box.
    ///   - peers: the other boxes of a cluster; nil: there are none.
    ///   - segmentSizes: shared with the readers of the data queues, by which the answers leave.
    public init(
        queue: PacketQueue, tun: consuming TunDevice, policy: ConversionPolicy, door: Door,
        watch: ConnectionWatch, watchesEndToEnd: Bool, segmentSizes: SegmentSizes, tap: TraceTap,
        history: DecisionHistory, counters: InspectorCounters, stream: any StreamPath,
        peers: (any PeerPath)? = nil, log: Logger,
        on thread: LoopThread
    ) throws(SystemError) {
        mailbox = door.mailbox
        self.device = Atomic(tun.rawValue)
        self.counters = counters
        // The compiler doesn't know that the closure is called once.
        var device: TunDevice? = tun
        let desk = desk
        ending = try thread.add { place throws(SystemError) in
            let made = try SYNDesk(
                queue: queue, tun: device.take()!, policy: policy, mailbox: door.mailbox, watch: watch,
                watchesEndToEnd: watchesEndToEnd, segmentSizes: segmentSizes, tap: tap, history: history,
                counters: counters, stream: stream, peers: peers, log: log, place: place)
            desk.note(made)
            return made
        }
    }

    /// Where the answers to dials come in; made before the stream path, which gives them.
    public struct Door: Sendable {
        let mailbox: Mailbox<Message>

        public init() throws(SystemError) { mailbox = try Mailbox() }

        public func answer(_ id: UInt64, _ outcome: DialOutcome) { mailbox.post(.outcome(id, outcome)) }

        public func locate(_ id: UInt64, _ owner: JoinOwner) { mailbox.post(.located(id, owner)) }
    }

    /// For SYNs from now on.
    public func apply(_ policy: ConversionPolicy) { mailbox.post(.policy(policy)) }

    /// Converts new connections, once the rules and routes that they need are in place.
    public func open() { mailbox.post(.stage(.converting)) }

    /// Converts no new connection; subflows may still join those that there are.
    public func drain() { mailbox.post(.stage(.draining)) }

    /// Converts no new connection until `open` is called again: something that conversion needs is away.
    public func stepAside() { mailbox.post(.stage(.aside)) }

    /// SYNs go in by this device from now on, in place of one that is gone.
    public func replaceDevice(_ device: consuming TunDevice) {
        self.device.store(device.rawValue, ordering: .relaxed)
        mailbox.post(.device(DeviceInTransit(device)))
    }

    /// Of the device that SYNs go in by.
    public var deviceDescriptor: Int32 { device.load(ordering: .relaxed) }

    /// Holds SYNs undecided from now on, since daemons are about to be exchanged; or decides again. `counters.held` says how many
    /// of those that were held before still wait for their servers' answers.
    public func postpone(_ on: Bool) { mailbox.post(.postpone(on)) }

    // The following while its thread stands still, or before it runs.

    /// Lets go what still waits for a server's answer.
    public func letGoHeld() { desk.member?.letGoHeld() }

    /// Handles the messages that wait; whether there were any.
    public func drainMail() -> Bool { desk.member?.drainMail() ?? false }

    public func write(to writer: inout RecordWriter) { desk.member?.write(to: &writer) }

    /// Takes up what another daemon's has written. It is decided about once `postpone(false)` is called.
    public func adopt(from reader: inout RecordReader) throws(RecordError) { try desk.member?.adopt(from: &reader) }

    /// The queue is this daemon's from now on. `isSubstituted`: a sentinel has let go what waited in it.
    public func begin(isSubstituted: Bool) { desk.member?.begin(isSubstituted: isSubstituted) }

    /// SYNs are converted from the first one on. Before the thread runs: a message might be read behind some of them.
    public func goOn() { desk.member?.goOn() }

    /// Lets go what is held and ends; blocks until then. The queue is unbound with it.
    public func stop() {
        mailbox.post(.stop)
        ending.wait()
    }
}
