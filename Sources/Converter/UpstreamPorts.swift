import LinuxSystem
import Synchronization
import Wire

/// Source ports for upstream connections, from a range that clients don't use themselves: were an upstream's port the
/// client's own to that server, both connections would share one conntrack entry. Hash-based selection as in RFC 6056
/// section 3.3.3, so that the next port can't be guessed, and one is used again as late as possible.
///
/// A client with a port below 1024 says by it that root has opened the connection (rsh, NFS): its server is to see such a
/// port, too.
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
        guard Self.isPrivileged(tuple.client) else {
            return range.lowerBound + UInt16(position % UInt64(range.count))
        }
        return Self.privileged[Int(position % UInt64(Self.privileged.count))]
    }

    /// How many ports are to be tried for the connection of a client. Of the few below 1024 many may be in use.
    func attempts(for client: Endpoint) -> Int { Self.isPrivileged(client) ? Self.privileged.count : 8 }

    private static func isPrivileged(_ client: Endpoint) -> Bool { client.port < 1024 }

    /// From 512 on, as rshd and rlogind want it, and below 665, where Linux's NFS clients begin (sunrpc.min_resvport);
    /// without those on which routers have services, or their management controllers (623, 664). A port that a service
    /// listens on all the same can't be bound.
    static let privileged: [UInt16] = (516...663).filter { port in
        ![
            517, 518, 520, 521, 525, 530, 531, 532, 533, 540, 543, 544, 546, 547, 548, 554, 563, 587, 593, 623, 631,
            636,
            646, 647, 655,
        ].contains(port)
    }
}
