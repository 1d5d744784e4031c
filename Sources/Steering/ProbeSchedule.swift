/// When a path that nobody uses is tried again, so that its round trip is known. Each for a moment, one after the
/// other.
struct ProbeSchedule {
    /// When each was left, or last tried.
    private var begun: [String: UInt64] = [:]
    private var current: (name: String, since: UInt64)?

    /// Long enough for some round trips of a few hundred milliseconds.
    private static let span: UInt64 = 400_000_000
    /// What has been learned is believed for a while.
    private static let least: UInt64 = 2_000_000_000

    /// - Parameter idle: the paths that nobody uses.
    /// - Returns: those that are to be tried now.
    mutating func turn(of idle: Set<String>, every interval: UInt64, at now: UInt64) -> Set<String> {
        begun = begun.filter { idle.contains($0.key) }
        // From the time on at which it was left.
        for name in idle where begun[name] == nil { begun[name] = now }
        if let (name, since) = current {
            if idle.contains(name), now - since < Self.span { return [name] }
            if idle.contains(name) { begun[name] = now }
            current = nil
        }
        let due = begun.filter { now - $0.value >= max(interval, Self.least) }
        guard let next = due.min(by: { ($0.value, $0.key) < ($1.value, $1.key) })?.key else { return [] }
        current = (next, now)
        return [next]
    }
}
