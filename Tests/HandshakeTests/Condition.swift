import Handshake
import Testing
import Wire

/// Something that decides about an MP_CAPABLE SYN, alone or before others.
struct Condition: Sendable, CustomTestStringConvertible {
    let name: String
    let decision: Decision
    /// Of those of a kind only one can apply.
    var kind: String?
    /// What happened before.
    var before: @Sendable (inout Situation) -> Void = { _ in }
    /// What is so now.
    var now: @Sendable (inout Situation) -> Void = { _ in }

    var testDescription: String { name }

    /// In the order in which they count.
    static let all = [
        Condition(name: "the sentinel answers", decision: .passUnable, now: { $0.decider.isSubstituted = true }),
        Condition(name: "no option", decision: .passNotMultipath, kind: "option", now: { $0.option = .none }),
        Condition(name: "MP_PRIO", decision: .passNotMultipath, kind: "option", now: { $0.option = .priority }),
        Condition(name: "version 0", decision: .passOldVersion, kind: "option", now: { $0.option = .version0 }),
        Condition(name: "version 2", decision: .passOldVersion, kind: "option", now: { $0.option = .version2 }),
        Condition(name: "checksums", decision: .passChecksums, kind: "option", now: { $0.option = .checksums }),
        Condition(name: "another is held", decision: .dropRetransmissionOfHeld, before: holdAnother),
        Condition(
            name: "under way", decision: .dropRetransmissionOfHeld, kind: "injected",
            before: { $0.decider.entered($0.syn.identity, at: $0.now - 499 * ms) }),
        Condition(name: "another interface", decision: .passOtherInterface, kind: "in", now: { $0.inDevice = 4 }),
        Condition(name: "no interface", decision: .passOtherInterface, kind: "in", now: { $0.inDevice = 9 }),
        Condition(name: "another port", decision: .passPolicy, now: { $0.decider.policy.ports = [81...443] }),
        Condition(name: "another client", decision: .passPolicy, now: { $0.decider.policy.clients = others }),
        Condition(name: "another server", decision: .passPolicy, now: { $0.decider.policy.servers = others }),
        Condition(name: "a helper's port", decision: .passHelper, now: { $0.decider.policy.passedPorts = [80] }),
        Condition(
            name: "went on before", decision: .passDecidedBefore,
            before: { situation in
                let (syn, time) = (situation.syn.identity, situation.now - 100 * s)
                _ = situation.decider.obstructed(syn, .interceptSplit, by: .noRoom, at: time)
            }),
        Condition(
            name: "went in and was lost", decision: .passNotTaken, kind: "injected",
            before: { $0.decider.entered($0.syn.identity, at: $0.now - 500 * ms) }),
        Condition(name: "zones", decision: .passZones, now: { $0.decider.policy.hasZonesByDirection = true }),
        Condition(name: "none completes", decision: .passNoneCompletes, now: { $0.facts.completesNone = true }),
        Condition(name: "starting", decision: .passStarting, kind: "stage", now: { $0.decider.stage = .starting }),
        Condition(name: "draining", decision: .passDraining, kind: "stage", now: { $0.decider.stage = .draining }),
        Condition(name: "aside", decision: .passDegraded, kind: "stage", now: { $0.decider.stage = .aside }),
        Condition(name: "no room", decision: .passNoRoom, now: { $0.facts.room = false }),
        Condition(name: "tracking full", decision: .passTrackingFull, now: { $0.facts.trackingRoom = false }),
        Condition(name: "another way out", decision: .passOtherWay, now: { $0.facts.leavesAlike = false }),
        Condition(
            name: "port occupied", decision: .passPortOccupied, kind: "listener",
            now: { $0.facts.obstacle = .portOccupied }),
        Condition(
            name: "no listener to spare", decision: .passNoRoom, kind: "listener", now: { $0.facts.obstacle = .noRoom }
        ),
        Condition(
            name: "no listener", decision: .passUnable, kind: "listener", now: { $0.facts.obstacle = .unable }),
        Condition(
            name: "the server speaks MPTCP", decision: .passServerSpeaksMultipath, kind: "server",
            now: { $0.facts.advice = .speaksMultipath }),
        Condition(
            name: "the server is silent", decision: .passServerSilent, kind: "server",
            now: { $0.facts.advice = .silent }),
        Condition(name: "split", decision: .interceptSplit, now: { $0.decider.policy.connect = .split }),
    ]

    private static let others = [IPPrefix("192.0.2.0/24")!, IPPrefix("2001:db8::/32")!]

    /// Of the same 4-tuple, with another sequence number; long ago, so that the name of its interface is asked for again.
    private static let holdAnother: @Sendable (inout Situation) -> Void = { situation in
        var other = situation
        other.option = .capable
        other.sequence += 1
        other.now -= 50 * s
        _ = other.receive()
        situation.decider = other.decider
    }
}
