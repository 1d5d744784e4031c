public import HandOver
import Handshake
import LinuxSystem
import Logging
import NetfilterQueue
import PacketTap
import SharedTracking
import Synchronization

/// The SYN queues: every MPTCP SYN that the router would forward is decided about, and what is decided is carried out.
public final class SYNInspector: Sendable {
    enum Message: Sendable {
        case outcome(UInt64, DialOutcome)
        case located(UInt64, JoinOwner)
        case policy(ConversionPolicy)
        case stage(SYNDecider.Stage)
        case device(TunDevice)
        case postpone(Bool)
        case stop
    }

    /// One queue's.
    private struct Desk: Sendable {
        let mailbox: Mailbox<Message>
        let ending: LoopThread.Ending
        /// For when its thread stands still.
        let member: StandingMember<SYNDesk>
    }

    public let counters: InspectorCounters
    private let desks: [Desk]
    private let device: Atomic<Int32>

    /// Each queue's desk lives on the thread of the same place, and takes those subflows whose SYNs the rules put into its queue.
    ///
    /// - Parameters:
    ///   - queues: as many as the door has been made for.
    ///   - tun: SYNs of all queues go in by it.
    ///   - watchesEndToEnd: `watch` is told of MPTCP connections that go past this box.
    ///   - peers: the other boxes of a cluster; nil: there are none.
    ///   - segmentSizes: shared with the readers of the data queues, by which the answers leave.
    ///   - taps: one for each queue.
    public init(
        queues: [PacketQueue], tun: TunDevice, policy: ConversionPolicy, door: Door,
        watch: ConnectionWatch, watchesEndToEnd: Bool, segmentSizes: SegmentSizes, taps: [TraceTap],
        history: DecisionHistory, counters: InspectorCounters, stream: any StreamPath,
        peers: (any PeerPath)? = nil, log: Logger,
        on threads: [LoopThread]
    ) throws(SystemError) {
        self.device = Atomic(tun.rawValue)
        self.counters = counters
        var desks: [Desk] = []
        let reports = SYNReports(log)
        for (place, queue) in queues.enumerated() {
            let (mailbox, member) = (door.mailboxes[place], StandingMember<SYNDesk>())
            let ending = try threads[place].add { loop throws(SystemError) in
                let desk = try SYNDesk(
                    place, queue: queue, tun: tun, policy: policy, mailbox: mailbox, watch: watch,
                    watchesEndToEnd: watchesEndToEnd, segmentSizes: segmentSizes, tap: taps[place], history: history,
                    reports: reports, counters: counters, stream: stream, peers: peers, log: log, loop: loop)
                member.note(desk)
                return desk
            }
            desks.append(Desk(mailbox: mailbox, ending: ending, member: member))
        }
        self.desks = desks
    }

    /// Where the answers to dials come in; made before the stream path, which gives them.
    public struct Door: Sendable {
        let mailboxes: [Mailbox<Message>]

        /// For so many queues.
        public init(queues: Int) throws(SystemError) {
            var mailboxes: [Mailbox<Message>] = []
            for _ in 0..<queues { mailboxes.append(try Mailbox()) }
            self.mailboxes = mailboxes
        }

        public func answer(_ id: UInt64, _ outcome: DialOutcome) {
            mailboxes[DialRequest.place(ofID: id)].post(.outcome(id, outcome))
        }

        public func locate(_ id: UInt64, _ owner: JoinOwner) {
            mailboxes[DialRequest.place(ofID: id)].post(.located(id, owner))
        }
    }

    private func post(_ message: Message) { for desk in desks { desk.mailbox.post(message) } }

    private func forEachDesk(_ body: (SYNDesk) -> Void) { for desk in desks { desk.member.member.map(body) } }

    /// For SYNs from now on.
    public func apply(_ policy: ConversionPolicy) { post(.policy(policy)) }

    /// Converts new connections, once the rules and routes that they need are in place.
    public func open() { post(.stage(.converting)) }

    /// Converts no new connection; subflows may still join those that there are.
    public func drain() { post(.stage(.draining)) }

    /// Converts no new connection until `open` is called again: something that conversion needs is away.
    public func stepAside() { post(.stage(.aside)) }

    /// SYNs go in by this device from now on, in place of one that is gone.
    public func replaceDevice(_ device: TunDevice) {
        self.device.store(device.rawValue, ordering: .relaxed)
        post(.device(device))
    }

    /// Of the device that SYNs go in by.
    public var deviceDescriptor: Int32 { device.load(ordering: .relaxed) }

    /// Holds SYNs undecided from now on, since daemons are about to be exchanged; or decides again. `counters.held` says how many
    /// of those that were held before still wait for their servers' answers.
    public func postpone(_ on: Bool) { post(.postpone(on)) }

    // The following while their threads stand still, or before they run.

    /// Lets go what still waits for a server's answer.
    public func letGoHeld() { forEachDesk { $0.letGoHeld() } }

    /// Handles the messages that wait; whether there were any.
    public func drainMail() -> Bool {
        var hasAny = false
        forEachDesk { if $0.drainMail() { hasAny = true } }
        return hasAny
    }

    public func write(to writer: inout RecordWriter) {
        writer.write(UInt16(desks.count))
        for desk in desks { desk.member.member?.write(to: &writer) }
    }

    /// Takes up what another daemon's has written, which has as many queues. It is decided about once `postpone(false)` is called.
    public func adopt(from reader: inout RecordReader) throws(RecordError) {
        let count = Int(try reader.number(UInt16.self))
        guard count == desks.count else { throw .value("number of SYN queues: \(count)") }
        for desk in desks { try desk.member.member?.adopt(from: &reader) }
    }

    /// The queues are this daemon's from now on. `isSubstituted`: a sentinel has let go what waited in them.
    public func begin(isSubstituted: Bool) { forEachDesk { $0.begin(isSubstituted: isSubstituted) } }

    /// SYNs are converted from the first one on. Before the threads run: a message might be read behind some of them.
    public func goOn() { forEachDesk { $0.goOn() } }

    /// Lets go what is held and ends; blocks until then. The queues are unbound with it.
    public func stop() {
        post(.stop)
        for desk in desks { desk.ending.wait() }
    }
}
