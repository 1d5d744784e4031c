import Inspector
import LinuxSystem
import Logging
import NetfilterQueue
import PacketTap
import SharedTracking
import Synchronization

/// Segments with data through a queue DATA and its reader: received, read, followed, let go.
final class DataQueueWork: Work {
    let thread: String? = "path 0"

    private static let queueNumber: UInt16 = 2
    private let loopback: Loopback
    private let inspector: DataInspector
    private let loop: LoopThread
    private let counters = InspectorCounters()
    private let burst: Int
    private var connection = MadeUpConnection(1)
    private let board = TraceBoard()

    /// `burst`: how many are sent before it is waited for them. With a trace, each is noted for a reader, whose ring is full
    /// before long: then it is dropped.
    init(burst: Int, isTraced: Bool = false) throws {
        self.burst = burst
        loopback = try Loopback()
        try loopback.lead(port: connection.ends[1].port, to: Self.queueNumber)
        loop = try LoopThread(named: "path 0")
        inspector = try DataInspector(
            queue: PacketQueue(Self.queueNumber, .init(copyRange: 192, maximumLength: 1024, gso: true)),
            watch: ConnectionWatch(connections: 1024), segmentSizes: SegmentSizes(), tap: TraceTap(board),
            counters: counters,
            log: Logger(label: "guard"), on: loop)
        try loop.start()
        if isTraced { _ = board.publish([TraceReader(.all)]) }
        for (index, packet) in connection.handshake.enumerated() {
            try loopback.send(packet, to: connection.ends[index == 1 ? 0 : 1])
            try waitForAll(UInt64(index + 1))
        }
    }

    func run(_ count: Int) throws {
        var seen = counters.dataPackets.load(ordering: .relaxed)
        let ends = connection.ends
        for start in stride(from: 0, to: count, by: burst) {
            let packets = min(burst, count - start)
            for _ in 0..<packets {
                try connection.withNext { from, packet in try loopback.send(packet, to: ends[1 - from]) }
            }
            seen += UInt64(packets)
            try waitForAll(seen)
        }
    }

    private func waitForAll(_ count: UInt64) throws {
        try wait(for: "the data queue's thread") { counters.dataPackets.load(ordering: .relaxed) >= count }
    }

    func stop() {
        inspector.stop()
        loop.join()
    }
}
