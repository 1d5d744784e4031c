import LinuxSystem

/// What becomes of a session whose daemon has died: decided by how many bytes its sockets have taken and been given. Pure.
///
/// What was read from one socket and not yet written to the other was in the daemon's hands. It is known how many bytes these are,
/// and where in the stream; if a buffer that is left covers them, the session goes on with them. Else bytes are gone, or it isn't
/// known whether, and it can't.
enum SessionSalvage {
    /// A buffer that is left: where in the stream it begins, and how much it can hold.
    struct Buffer: Hashable {
        var base: UInt64
        var capacity = HalfDuplex.largestChunk
    }

    /// What is left of one direction.
    struct Remains: Hashable {
        /// Bytes that its destination hadn't taken wait here.
        var waiting: Buffer?
        /// Its bytes were the last that its worker moved. They begin here; the last ones may be in the pipe.
        var moving: Buffer?
        var inPipe = 0
    }

    /// Where the bytes are that go on.
    enum Rest: Hashable {
        case nothing
        case waiting(Range<Int>)
        /// Behind these come those in the pipe.
        case moving(Range<Int>, inPipe: Int)
    }

    struct Direction: Hashable {
        /// Bytes that its destination was given.
        var given: UInt64
        var rest: Rest
    }

    enum Verdict: Hashable {
        case goesOn(Direction)
        case resets(Reason)
    }

    enum Reason: String, Hashable, Sendable {
        /// One side was reset.
        case reset = "reset by an end"
        /// Bytes have died with the daemon.
        case bytes = "bytes lost"
        /// The counts make no sense together.
        case counts = "counts that don't fit"
        /// The kernel doesn't tell.
        case unknown = "not known"
    }

    /// - Parameters:
    ///   - source: Its socket's counts; nil: not known.
    ///   - destination: The other socket's.
    static func judge(from source: StreamCounts?, to destination: StreamCounts?, _ remains: Remains) -> Verdict {
        guard let source, let destination else { return .resets(.unknown) }
        guard !source.hasFailed, !destination.hasFailed else { return .resets(.reset) }
        guard source.unread <= source.received else { return .resets(.counts) }
        let taken = source.taken
        // The end of the stream is passed on once all else has been; and counts as a byte.
        let hasPassedEnd = source.hasEnded && destination.given == taken &+ 1
        guard destination.given <= taken || hasPassedEnd else { return .resets(.counts) }
        let given = min(destination.given, taken)
        let count = taken - given
        guard count > 0 else {
            return remains.inPipe == 0 ? .goesOn(Direction(given: given, rest: .nothing)) : .resets(.counts)
        }
        // Of one that has ended both ways it isn't certain whether its end counts.
        guard !source.isClosed, !destination.isClosed else { return .resets(.reset) }
        if remains.inPipe == 0, let range = range(of: remains.waiting, from: given, to: taken) {
            return .goesOn(Direction(given: given, rest: .waiting(range)))
        }
        guard remains.inPipe <= count,
            let range = range(of: remains.moving, from: given, to: taken - UInt64(remains.inPipe))
        else { return .resets(.bytes) }
        return .goesOn(Direction(given: given, rest: .moving(range, inPipe: remains.inPipe)))
    }

    private static func range(of buffer: Buffer?, from given: UInt64, to end: UInt64) -> Range<Int>? {
        guard let buffer, buffer.base <= given, end - buffer.base <= UInt64(buffer.capacity) else { return nil }
        return Int(given - buffer.base)..<Int(end - buffer.base)
    }
}
