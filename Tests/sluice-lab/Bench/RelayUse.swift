/// What the program that carries the traffic has used, and what for.
struct RelayUse {
    /// Of Sluice's data queues.
    struct Reads: Decodable {
        let data: UInt64
        let dataReads: UInt64
    }

    /// Processor time.
    let seconds: Double
    let contextSwitches: Double
    /// Further subflows that clients have completed.
    let joins: Double
    let reads: Reads?

    static func - (left: Self, right: Self) -> Self {
        let reads = left.reads.flatMap { left in
            right.reads.map { Reads(data: left.data - $0.data, dataReads: left.dataReads - $0.dataReads) }
        }
        return Self(
            seconds: left.seconds - right.seconds, contextSwitches: left.contextSwitches - right.contextSwitches,
            joins: left.joins - right.joins, reads: reads)
    }

    /// nil when no packet came to a queue.
    var packetsPerWakeup: Double? {
        reads.flatMap { $0.dataReads > 0 ? Double($0.data) / Double($0.dataReads) : nil }
    }
}
