import Base
import Wire

/// What becomes of the MPTCP SYNs that the router would forward, with all that is remembered of them.
///
/// A value without clock or kernel: times are nanoseconds of one steady clock, and what only the outside knows is asked through
/// `SYNFacts`. docs/architecture.md, "A connection's way", has the order of things.
public struct SYNDecider: Sendable {
    /// Whether new connections are converted. Subflows join those that there are at any stage.
    public enum Stage: CaseIterable, Sendable {
        /// Rules and routes that conversion needs aren't in place yet.
        case starting
        case converting
        case draining
        /// Something that conversion needs is away.
        case aside
    }

    /// What is converted, of SYNs from now on.
    public var policy: ConversionPolicy { didSet { interfaces = ClientInterfaces(policy.interfaces) } }
    /// How far the daemon is, for SYNs from now on.
    public var stage = Stage.starting
    /// The sentinel answers in the queue's place, or has just done so: what comes may have gone on already.
    public var isSubstituted = false
    /// For how long other boxes may be asked about a join, in nanoseconds; nil: there are none.
    public var askingTime: UInt64?
    private var interfaces: ClientInterfaces
    private var held: HeldSYNs
    /// SYNs that went on for a reason that may be over.
    var passed = BoundedMemory<SYNIdentity, Bool>(capacity: 16384)
    var injected = InjectedSYNs()

    /// As long as a client may go on to send the same SYN: tcp_syn_retries of 6 makes 127 s.
    public static let passedLifetime: UInt64 = 130_000_000_000

    /// Converts nothing until `stage` says so. `place`: among those that decide, each about other subflows; its dials' ids have
    /// it in them.
    public init(_ policy: ConversionPolicy, place: Int = 0) {
        self.policy = policy
        held = HeldSYNs(firstID: DialRequest.firstID(at: place))
        interfaces = ClientInterfaces(policy.interfaces)
    }

    /// How many SYNs are held.
    public var heldCount: Int { held.count }

    /// A SYN has come to the queue: what becomes of it. Facts are asked as it comes to them.
    public mutating func received(
        _ syn: SYN, _ facts: inout some SYNFacts & ~Copyable, at now: UInt64
    ) -> SYNAction {
        if isSubstituted { return pass(syn, .passUnable, at: now) }
        switch syn.multipath {
        case .join(let token, _): return receivedJoin(syn, token, &facts, at: now)
        case .capable(version: 1, checksums: false): return receivedCapable(syn, &facts, at: now)
        case .capable(version: 1, checksums: true): return pass(syn, .passChecksums, at: now)
        case .capable: return pass(syn, .passOldVersion, at: now)
        case .other, nil: return pass(syn, .passNotMultipath, at: now)
        }
    }

    /// Whatever interface it comes in on: a client joins by the link that the connection was not opened on.
    private mutating func receivedJoin(
        _ syn: SYN, _ token: Token, _ facts: inout some SYNFacts & ~Copyable, at now: UInt64
    ) -> SYNAction {
        switch injected.fate(of: syn.identity, at: now) {
        case .notInjected: break
        case .underWay: return .drop
        case .lost: return pass(syn, .passNotTaken, at: now)
        }
        switch facts.owner(of: token, at: syn.tuple.server.address) {
        case .box: return .intercept(.interceptJoin)
        case .others: return askPeers(syn, token, at: now)
        case .unclear: return pass(syn, .passUnable, at: now)
        }
    }

    /// What a peer has led here never goes to a peer: it would go round in a circle.
    private mutating func askPeers(_ syn: SYN, _ token: Token, at now: UInt64) -> SYNAction {
        guard let askingTime, !syn.isFromPeer else { return pass(syn, .passUnknownToken, at: now) }
        if held.contains(syn.tuple) { return .drop }
        let id = held.hold(syn.identity, until: now &+ askingTime)
        return .ask(JoinQuestion(id: id, token: token, server: syn.tuple.server.address))
    }

    private mutating func receivedCapable(
        _ syn: SYN, _ facts: inout some SYNFacts & ~Copyable, at now: UInt64
    ) -> SYNAction {
        let fate = injected.fate(of: syn.identity, at: now)
        if held.contains(syn.tuple) || fate == .underWay { return .drop }
        if let reason = reasonToPass(syn, fate, &facts, at: now) {
            let action = pass(syn, reason, at: now)
            // Of one that was dialled for, the converter learns by itself that its client doesn't come.
            return reason == .passNotTaken && policy.connect == .split ? .passLost : action
        }
        let plan: DialPlan
        switch facts.advice(syn.tuple) {
        case .dial(let advised): plan = advised
        case .speaksMultipath: return pass(syn, .passServerSpeaksMultipath, at: now)
        case .silent: return pass(syn, .passServerSilent, at: now)
        }
        guard policy.connect == .faithful else { return .intercept(.interceptSplit) }
        let id = held.hold(syn.identity, at: now, timeout: plan.timeout)
        return .dial(DialRequest(id: id, tuple: syn.tuple, way: syn.way, received: now, plan: plan))
    }

