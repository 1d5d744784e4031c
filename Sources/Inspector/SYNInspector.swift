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
        case policy(ConversionPolicy)
        case stage(SYNDecider.Stage)
        case device(DeviceInTransit)
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

    /// It lives on `thread`.
    ///
    /// - Parameters:
    ///   - watchesEndToEnd: `watch` is told of MPTCP connections that go past this box.
    ///   - segmentSizes: shared with the readers of the data queues, by which the answers leave.
    public init(
        queue: PacketQueue, tun: consuming TunDevice, policy: ConversionPolicy, door: Door,
        watch: ConnectionWatch, watchesEndToEnd: Bool, segmentSizes: SegmentSizes, tap: TraceTap,
        history: DecisionHistory, counters: InspectorCounters, stream: any StreamPath, log: Logger,
        on thread: LoopThread
    ) throws(SystemError) {
        mailbox = door.mailbox
        self.counters = counters
        // The compiler doesn't know that the closure is called once.
        var device: TunDevice? = tun
        ending = try thread.add { place throws(SystemError) in
            try SYNDesk(
                queue: queue, tun: device.take()!, policy: policy, mailbox: door.mailbox, watch: watch,
                watchesEndToEnd: watchesEndToEnd, segmentSizes: segmentSizes, tap: tap, history: history,
                counters: counters, stream: stream, log: log, place: place)
        }
    }

    /// Where the answers to dials come in; made before the stream path, which gives them.
    public struct Door: Sendable {
        let mailbox: Mailbox<Message>

        public init() throws(SystemError) { mailbox = try Mailbox() }

        public func answer(_ id: UInt64, _ outcome: DialOutcome) { mailbox.post(.outcome(id, outcome)) }
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
    public func replaceDevice(_ device: consuming TunDevice) { mailbox.post(.device(DeviceInTransit(device))) }

    /// Lets go what is held and ends; blocks until then. The queue is unbound with it.
    public func stop() {
        mailbox.post(.stop)
        ending.wait()
    }
}
