import Base
import HandOver
import Handshake
import LinuxSystem
import Synchronization
import Wire

/// The ways of SYNs that go in before their server is dialled (`connect = "split"`), from the packet path, which sees
/// them, to the worker that dials after accept.
final class AnnouncedWays: Sendable {
    private let ways = Mutex(BoundedMemory<FourTuple, Way>(capacity: 16384))
    /// As long as a client may take to complete its handshake.
    private static let lifetime: UInt64 = 10_000_000_000

    func announce(_ way: Way, of tuple: FourTuple) {
        let now = MonotonicTime.now.nanoseconds
        ways.withLock { $0.remember(way, for: tuple, at: now, lifetime: Self.lifetime) }
    }

    /// nil when none was announced.
    func way(of tuple: FourTuple) -> Way? {
        let now = MonotonicTime.now.nanoseconds
        return ways.withLock { $0.value(for: tuple, at: now) }
    }

    func write(to writer: inout RecordWriter) {
        let all = ways.withLock { $0.all(at: MonotonicTime.now.nanoseconds) }
        writer.write(all: all) { writer, entry in
            writer.write(entry.key)
            for number in [entry.value.mark, entry.value.inDevice, entry.value.outDevice] { writer.write(number) }
            writer.write(entry.value.dscp.trafficClass)
            writer.write(entry.value.maximumSegmentSize) { $0.write($1) }
        }
    }

    func adopt(from reader: inout RecordReader) throws(RecordError) {
        let all = try reader.all { (reader) throws(RecordError) in
            let tuple = try reader.tuple()
            let way = Way(
                mark: try reader.number(), inDevice: try reader.number(), outDevice: try reader.number(),
                dscp: DSCP(trafficClass: try reader.number()),
                maximumSegmentSize: try reader.optional { (reader) throws(RecordError) in try reader.number() })
            return (tuple, way)
        }
        for (tuple, way) in all { announce(way, of: tuple) }
    }
}
