/// The maximum segment sizes that clients' SYNs have announced, from the SYN until its answer. One place for each of some
/// hashes of flows: where two fall together, the later one counts, and the earlier flow is left as it is.
struct SegmentSizes {
    private var places = [(flow: UInt64, size: UInt16)](repeating: (0, 0), count: 1024)

    /// `size`: in bytes; nil without the option.
    mutating func note(_ size: UInt16?, flow: UInt64) { places[Self.place(flow)] = (flow, size ?? 0) }

    /// nil when none is known.
    func size(flow: UInt64) -> UInt16? {
        let (owner, size) = places[Self.place(flow)]
        return owner == flow && size > 0 ? size : nil
    }

    private static func place(_ flow: UInt64) -> Int { Int(flow & 1023) }
}
