import Wire

/// A decision about an MPTCP SYN that has been carried out.
public struct PastDecision: Sendable {
    /// Nanoseconds since 1970.
    public let time: Int64
    public let tuple: FourTuple
    public let decision: Decision
    /// Of an MP_JOIN.
    public let token: Token?
    /// The index of the one that it came in by.
    public let interface: UInt32
    /// Nanoseconds for which it was held; nil if it wasn't.
    public let held: UInt64?
    /// The number of the peer that it goes to; nil: it goes to none.
    public let peer: Int?

    /// What was decided about this SYN. `time`: nanoseconds since 1970. `held`, `peer`: as the properties.
    public init(_ decision: Decision, _ syn: SYN, at time: Int64, held: UInt64?, peer: Int? = nil) {
        self.peer = peer
        self.time = time
        tuple = syn.tuple
        self.decision = decision
        if case .join(let asked, _) = syn.multipath { token = asked } else { token = nil }
        interface = syn.way.inDevice
        self.held = held
    }
}
