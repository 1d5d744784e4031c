import LinuxSystem
import Logging
import Synchronization
import SystemPackage
import Wire

/// What the log says of SYNs: each thing rarely enough that a flood of them doesn't fill it, whichever queue they come to.
final class SYNReports: Sendable {
    private struct State {
        var unavailablePorts: Set<UInt16> = []
        var malformedLimit = RateLimit(every: .seconds(10))
        var notTakenLimit = RateLimit(every: .seconds(10))
        var injectionLimit = RateLimit(every: .seconds(10))
        var leadLimit = RateLimit(every: .seconds(10))
    }

    private let log: Logger
    private let state = Mutex(State())
    /// So that the lock isn't taken for each SYN that goes in.
    private let hasUnavailablePorts = Atomic<Bool>(false)

    init(_ log: Logger) { self.log = log }

    func malformed(_ error: WireError) {
        guard let suppressed = state.withLock({ $0.malformedLimit.pass(.now) }) else { return }
        log.notice("malformed SYN forwarded: \(error) (\(suppressed) more not logged)")
    }

    /// It was dropped on its way from the TUN device.
    func notTaken(_ tuple: FourTuple, device: String) {
        guard let suppressed = state.withLock({ $0.notTakenLimit.pass(.now) }) else { return }
        log.warning(
            """
            \(tuple): its SYN was dropped on the way from \(device) to the listener, so it is not converted \
            (\(suppressed) more not logged); look for an rpfilter match or an nftables chain that drops packets on \
            \(device), and let it accept iifname "\(device)"
            """)
    }

    func injectionFailed(_ error: Errno, device: String) {
        guard let suppressed = state.withLock({ $0.injectionLimit.pass(.now) }) else { return }
        log.error("can't write to \(device): \(error) (\(suppressed) more not logged)")
    }

    /// A join can't be led to the box that has its connection.
    func notLed(_ error: SystemError) {
        guard let suppressed = state.withLock({ $0.leadLimit.pass(.now) }) else { return }
        log.error("a join can't be led to its box of the cluster: \(error) (\(suppressed) more not logged)")
    }

    /// A service has the port. Once for each port, until it can be had.
    func occupied(_ port: UInt16) {
        guard isNew(port) else { return }
        log.warning(
            """
            port \(port) is taken by a service of this router, so connections to it are not converted; \
            bind that service to its own address instead of the wildcard
            """)
    }

    /// No listener can be had on the port, for whatever reason. Once for each port, until it can.
    func unavailable(_ port: UInt16, _ error: SystemError) {
        if error.errno == .addressInUse { return occupied(port) }
        guard isNew(port) else { return }
        log.error("no listener on port \(port), so connections to it are not converted: \(error)")
    }

    func available(_ port: UInt16) {
        guard hasUnavailablePorts.load(ordering: .relaxed) else { return }
        state.withLock { state in
            state.unavailablePorts.remove(port)
            hasUnavailablePorts.store(!state.unavailablePorts.isEmpty, ordering: .relaxed)
        }
    }

    private func isNew(_ port: UInt16) -> Bool {
        state.withLock { state in
            hasUnavailablePorts.store(true, ordering: .relaxed)
            return state.unavailablePorts.insert(port).inserted
        }
    }
}
