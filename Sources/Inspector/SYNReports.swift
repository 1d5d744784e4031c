import LinuxSystem
import Logging
import SystemPackage
import Wire

/// What the log says of SYNs: each thing rarely enough that a flood of them doesn't fill it.
struct SYNReports {
    private let log: Logger
    private var unavailablePorts: Set<UInt16> = []
    private var malformedLimit = RateLimit(every: .seconds(10))
    private var notTakenLimit = RateLimit(every: .seconds(10))
    private var injectionLimit = RateLimit(every: .seconds(10))
    private var leadLimit = RateLimit(every: .seconds(10))

    init(_ log: Logger) { self.log = log }

    mutating func malformed(_ error: WireError) {
        guard let suppressed = malformedLimit.pass(.now) else { return }
        log.notice("malformed SYN forwarded: \(error) (\(suppressed) more not logged)")
    }

    /// It was dropped on its way from the TUN device.
    mutating func notTaken(_ tuple: FourTuple, device: String) {
        guard let suppressed = notTakenLimit.pass(.now) else { return }
        log.warning(
            """
            \(tuple): its SYN was dropped on the way from \(device) to the listener, so it is not converted \
            (\(suppressed) more not logged); look for an rpfilter match or an nftables chain that drops packets on \
            \(device), and let it accept iifname "\(device)"
            """)
    }

    mutating func injectionFailed(_ error: Errno, device: String) {
        guard let suppressed = injectionLimit.pass(.now) else { return }
        log.error("can't write to \(device): \(error) (\(suppressed) more not logged)")
    }

    /// A join can't be led to the box that has its connection.
    mutating func notLed(_ error: SystemError) {
        guard let suppressed = leadLimit.pass(.now) else { return }
        log.error("a join can't be led to its box of the cluster: \(error) (\(suppressed) more not logged)")
    }

    /// A service has the port. Once for each port, until it can be had.
    mutating func occupied(_ port: UInt16) {
        guard unavailablePorts.insert(port).inserted else { return }
        log.warning(
            """
            port \(port) is taken by a service of this router, so connections to it are not converted; \
            bind that service to its own address instead of the wildcard
            """)
    }

    /// No listener can be had on the port, for whatever reason. Once for each port, until it can.
    mutating func unavailable(_ port: UInt16, _ error: SystemError) {
        if error.errno == .addressInUse { return occupied(port) }
        guard unavailablePorts.insert(port).inserted else { return }
        log.error("no listener on port \(port), so connections to it are not converted: \(error)")
    }

    mutating func available(_ port: UInt16) { unavailablePorts.remove(port) }
}
