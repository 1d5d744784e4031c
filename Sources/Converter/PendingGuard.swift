import Synchronization
import Wire

/// Bounds the connections that the box opens at servers for clients that have yet to prove that they exist, so that a
/// flood of spoofed SYNs can't be turned on a server. A held SYN counts, and so does its upstream until the client has
/// completed its handshake.
final class PendingGuard: Sendable {
    private struct Counts {
        var total = 0
        var byClient: [IPAddress: Int] = [:]
    }

    private let counts = Mutex(Counts())
    private let limit: Int
    private let limitPerClient: Int

    init(limit: Int, limitPerClient: Int) {
        self.limit = limit
        self.limitPerClient = limitPerClient
    }

    /// Takes a place for the client; false when there is none.
    func admit(_ client: IPAddress) -> Bool {
        counts.withLock { counts in
            let key = Self.key(client)
            guard counts.total < limit, counts.byClient[key, default: 0] < limitPerClient else { return false }
            counts.total += 1
            counts.byClient[key, default: 0] += 1
            return true
        }
    }

    /// Takes a place that the client had with another daemon, whatever the limits.
    func adopt(_ client: IPAddress) {
        counts.withLock { counts in
            counts.total += 1
            counts.byClient[Self.key(client), default: 0] += 1
        }
    }

    func release(_ client: IPAddress) {
        counts.withLock { counts in
            let key = Self.key(client)
            counts.total -= 1
            let left = counts.byClient[key, default: 1] - 1
            counts.byClient[key] = left > 0 ? left : nil
        }
    }

    var total: Int { counts.withLock { $0.total } }

    /// A host can use any address of its IPv6 /64.
    static func key(_ client: IPAddress) -> IPAddress {
        client.isIPv4 ? client : IPAddress(high: client.high, low: 0)
    }
}
