import Base
import Wire

/// SYNs that were put into the TUN device. Their retransmissions don't come to the queue, since the connmark leads them to the
/// listener, unless the first is still on its way there, or never got there. Times are nanoseconds of a steady clock.
struct InjectedSYNs: Sendable {
    enum Fate {
        case notInjected
        /// The kernel has yet to meet it: a copy that went on meanwhile would be another connection to
        /// the server.
        case underWay
        /// Something dropped it.
        case lost
    }

    private var times = BoundedMemory<SYNIdentity, UInt64>(capacity: 16384)

    /// Clients send a SYN again after a second, and then after two and four more.
    private static let lifetime: UInt64 = 10_000_000_000
    /// For how long one may be on its way. Below the second after which a client sends it again that wasn't held for long: it
    /// waits for that one alone.
    private static let wayTime: UInt64 = 500_000_000

    mutating func note(_ syn: SYNIdentity, at now: UInt64) {
        times.remember(now, for: syn, at: now, lifetime: Self.lifetime)
    }

    /// What has become of this very SYN, now that it comes to the queue.
    func fate(of syn: SYNIdentity, at now: UInt64) -> Fate {
        guard let injected = times.value(for: syn, at: now) else { return .notInjected }
        return now < injected + Self.wayTime ? .underWay : .lost
    }

    func all(at now: UInt64) -> [(key: SYNIdentity, value: UInt64, expiry: UInt64)] { times.all(at: now) }
}
