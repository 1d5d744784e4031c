/// Spreads connections over queues, and the threads that read them, by the client's port. Rules in the kernel do the same
/// (`Firewall/SpreadProgram.swift`).
///
/// Its lowest bit isn't used: Linux gives even ports to sockets that connect (net/ipv4/inet_hashtables.c,
/// `__inet_hash_connect`).
public struct PortSpread: Hashable, Sendable {
    /// How many places there are, one at least.
    public let count: Int

    public init(count: Int) { self.count = max(1, count) }

    /// From 0 to `count` - 1.
    public func place(ofClientPort port: UInt16) -> Int { Int(port >> 1) % count }

    /// Which of so many threads has the connection: that of its place, or, where there are more threads than places, one of those
    /// that share the place's connections by `hash`.
    public func thread(ofClientPort port: UInt16, hash: UInt, among threads: Int) -> Int {
        let place = place(ofClientPort: port)
        guard threads > count else { return place % threads }
        let sharers = (threads - place + count - 1) / count
        return place + count * Int(hash % UInt(sharers))
    }
}
