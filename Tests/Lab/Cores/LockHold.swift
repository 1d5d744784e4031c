/// For how long a lock is held by one who comes for it.
public struct LockHold: Sendable, Hashable {
    public let lock: SharedLock
    /// Nanoseconds, if the same processor had it last.
    public let alone: Double
    /// If another one had: its cache lines have to be fetched.
    public let contended: Double

    public init(_ lock: SharedLock, alone: Double, contended: Double) {
        self.lock = lock
        self.alone = alone
        self.contended = contended
    }
}
