import Handshake
import Synchronization

/// What the packet path has seen since the start; written by its threads, read by whoever asks.
public final class InspectorCounters: Sendable {
    public let dataPackets = Atomic<UInt64>(0)
    /// Bytes of IP packets.
    public let dataBytes = Atomic<UInt64>(0)
    /// How often a data queue's thread came to it and found any of them.
    public let dataReads = Atomic<UInt64>(0)
    /// Data packets that are no TCP segment, or not a whole one.
    public let unreadablePackets = Atomic<UInt64>(0)
    /// SYNs held now.
    public let held = Atomic<Int>(0)
    /// SYNs that could not be put into the TUN device, and went on instead.
    public let injectionFailures = Atomic<UInt64>(0)
    /// Verdicts for packets that the kernel had already let go.
    public let refusedVerdicts = Atomic<UInt64>(0)
    private let decisions = DecisionCounts()

    public init() {}

    public subscript(decision: Decision) -> UInt64 { decisions.value(decision) }

    func count(_ decision: Decision) { decisions.count(decision) }
}

/// One counter for each decision.
private final class DecisionCounts: Sendable {
    private let counts = Mutex([UInt64](repeating: 0, count: Decision.allCases.count))

    func count(_ decision: Decision) { counts.withLock { $0[decision.rawValue] += 1 } }

    func value(_ decision: Decision) -> UInt64 { counts.withLock { $0[decision.rawValue] } }
}
