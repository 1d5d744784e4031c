import Base
import LinuxSystem
import Synchronization
import Wire

/// The DSCPs of servers, from the packet path, which sees their segments as long as they have one, to the workers: a TCP
/// socket that has connected doesn't tell (net/ipv4/ip_sockglue.c, IP_PKTOPTIONS knows only what a listener has seen).
final class ServerCodePoints: Sendable {
    private struct Seen: Sendable {
        let dscp: DSCP
        let at: UInt64
    }

    private let memory = Mutex(BoundedMemory<FourTuple, Seen>(capacity: 16384))
    /// Most routers see none.
    private let isUsed = Atomic(false)

    /// Nothing seen for so long, the server sends without one again.
    private static let lifetime: UInt64 = 2_000_000_000
    /// What is known is not written again for so long.
    private static let renewal: UInt64 = 500_000_000

    /// A segment of an upstream connection had this DSCP.
    func note(_ dscp: DSCP, of upstream: FourTuple, at now: UInt64 = MonotonicTime.now.nanoseconds) {
        memory.withLock { memory in
            if let seen = memory.value(for: upstream, at: now), seen.dscp == dscp, now < seen.at + Self.renewal {
                return
            }
            memory.remember(Seen(dscp: dscp, at: now), for: upstream, at: now, lifetime: Self.lifetime)
        }
        isUsed.store(true, ordering: .relaxed)
    }

    /// nil as long as no server has been seen with one.
    func latest(of upstream: @autoclosure () -> FourTuple?, at now: UInt64) -> DSCP? {
        guard isUsed.load(ordering: .relaxed), let upstream = upstream() else { return nil }
        return memory.withLock { $0.value(for: upstream, at: now) }?.dscp ?? .standard
    }
}
