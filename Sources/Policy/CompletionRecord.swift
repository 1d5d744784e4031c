/// Interfaces whose clients never complete their handshakes with the box: something on the router drops what its listeners
/// receive or answer (a filter of the router's own, zones of connection tracking), and each client would wait for nothing.
/// Times are nanoseconds of a steady clock, interfaces indices.
public struct CompletionRecord: Sendable {
    private struct Failures: Sendable {
        /// In a row.
        var count = 0
        var passUntil: UInt64 = 0
    }

    private var failures: [UInt32: Failures] = [:]

    /// One or two clients may have vanished.
    private static let limit = 3
    private static let passingTime: UInt64 = 600_000_000_000
    /// Where interfaces come and go by the thousand, as dialled-in clients do.
    private static let capacity = 4096

    public init() {}

    public mutating func completed(from interface: UInt32) {
        if failures[interface] != nil { failures[interface] = nil }
    }

    /// True when its SYNs pass from now on, for ten minutes; after these, one more failure is enough.
    public mutating func failed(from interface: UInt32, at now: UInt64) -> Bool {
        if failures.count >= Self.capacity { failures = [:] }
        var entry = failures[interface] ?? Failures()
        defer { failures[interface] = entry }
        entry.count += 1
        guard entry.count >= Self.limit, now >= entry.passUntil else { return false }
        entry.passUntil = now + Self.passingTime
        return true
    }

    public func passes(from interface: UInt32, at now: UInt64) -> Bool {
        failures[interface].map { now < $0.passUntil } ?? false
    }
}