    private mutating func reasonToPass(
        _ syn: SYN, _ fate: InjectedSYNs.Fate, _ facts: inout some SYNFacts & ~Copyable, at now: UInt64
    ) -> Decision? {
        let interface = syn.way.inDevice
        guard interfaces.contains(interface, &facts, at: now) else { return .passOtherInterface }
        guard policy.covers(syn.tuple) else { return .passPolicy }
        if policy.passedPorts.contains(syn.tuple.server.port) { return .passHelper }
        if passed.value(for: syn.identity, at: now) != nil { return .passDecidedBefore }
        // Put into the TUN device again, it would be dropped again, and the client kept waiting.
        if fate == .lost { return .passNotTaken }
        if policy.hasZonesByDirection { return .passZones }
        if facts.completesNone(from: interface) { return .passNoneCompletes }
        switch stage {
        case .starting: return .passStarting
        case .draining: return .passDraining
        case .aside: return .passDegraded
        case .converting: break
        }
        guard facts.hasRoom() else { return .passNoRoom }
        guard facts.hasTrackingRoom(at: now) else { return .passTrackingFull }
        guard facts.leavesAlike(syn, copiesDSCP: policy.copiesDSCP) else { return .passOtherWay }
        return facts.listenerObstacle(syn.tuple)?.decision
    }

    private mutating func pass(_ syn: SYN, _ reason: Decision, at now: UInt64) -> SYNAction {
        if reason.isTransient { rememberPassed(syn.identity, at: now) }
        return .pass(reason)
    }

    private mutating func rememberPassed(_ syn: SYNIdentity, at now: UInt64) {
        passed.remember(true, for: syn, at: now, lifetime: Self.passedLifetime)
    }
}

// What has come of actions.

extension SYNDecider {
    /// The dial with this id has been answered. nil: no SYN is held for it any more.
    public mutating func answered(_ id: UInt64, _ outcome: DialOutcome, at now: UInt64) -> SYNAction? {
        guard let syn = held.release(id) else { return nil }
        let reason: Decision
        switch outcome {
        case .connected(let size): return .intercept(.interceptConverted, maximumSegmentSize: size)
        case .speaksMultipath: reason = .passServerSpeaksMultipath
        case .refused: reason = .passServerRefused
        case .silent: reason = .passServerSilent
        case .otherWay: reason = .passOtherWay
        case .noRoom: reason = .passNoRoom
        case .unable: reason = .passUnable
        }
        // Its server has had a SYN of the box's: the client's own is not to be held a second time, whatever the reason.
        rememberPassed(syn, at: now)
        return .pass(reason)
    }

    /// The question with this id has been answered. nil: no SYN is held for it any more.
    ///
    /// What becomes of a join is not remembered: its retransmission is asked about anew.
    public mutating func located(_ id: UInt64, _ owner: JoinOwner) -> SYNAction? {
        guard held.release(id) != nil else { return nil }
        switch owner {
        case .peer(let number): return .lead(number)
        case .nobody: return .pass(.passUnknownToken)
        case .unknown: return .pass(.passDirectorySilent)
        }
    }

    /// The dial with this id is one too many, and no answer will come: the client has to prove first that it exists.
    public mutating func refused(_ id: UInt64) -> SYNAction {
        _ = held.release(id)
        return .intercept(.interceptSplitOverLimit)
    }

    /// SYNs are let go whose answer doesn't come in time, whatever has become of the stream path: a client gives up MPTCP when
    /// its SYN is lost or late. By the ids of their dials, in the order in which they came.
    public mutating func overdue(at now: UInt64) -> [(id: UInt64, action: SYNAction)] {
        giveUp(held.overdue(at: now), at: now)
    }

    /// All held SYNs are let go, as those that are overdue.
    public mutating func giveUpAll(at now: UInt64) -> [(id: UInt64, action: SYNAction)] {
        giveUp(held.overdue(at: .max), at: now)
    }

    private mutating func giveUp(_ ids: [UInt64], at now: UInt64) -> [(id: UInt64, action: SYNAction)] {
        ids.map { id in
            let isJoin = held.isJoin(id)
            guard let syn = held.release(id), !isJoin else { return (id, .pass(.passDirectorySilent)) }
            rememberPassed(syn, at: now)
            return (id, .passForgoing(.passUnable))
        }
    }

    /// A SYN has been put into the TUN device.
    public mutating func entered(_ syn: SYNIdentity, at now: UInt64) { injected.note(syn, at: now) }

    /// A SYN that was to go in, for this reason, can't.
    public mutating func obstructed(
        _ syn: SYNIdentity, _ decision: Decision, by obstacle: Obstacle, at now: UInt64
    ) -> SYNAction {
        rememberPassed(syn, at: now)
        return decision == .interceptConverted ? .passForgoing(obstacle.decision) : .pass(obstacle.decision)
    }
}
