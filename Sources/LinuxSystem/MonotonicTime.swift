import Glibc

/// A point of CLOCK_MONOTONIC in nanoseconds: cheap to read (vDSO), compare and store.
public struct MonotonicTime: Comparable, Hashable, Sendable {
    public let nanoseconds: UInt64

    @inlinable
    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    public static var now: MonotonicTime {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicTime(nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
    }

    @inlinable
    public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    @inlinable
    public static func + (time: Self, duration: Duration) -> Self {
        let (seconds, attoseconds) = duration.components
        let nanoseconds = UInt64(max(0, seconds)) &* 1_000_000_000 &+ UInt64(max(0, attoseconds) / 1_000_000_000)
        return Self(nanoseconds: time.nanoseconds &+ nanoseconds)
    }

    @inlinable
    public static func - (time: Self, duration: Duration) -> Self {
        let length = (Self(nanoseconds: 0) + duration).nanoseconds
        return Self(nanoseconds: time.nanoseconds > length ? time.nanoseconds - length : 0)
    }

    /// Nanoseconds from `earlier` to now; 0 if it lies ahead.
    @inlinable
    public func nanoseconds(since earlier: Self) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
    }

    /// Milliseconds from `now` until this time, rounded up, for epoll_wait; 0 when it has passed.
    public func milliseconds(from now: Self) -> Int32 {
        Int32(clamping: (nanoseconds(since: now) + 999_999) / 1_000_000)
    }
}
