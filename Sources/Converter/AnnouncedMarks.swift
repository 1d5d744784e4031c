import LinuxSystem
import Policy
import Synchronization
import Wire

/// The marks of SYNs that go in before their server is dialled (`connect = "split"`), from the packet path, which sees
/// them, to the worker that dials after accept.
final class AnnouncedMarks: Sendable {
    private let marks = Mutex(BoundedMemory<FourTuple, UInt32>(capacity: 16384))
    /// As long as a client may take to complete its handshake.
    private static let lifetime: UInt64 = 10_000_000_000

    func announce(_ mark: UInt32, of tuple: FourTuple) {
        let now = MonotonicTime.now.nanoseconds
        marks.withLock { $0.remember(mark, for: tuple, at: now, lifetime: Self.lifetime) }
    }

    /// 0 when none was announced.
    func mark(of tuple: FourTuple) -> UInt32 {
        let now = MonotonicTime.now.nanoseconds
        return marks.withLock { $0.value(for: tuple, at: now) } ?? 0
    }
}
