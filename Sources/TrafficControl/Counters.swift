import CNetlinkRoute

extension TrafficControl {
    func readCounters(_ device: UInt32) throws(TrafficControlError) -> [UInt8: ClassCounters] {
        let qdiscs = try socket.qdiscs(device)
        var byNumber: [UInt8: ClassCounters] = [:]
        for object in try socket.classes(device) where object.handle.qdisc == Shaper.handle {
            guard let number = UInt8(exactly: object.handle.minor) else { continue }
            var counters = object.counters
            // HTB counts what its leaf refuses, not what that drops later to make room, as fq_codel does; the leaf
            // counts both.
            let leaf = qdiscs.first { $0.parent == object.handle }
            counters.drops = max(counters.drops, leaf?.counters.drops ?? 0)
            byNumber[number] = counters
        }
        return byNumber
    }
}

extension TrafficObject {
    /// What TCA_STATS2 says (linux/gen_stats.h).
    fileprivate var counters: ClassCounters {
        let statistics = attributes.find(TCA_STATS2)?.nested ?? []
        var counters = ClassCounters()
        if let basic = statistics.find(TCA_STATS_BASIC)?.value(as: gnet_stats_basic.self) {
            counters.bytes = basic.bytes
            counters.packets = UInt64(basic.packets)
        }
        if let packets = statistics.find(TCA_STATS_PKT64)?.value(as: UInt64.self) { counters.packets = packets }
        if let queue = statistics.find(TCA_STATS_QUEUE)?.value(as: gnet_stats_queue.self) {
            counters.drops = UInt64(queue.drops)
            counters.overlimits = UInt64(queue.overlimits)
            counters.backlog = UInt64(queue.backlog)
        }
        return counters
    }
}
