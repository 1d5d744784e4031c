/// What a simulation of many processors has come to.
public struct CoreOutcome: Sendable, Hashable {
    /// Connections, or packets of bulk, in a second.
    public let perSecond: Double
    /// Of the time of all processors, what went by in waiting for each lock.
    public let waiting: [SharedLock: Double]
    /// Of the time, that in which somebody had the lock.
    public let held: [SharedLock: Double]
    /// Of its time, what each processor worked or waited for locks.
    public let busy: [Double]

    /// What has no time left while processors have: nil when all of them are busy, and no lock is.
    public var limit: String? {
        if let lock = SharedLock.allCases.max(by: { held[$0, default: 0] < held[$1, default: 0] }),
            held[lock, default: 0] > 0.9
        {
            return lock.rawValue
        }
        let mean = busy.reduce(0, +) / Double(busy.count)
        return mean < 0.9 ? "the busiest thread" : nil
    }
}
