/// What a thread of the box does at a time for a connection.
public struct CoreWork: Sendable, Hashable {
    /// On which thread.
    public enum Place: Sendable, Hashable {
        /// The one that decides about its SYN.
        case desk
        /// The worker that accepts on the listener of the port: one for all connections to it.
        case acceptor
        /// The worker to which the connection belongs.
        case worker
        /// The reader of the queue to which its packets go.
        case queue
    }

    public let place: Place
    /// Nanoseconds on the processor, in the kernel or not, without what is done under locks.
    public let alone: Double
    /// Taken one after the other.
    public let holds: [LockHold]

    public init(_ place: Place, _ alone: Double, _ holds: [LockHold] = []) {
        self.place = place
        self.alone = alone
        self.holds = holds
    }
}
