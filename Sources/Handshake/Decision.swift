import Base

/// What has been decided about a SYN, and why.
public enum Decision: Int, CaseIterable, Sendable {
    // Goes on as if there were no box:
    case passMalformed
    case passNotMultipath
    case passOldVersion
    /// The client requires data checksums (RFC 8684 section 3.3.1): after a wrong one, a converted connection may stall.
    case passChecksums
    case passOtherInterface
    case passPolicy
    case passUnknownToken
    /// A join to a connection of another box of the cluster, to which it goes.
    case passToPeer
    /// A join to a connection that may be another box's: the cluster's directory has not said in time.
    case passDirectorySilent
    case passServerSpeaksMultipath
    case passServerRefused
    case passServerSilent
    case passPortOccupied
    case passNoRoom
    /// The kernel's table of connections is nearly full: the two more that a converted one takes would be dropped.
    case passTrackingFull
    case passUnable
    /// The box's own connection to the server would leave by another way than the client's.
    case passOtherWay
    case passStarting
    case passDraining
    case passDegraded
    case passHelper
    /// It was put into the TUN device and has come to the queue again: something dropped it on its way to the listener.
    case passNotTaken
    /// Handshakes of clients behind this interface fail, one after the other.
    case passNoneCompletes
    /// Rules put the two directions of connections into different zones of connection tracking.
    case passZones
    /// A retransmission of a SYN that went on before.
    case passDecidedBefore
    // Ended at the box:
    case interceptConverted
    case interceptSplit
    case interceptSplitOverLimit
    case interceptJoin
    // Neither, for now:
    case dropRetransmissionOfHeld

    /// `pass: server speaks MPTCP`
    public var description: String { "\(verdict.name): \(reason)" }

    public var verdict: Verdict {
        switch self {
        case .interceptConverted, .interceptSplit, .interceptSplitOverLimit, .interceptJoin: .intercept
        case .dropRetransmissionOfHeld: .drop
        default: .pass
        }
    }

    /// A few words.
    public var reason: StaticString {
        switch self {
        case .passMalformed: "malformed"
        case .passNotMultipath: "not MPTCP"
        case .passOldVersion: "MPTCP version"
        case .passChecksums: "data checksums"
        case .passOtherInterface: "interface"
        case .passPolicy: "policy"
        case .passUnknownToken: "unknown token"
        case .passToPeer: "another box's connection"
        case .passDirectorySilent: "directory silent"
        case .passServerSpeaksMultipath: "server speaks MPTCP"
        case .passServerRefused: "server refused"
        case .passServerSilent: "server silent"
        case .passPortOccupied: "port occupied"
        case .passNoRoom: "no room"
        case .passTrackingFull: "connection tracking full"
        case .passUnable: "unable"
        case .passOtherWay: "other way out"
        case .passStarting: "starting"
        case .passDraining: "draining"
        case .passDegraded: "degraded"
        case .passHelper: "connection tracking helper"
        case .passNotTaken: "re-injected SYN was not taken"
        case .passNoneCompletes: "no handshake completes"
        case .passZones: "zones by direction"
        case .passDecidedBefore: "decided before"
        case .interceptConverted: "server answered"
        case .interceptSplit: "split"
        case .interceptSplitOverLimit: "split, over the limit of held SYNs"
        case .interceptJoin: "join"
        case .dropRetransmissionOfHeld: "retransmission of a held SYN"
        }
    }

    /// Reasons that may be over when the same SYN comes again: it must then fare as before, or a client would have two
    /// answers.
    var isTransient: Bool {
        switch self {
        case .passServerSpeaksMultipath, .passServerRefused, .passServerSilent, .passPortOccupied, .passNoRoom,
            .passTrackingFull, .passUnable, .passStarting, .passDraining, .passDegraded, .passNotTaken,
            .passNoneCompletes, .passZones:
            true
        default: false
        }
    }
}
