/// Interfaces whose clients never complete their handshakes with the box: something on the router drops what its listeners
/// receive or answer (a filter of the router's own, zones of connection tracking), and each client would wait for nothing.
/// Times are nanoseconds of a steady clock, interfaces indices.
public struct CompletionRecord: Sendable {
    private struct Entry: Sendable {
        /// In a row.
        var failures = 0
        var passUntil: UInt64 = 0
        var lastCompleted: UInt64?
    }

    private var entries: [UInt32: Entry] = [:]

    /// One or two clients may have vanished.
    private static let limit = 3
    /// Where one has completed its handshake within an hour, others that don't are a flood, or gone.
    private static let trust: UInt64 = 3_600_000_000_000
    private static let passingTime: UInt64 = 600_000_000_000
    /// Where interfaces come and go by the thousand, as dialled-in clients do.
    private static let capacity = 4096

    public init() {}

    public mutating func completed(from interface: UInt32, at now: UInt64) {
        makeRoom()
        entries[interface] = Entry(lastCompleted: now)
    }

    /// True when its SYNs pass from now on, for ten minutes; after these, one more failure is enough.
    public mutating func failed(from interface: UInt32, at now: UInt64) -> Bool {
        makeRoom()
        var entry = entries[interface] ?? Entry()
        if let last = entry.lastCompleted, now < last + Self.trust { return false }
        defer { entries[interface] = entry }
        entry.failures += 1
        guard entry.failures >= Self.limit, now >= entry.passUntil else { return false }
        entry.passUntil = now + Self.passingTime
        return true
    }

    public func passes(from interface: UInt32, at now: UInt64) -> Bool {
        entries[interface].map { now < $0.passUntil } ?? false
    }

    private mutating func makeRoom() {
        if entries.count >= Self.capacity { entries = [:] }
    }
}
