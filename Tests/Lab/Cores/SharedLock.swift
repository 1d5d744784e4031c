/// What threads of the box share, as far as it can be waited for: one of them has it at a time.
public enum SharedLock: String, Sendable, CaseIterable, Encodable {
    case tracker
    case servers = "memory of servers"
    case listeners = "table of listeners"
    /// No lock, but a cache line that has to come to each processor that adds to it.
    case counters = "line of counters"
}
