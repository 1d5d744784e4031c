import Synchronization
import Wire

/// The maximum segment sizes that clients' SYNs have announced as they went in, for the answers to them. One place for each of
/// some hashes of flows: where two fall together, the later one counts, and the earlier flow is left as it is.
public final class SegmentSizes: Sendable {
    private let places = Mutex([(flow: UInt64, size: UInt16)](repeating: (0, 0), count: 1024))
    private let seed = UInt64.random(in: .min ... .max)

    public init() {}

    func note(_ syn: borrowing Segment) { note(syn.maximumSegmentSize, flow: syn.flowHash(seed: seed)) }

    /// In bytes; nil when none is known.
    func size(answering synACK: borrowing Segment) -> UInt16? { size(flow: synACK.reverseFlowHash(seed: seed)) }

    /// `size`: in bytes; nil without the option.
    func note(_ size: UInt16?, flow: UInt64) { places.withLock { $0[Self.place(flow)] = (flow, size ?? 0) } }

    func size(flow: UInt64) -> UInt16? {
        let (owner, size) = places.withLock { $0[Self.place(flow)] }
        return owner == flow && size > 0 ? size : nil
    }

    private static func place(_ flow: UInt64) -> Int { Int(flow & 1023) }
}
