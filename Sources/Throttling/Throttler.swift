// Throttling: which subflows are held back, from the packet that makes a rule apply to the one that ends it.
//
//     queue's thread ── connection changed ──▶ throttle thread: rules ── class made ── upload steered ── connmark set
//                                                                                                             │
//     mangle POSTROUTING: connmark's class ──▶ CLASSIFY ──▶ HTB class of the interface ◀──────────────────────┘
//
// The decision is Steering's, the qdiscs are TrafficControl's; here it is kept who is held by which rule, in which class.
// All of it belongs to one thread, which never sees a packet: the kernel moves the bulk by the conntrack entry's mark,
// whether or not its packets are inspected, and no packet waits for a qdisc that is being made.
//
//     subflow held      class made if need be ─ upload's filters ─ connmark        (so that no mark is without its class)
//     subflow let go    connmark cleared ─ filters removed
//     class given up    as fast as it can ─ members let go ─ removed when nothing waits in it any more
//
// A few times a second the thread looks at the clock, for rules with hours, and at the interfaces: one that vanishes
// takes its qdiscs along, and gets them anew when it is back.

import LinuxSystem
public import Logging
public import Marks
public import SharedTracking
public import Steering
import Synchronization
import SystemPackage
import Tracking
import TrafficControl
public import Wire

public final class Throttler: Sendable {
    enum Message: Sendable {
        case changed([ConnectionID])
        case rules(RuleChange, @Sendable (Result<Void, any Error>) -> Void)
        case prepareSteering(@Sendable (Result<Void, any Error>) -> Void)
        case status(@Sendable ([ThrottleStatus]) -> Void)
        case steering(@Sendable (SteeringStatus) -> Void)
        case follow(@Sendable ([SteerDecision]) -> Void)
        case call(@Sendable () -> Void)
        case memory(@Sendable (SteeringMemory) -> Void)
        case goOn(SteeringMemory)
        case stop
    }

    private let mailbox: Mailbox<Message>
    private let thread: SystemThread
    private let watch: ConnectionWatch
    private let names: HeldNames
    private let restorationCount = RestorationCount()

    /// Starts without a rule, in the network namespace of the calling thread, and removes what a killed run has left; unless
    /// what there is is another daemon's still (`isAfterAnother`).
    /// `device`: the name of the IFB device that uploads are led through. `offloads`: is the data of subflows that are
    /// under way to be left to the kernel, by a bit of the connmark? `downloadsHeld` is told of converted connections, by
    /// their first subflow, when a rule begins to hold what this machine sends on one of their subflows. `volumes`: what paths had
    /// carried before; `saveVolumes` is told now and then what they have.
    public init(
        mark: PacketMark, device: String, offloads: Bool, watch: ConnectionWatch, volumes: VolumeLedger, log: Logger,
        isAfterAnother: Bool = false, downloadsHeld: @escaping @Sendable (Set<FourTuple>) -> Void,
        saveVolumes: @escaping @Sendable (VolumeLedger) -> Void
    ) throws {
        if !isAfterAnother { try TrafficControl.removeAll() }
        let mailbox = try Mailbox<Message>()
        let names = HeldNames()
        let restorations = restorationCount
        // From here on the desk is its thread's alone.
        nonisolated(unsafe) let desk = try ThrottleDesk(
            mark: mark, device: device, offloads: offloads, watch: watch, mailbox: mailbox, names: names,
            volumes: volumes, log: log, restored: { restorations.value.wrappingAdd(1, ordering: .relaxed) },
            downloadsHeld: downloadsHeld, saveVolumes: saveVolumes)
        self.mailbox = mailbox
        self.watch = watch
        self.names = names
        thread = try SystemThread(named: "throttle") { desk.run() }
    }

    /// Makes the change, whole or not at all: then it throws `RuleRefusal` or `TrafficControlError`. What stays the same
    /// isn't touched. A rule whose interface isn't there waits for it, and its status says so.
    public func make(_ change: RuleChange) async throws {
        try await withCheckedThrowingContinuation { continuation in
            mailbox.post(.rules(change) { continuation.resume(with: $0) })
        }
    }

    /// To be called before `net.mptcp.pm_type` is changed for rules that ask for backup: from then on, and until the end,
    /// somebody has to let clients join. Throws `SystemError`.
    public func prepareSteering() async throws {
        try await withCheckedThrowingContinuation { continuation in
            mailbox.post(.prepareSteering { continuation.resume(with: $0) })
        }
    }

    /// How the rules fare, in their order.
    public func status() async -> [ThrottleStatus] {
        await withCheckedContinuation { continuation in
            mailbox.post(.status { continuation.resume(returning: $0) })
        }
    }

    /// How the paths fare, and what was decided about them.
    public func steering() async -> SteeringStatus {
        await withCheckedContinuation { continuation in
            mailbox.post(.steering { continuation.resume(returning: $0) })
        }
    }

    /// Tells `follower`, on its own thread, of what is decided about paths from now on, instead of another.
    public func follow(_ follower: @escaping @Sendable ([SteerDecision]) -> Void) { mailbox.post(.follow(follower)) }
    /// Runs `body` on the throttle thread when its turn comes, and so shows whether it still takes any.
    public func call(_ body: @escaping @Sendable () -> Void) { mailbox.post(.call(body)) }

    /// What a daemon that goes on from this one has to know. `answer` is called on the throttle thread.
    public func remember(_ answer: @escaping @Sendable (SteeringMemory) -> Void) { mailbox.post(.memory(answer)) }
    /// Goes on from another daemon's memory, with the rules that are made next.
    public func goOn(from memory: SteeringMemory) { mailbox.post(.goOn(memory)) }

    /// How often qdiscs, classes and filters were put back on an interface that was gone, or had lost them.
    public var restorations: UInt64 { restorationCount.value.load(ordering: .relaxed) }

    /// The name of the rule that holds this subflow.
    public func rule(of tuple: FourTuple) -> String? { names[tuple] }

    /// Lets all go and takes every qdisc and mark of ours away; blocks until then.
    public func stop() {
        watch.follow(nil)
        mailbox.post(.stop)
        thread.join()
    }
}

private final class RestorationCount: Sendable {
    let value = Atomic<UInt64>(0)
}
