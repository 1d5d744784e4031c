import Converter
import Inspector
import LinuxSystem
import Synchronization

extension SharedUse {
    private static let count = 50_000

    /// What a data queue's reader adds once a turn.
    static let readerCounters = SharedUse(name: "counters of data queues: three, once a turn", count: count) {
        let counters = InspectorCounters()
        return { _, _ in
            counters.dataReads.wrappingAdd(1, ordering: .relaxed)
            counters.dataPackets.wrappingAdd(2, ordering: .relaxed)
            counters.dataBytes.wrappingAdd(200, ordering: .relaxed)
        }
    }

    /// What a worker adds when it has moved bytes.
    static let relayCounter = SharedUse(name: "counter of relayed bytes", count: count) {
        let counters = ConverterCounters()
        return { _, _ in counters.bytesToClient.wrappingAdd(100, ordering: .relaxed) }
    }

    /// One thread counts what it sends to clients, the other what it sends to servers.
    static let relayCounters = SharedUse(name: "counters of relayed bytes, one each", count: count) {
        let counters = ConverterCounters()
        return { thread, _ in
            if thread == 0 {
                counters.bytesToClient.wrappingAdd(100, ordering: .relaxed)
            } else {
                counters.bytesToServer.wrappingAdd(100, ordering: .relaxed)
            }
        }
    }

    /// How long something took.
    static let histogram = SharedUse(name: "histogram of delays", count: count) {
        let counters = ConverterCounters()
        return { _, number in counters.dataToClient.record(nanoseconds: UInt64(10_000 + number % 1000)) }
    }
}
