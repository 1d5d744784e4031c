import Lab

/// What clients' and boxes' counters say of joins; of a time, as a difference of two.
struct ClusterCounts: Sendable {
    /// MP_JOIN SYNs that the client's kernel has sent, and answers to them that it has had.
    var sent: UInt64 = 0
    var answered: UInt64 = 0
    /// Joins that have come to their owner, those that were led to it among them.
    var joined: UInt64 = 0
    var led: UInt64 = 0
    /// What was passed on to the server: `pass: unknown token` and `pass: directory silent`.
    var unknown: UInt64 = 0
    var silent: UInt64 = 0
    var converted: UInt64 = 0
    /// Questions to the directory by what came of them.
    var lookups: [String: UInt64] = [:]

    init(_ lab: Lab, _ boxes: [SluiceDaemon]) async throws {
        let counters = try lab.counters(in: .client(0))
        sent = counters["MPTcpExtMPJoinSynTx"] ?? 0
        answered = counters["MPTcpExtMPJoinSynAckRx"] ?? 0
        for box in boxes {
            let status = try await BoxStatus.of(box)
            joined += status.decisions["intercept: join"] ?? 0
            led += status.decisions["pass: another box's connection"] ?? 0
            unknown += status.decisions["pass: unknown token"] ?? 0
            silent += status.decisions["pass: directory silent"] ?? 0
            converted += status.decisions.filter { $0.key.hasPrefix("intercept: ") && $0.key != "intercept: join" }
                .values.reduce(0, +)
            lookups.merge(status.cluster?.lookups ?? [:], uniquingKeysWith: +)
        }
    }

    private init() {}

    static func - (now: ClusterCounts, before: ClusterCounts) -> ClusterCounts {
        // Boxes may have been started anew meanwhile.
        let gone = { (now: UInt64, before: UInt64) in now >= before ? now - before : now }
        var all = ClusterCounts()
        all.sent = gone(now.sent, before.sent)
        all.answered = gone(now.answered, before.answered)
        all.joined = gone(now.joined, before.joined)
        all.led = gone(now.led, before.led)
        all.unknown = gone(now.unknown, before.unknown)
        all.silent = gone(now.silent, before.silent)
        all.converted = gone(now.converted, before.converted)
        all.lookups = now.lookups.reduce(into: [:]) { $0[$1.key] = gone($1.value, before.lookups[$1.key] ?? 0) }
        return all
    }

    var outcomes: String {
        let all = lookups.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        return all.isEmpty ? "none" : all.joined(separator: ", ")
    }
}
