import LinuxSystem
import Synchronization

/// What the Converter has done since the start. Each is added to by workers and read by whoever asks.
public final class ConverterCounters: Sendable {
    /// Connections open now, dialled ones included.
    public let open = Atomic<Int>(0)
    public let dials = Atomic<UInt64>(0)
    public let dialFailures = Atomic<UInt64>(0)
    /// Clients whose handshake completed.
    public let accepted = Atomic<UInt64>(0)
    /// Upstream connections whose client never completed its handshake.
    public let clientTimeouts = Atomic<UInt64>(0)
    /// Sessions that a reset of either side ended.
    public let resets = Atomic<UInt64>(0)
    public let idleTimeouts = Atomic<UInt64>(0)
    /// Sessions that an operator ended.
    public let closedByOperator = Atomic<UInt64>(0)
    /// Sessions that were reset because bytes of theirs were lost inside this machine.
    public let relayFaults = Atomic<UInt64>(0)
    /// Sessions of a daemon that has died: those that went on, and those that could not.
    public let salvaged = Atomic<UInt64>(0)
    public let lost = Atomic<UInt64>(0)
    public let bytesToClient = Atomic<UInt64>(0)
    public let bytesToServer = Atomic<UInt64>(0)
    /// From the client's SYN, as its queue hands it over, until the SYN to the server has been sent. Of those that were held.
    public let synConversion = LatencyHistogram()
    /// From the last byte's coming in, as the kernel has it, until it has been handed to the other side; of a sample of
    /// what did not have to wait for that side.
    public let dataToServer = LatencyHistogram()
    public let dataToClient = LatencyHistogram()

    package init() {}
}

extension Atomic<UInt64> {
    func count(_ amount: UInt64 = 1) { wrappingAdd(amount, ordering: .relaxed) }
}
