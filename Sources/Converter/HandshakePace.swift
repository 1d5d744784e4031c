import LinuxSystem

/// How quickly the handshakes at one port follow each other.
struct HandshakePace {
    /// Handshakes since `spanBegan`, and in the span before.
    private var count = 0
    private var countBefore = 0
    private var spanBegan = MonotonicTime(nanoseconds: 0)

    /// So many handshakes within one span, or two, are quick succession.
    static let many = 8
    static let span = Duration.milliseconds(50)

    /// One more begins.
    mutating func count(at now: MonotonicTime) {
        if spanBegan + Self.span <= now {
            countBefore = isRecent(at: now) ? count : 0
            count = 0
            spanBegan = now
        }
        count += 1
    }

    func isQuick(at now: MonotonicTime) -> Bool { isRecent(at: now) && count + countBefore >= Self.many }

    /// Does what has been counted still matter?
    func isRecent(at now: MonotonicTime) -> Bool { now < spanBegan + Self.span + Self.span }
}
