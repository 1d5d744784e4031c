/// What dials have taught about one server, and what the next dial there is to do.
///
/// A value without clock or lock; times are nanoseconds of one steady clock.
struct ServerRecord: Hashable, Sendable {
    /// The times that the settings allow, in nanoseconds.
    struct Limits: Hashable, Sendable {
        /// How long a server is waited for that isn't known to answer late.
        let timeout: UInt64
        /// How long it is remembered what a server speaks.
        let knowledge: UInt64

        /// How long a SYN is held at most. Linux sends its SYN again after one second and after two; at the third second
        /// it takes MPTCP for blocked (net/mptcp/ctrl.c, mptcp_active_detect_blackhole, with two retransmissions allowed and
        /// net.ipv4.tcp_syn_linear_timeouts). A SYN-ACK has to be there before.
        static let longest: UInt64 = 2_500_000_000
        /// When a second SYN follows a first one that had no answer. Something on the way may drop what it doesn't know (RFC
        /// 8684 section 3.7), or anything at all.
        static let second: UInt64 = 250_000_000
    }

    private var speaks: ServerKnowledge?
    private var expiry: UInt64 = 0
    /// How long its answer took, if that was long.
    private var lateness: UInt64?

    /// What the server speaks, unless that is too old to be relied on.
    func knowledge(at now: UInt64) -> ServerKnowledge? { expiry > now ? speaks : nil }

    /// What the server speaks. What is already known stays as old as it is, so that it is verified again in time.
    mutating func learn(_ knowledge: ServerKnowledge, at now: UInt64, _ limits: Limits) {
        guard self.knowledge(at: now) != knowledge else { return }
        speaks = knowledge
        expiry = now &+ limits.knowledge
    }

    /// The server has answered a SYN after `time`. Answers that take about as long as the last one change nothing, so that
    /// the record of a server that is always quick is never written.
    mutating func answered(after time: UInt64, _ limits: Limits) {
        guard time > limits.timeout / 2 else {
            lateness = nil
            return
        }
        if let lateness, time > lateness / 8 * 7, time < lateness / 8 * 9 { return }
        lateness = time
    }

    /// What the next SYN to the server is to be met with.
    func advice(at now: UInt64, _ limits: Limits) -> DialAdvice {
        let known = knowledge(at: now)
        if known == .speaksMultipath { return .speaksMultipath }
        guard let lateness else {
            return .dial(plan(asks: known == nil, second: min(Limits.second, limits.timeout / 2), limits.timeout))
        }
        // It would only cost each client this time.
        guard lateness < Limits.longest else { return .silent }
        let expected = lateness + lateness / 2
        return .dial(
            plan(
                asks: known == nil, second: max(Limits.second, expected),
                min(Limits.longest, max(limits.timeout, expected + Limits.second))))
    }

    private func plan(asks: Bool, second: UInt64, _ timeout: UInt64) -> DialPlan {
        DialPlan(asks: asks, secondAfter: .nanoseconds(Int64(second)), timeout: .nanoseconds(Int64(timeout)))
    }
}
