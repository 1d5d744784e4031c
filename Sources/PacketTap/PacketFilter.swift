import Base
import Wire

/// A trace's filter, ready to be asked about each packet: tests with jumps, as in a BPF program. TraceOutput makes it of
/// what somebody has written.
public struct PacketFilter: Sendable {
    public static let all = PacketFilter(steps: [], start: accept)

    /// One test, and the step that comes next, or the answer.
    package struct Step: Sendable {
        let test: PacketTest
        let yes: Int
        let no: Int

        package init(test: PacketTest, yes: Int, no: Int) {
            self.test = test
            self.yes = yes
            self.no = no
        }
    }

    // Answers, in the place of a step.
    package static let accept = -1
    package static let reject = -2

    /// Jumps lead only downwards: a program ends after as many steps as it has, at the latest.
    private let steps: [Step]
    private let start: Int

    /// `start`, and what each step leads to: the place of a step, below its own, or an answer.
    package init(steps: [Step], start: Int) {
        self.steps = steps
        self.start = start
    }

    /// Can it let a packet through? Not where `steering` is all that it asks for.
    public var showsPackets: Bool {
        guard steps.allSatisfy({ $0.test == .steering }) else { return true }
        var place = start
        while place >= 0 { place = steps[place].no }
        return place == Self.accept
    }

    /// Allocates nothing. What is asked about a segment is false of a packet that isn't one (`ends` is nil).
    public func matches(_ facts: borrowing PacketFacts) -> Bool {
        var place = start
        while place >= 0 {
            place = steps[place].test.holds(facts) ? steps[place].yes : steps[place].no
        }
        return place == Self.accept
    }

    /// Does it let steering events through? They are no packets: of all conditions `steering` alone is true of them.
    public var showsSteering: Bool {
        var place = start
        while place >= 0 {
            place = steps[place].test == .steering ? steps[place].yes : steps[place].no
        }
        return place == Self.accept
    }
}

/// One thing that is asked about a packet.
package enum PacketTest: Hashable, Sendable {
    package enum End: Hashable, Sendable {
        case client, server, either
    }

    case address(End, IPPrefix)
    case port(End, ClosedRange<UInt16>)
    case family(isIPv4: Bool)
    case from(isClient: Bool)
    case flag(TCPFlags)
    case subtype(MultipathSubtypes)
    /// Does it have payload?
    case data
    case token(Token)
    /// By index; coming in or going out.
    case interface(UInt32)
    case verdict(Verdict)
    case held
    case malformed
    /// Not a packet, but something that was decided about a path.
    case steering

    func holds(_ facts: borrowing PacketFacts) -> Bool {
        switch self {
        case .token(let token): facts.token == token
        // Not by ||: its closure can't hold what is borrowed.
        case .interface(let index) where facts.inDevice == index: true
        case .interface(let index): facts.outDevice == index
        case .verdict(let verdict): facts.verdict == verdict
        case .held: facts.wasHeld
        case .malformed: facts.isMalformed
        case .steering: false
        default: if let ends = facts.ends { holds(ends, facts) } else { false }
        }
    }

    /// What only a segment can answer.
    private func holds(_ ends: FourTuple, _ facts: borrowing PacketFacts) -> Bool {
        switch self {
        case .address(let end, let prefix): Self.ask(end, ends) { prefix.contains($0.address) }
        case .port(let end, let ports): Self.ask(end, ends) { ports.contains($0.port) }
        case .family(let isIPv4): ends.client.address.isIPv4 == isIPv4
        case .from(let isClient): facts.isFromClient == isClient
        case .flag(let flag): facts.flags.contains(flag)
        case .subtype(let subtype): facts.subtypes.contains(subtype)
        case .data: facts.payloadLength > 0
        case .token, .interface, .verdict, .held, .malformed, .steering: false
        }
    }

    @inline(__always)
    private static func ask(_ end: End, _ ends: FourTuple, _ holds: (Endpoint) -> Bool) -> Bool {
        switch end {
        case .client: holds(ends.client)
        case .server: holds(ends.server)
        case .either: holds(ends.client) || holds(ends.server)
        }
    }
}
