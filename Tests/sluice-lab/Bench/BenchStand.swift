import Lab
import Wire

/// A lab in which one contender is measured: for one round, under some circumstances.
struct BenchStand {
    /// Client addresses. Who connects to servers from them needs a port for each connection, and a port rests for a minute
    /// then (TIME_WAIT); each address has some 28,000 of them for a server. This is enough for twenty times the connections
    /// of one lab's measurements, 2 seconds each, at 10,000 a second.
    static let addressCount = 64

    let contender: Contender
    let circumstances: Circumstances
    let lab: Lab
    /// What carries the traffic, if that isn't the kernel alone.
    let relay: Relay?
    /// To connect from, by turns.
    let addresses: [IPAddress]
}
