import Wire

/// To which of several queues a packet goes.
public enum QueueSelection: String, Sendable, CaseIterable {
    /// By the client's port: SYNs, as the daemon's rules have it, and data as well.
    case port
    /// `--queue-balance` (net/netfilter/xt_NFQUEUE.c): by a hash of the two addresses, the same both ways. All SYNs go to one
    /// queue. So it is where the kernel takes no programs in rules.
    case balance

    /// Numbers begin at 0. `secret`: drawn by the kernel, once for all rules.
    public func queue(of tuple: FourTuple, queues: Int, secret: UInt32) -> Int {
        switch self {
        case .balance: Int((UInt64(Self.hash(tuple, secret)) * UInt64(queues)) >> 32)
        case .port: PortSpread(count: queues).place(ofClientPort: tuple.client.port)
        }
    }

    /// hash_v4 of include/net/netfilter/nf_queue.h. The ports have no part in it.
    private static func hash(_ tuple: FourTuple, _ secret: UInt32) -> UInt32 {
        let words = [tuple.client.address, tuple.server.address].map { UInt32(truncatingIfNeeded: $0.low) }
        return jenkins(words.min()!, words.max()!, 6, secret)
    }

    /// In place of a hash of the daemon's own: any good one of the 4-tuple spreads as it does.
    static func ofTuple(_ tuple: FourTuple, _ secret: UInt32) -> UInt32 {
        let ports = UInt32(tuple.client.port) << 16 | UInt32(tuple.server.port)
        return jenkins(hash(tuple, secret), ports, 0, secret)
    }

    /// jhash_3words of include/linux/jhash.h.
    static func jenkins(_ first: UInt32, _ second: UInt32, _ third: UInt32, _ initial: UInt32) -> UInt32 {
        let start = initial &+ 0xdead_beef &+ 12
        var (a, b, c) = (first &+ start, second &+ start, third &+ start)
        func turned(_ value: UInt32, _ bits: UInt32) -> UInt32 { value << bits | value >> (32 - bits) }
        c = (c ^ b) &- turned(b, 14)
        a = (a ^ c) &- turned(c, 11)
        b = (b ^ a) &- turned(a, 25)
        c = (c ^ b) &- turned(b, 16)
        a = (a ^ c) &- turned(c, 4)
        b = (b ^ a) &- turned(a, 14)
        return (c ^ b) &- turned(b, 24)
    }
}
