import Lab

/// A use of something that the daemon's threads share, made ready to be timed.
struct SharedUse: Sendable {
    let name: String
    /// Uses of one thread in a round.
    let count: Int
    /// Makes the shared thing anew; what it returns is the use: of this thread (0 or 1), and of this number. Each is made once
    /// at most.
    let prepare: @Sendable () throws -> @Sendable (_ thread: Int, _ number: Int) -> Void
}
