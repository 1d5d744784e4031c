import Base
import Handshake
import LinuxSystem
import Synchronization
import Wire

/// The ways of SYNs that go in before their server is dialled (`connect = "split"`), from the packet path, which sees
/// them, to the worker that dials after accept.
final class AnnouncedWays: Sendable {
    private let ways = Mutex(BoundedMemory<FourTuple, Way>(capacity: 16384))
    /// As long as a client may take to complete its handshake.
    private static let lifetime: UInt64 = 10_000_000_000

    func announce(_ way: Way, of tuple: FourTuple) {
        let now = MonotonicTime.now.nanoseconds
        ways.withLock { $0.remember(way, for: tuple, at: now, lifetime: Self.lifetime) }
    }

    /// nil when none was announced.
    func way(of tuple: FourTuple) -> Way? {
        let now = MonotonicTime.now.nanoseconds
        return ways.withLock { $0.value(for: tuple, at: now) }
    }
}
