import LinuxSystem
import Synchronization
import Wire

/// Source ports for upstream connections, from a range that clients don't use themselves: were an upstream's port the
/// client's own to that server, both connections would share one conntrack entry. Hash-based selection as in RFC 6056
/// section 3.3.3, so that the next port can't be guessed, and one is used again as late as possible.
final class UpstreamPorts: Sendable {
    private let range: ClosedRange<UInt16>
    private let next = Atomic<UInt64>(0)

    init(_ range: ClosedRange<UInt16>) { self.range = range }

    func port(for tuple: FourTuple) -> UInt16 {
        // Hasher is seeded at random for each process.
        var hasher = Hasher()
        hasher.combine(tuple.client.address)
        hasher.combine(tuple.server)
        let offset = UInt64(UInt(bitPattern: hasher.finalize()))
        let position = offset &+ next.wrappingAdd(1, ordering: .relaxed).oldValue
        return range.lowerBound + UInt16(position % UInt64(range.count))
    }
}
