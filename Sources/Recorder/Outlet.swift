import LinuxSystem
import PacketTap
import TraceOutput
import Wire

/// Where a reader's bytes go.
protocol TraceSink: AnyObject {
    /// Can it take so many bytes more? When not, records are dropped instead of encoded.
    func hasRoom(beside bytes: Int) -> Bool
    /// Is it time for the next file, if so many bytes are still to come?
    func isDue(with bytes: Int) -> Bool
    /// Takes all, or throws and has taken nothing.
    func write(_ bytes: [UInt8]) throws(SystemError)
    /// Begins the next file.
    func rotate() throws(SystemError)
    func close()
}

/// A reader, and what has become of its records. The trace thread's.
final class Outlet {
    let id: UInt64
    let reader: TraceReader
    private let sink: any TraceSink
    private var encoder: Encoder
    private let isFile: Bool
    private var written: [UInt32: UInt64] = [:]
    /// In the encoder, the sink hasn't taken them yet.
    private var pending: [UInt32: UInt64] = [:]
    private var events = Events()
    /// Records and events.
    private var frames = 0
    /// What the file at hand began with.
    private var fileStart = Tally()
    private var lastWrite = MonotonicTime.now
    private let openedAt = MonotonicTime.now
    private var closedAt: MonotonicTime?
    private(set) var answer: (@Sendable (TraceTotals?) -> Void)?
    private(set) var failure: SystemError?

    private struct Tally {
        var time = WallClock.nanoseconds
        var written: [UInt32: UInt64] = [:]
        var dropped: [UInt32: UInt64] = [:]
    }

    /// What has become of steering events.
    private struct Events {
        var pending: UInt64 = 0
        var written: UInt64 = 0
        var dropped: UInt64 = 0
    }

    /// Bytes that gather before the sink is given them.
    private static let chunk = 256 << 10
    private static let silence = Duration.seconds(5)

    init(_ id: UInt64, _ reader: TraceReader, _ encoder: consuming Encoder, _ sink: any TraceSink, isFile: Bool) {
        self.id = id
        self.reader = reader
        self.sink = sink
        self.encoder = encoder
        self.isFile = isFile
    }

    var isClosing: Bool { closedAt != nil }

    func isOver(before horizon: MonotonicTime) -> Bool { closedAt.map { $0 < horizon } ?? false }

    var totals: TraceTotals {
        TraceTotals(
            id: id, kind: isFile ? .file : .live, matched: reader.matched.load(ordering: .relaxed),
            written: written.values.reduce(0, +), dropped: reader.dropped.total, events: events.written,
            droppedEvents: events.dropped)
    }

    /// Writes what a file begins with.
    func begin() throws(SystemError) {
        encoder.begin()
        try sink.write(encoder.bytes)
        encoder.removeAll()
    }

    func take(
        _ record: borrowing TraceRecord, _ packet: RawSpan, time: Int64, trafficClass: String?, owner: String?,
        interfaceName: (UInt32) -> String
    ) {
        guard makeRoom(interfaceName) else { return reader.dropped.count(record.interface) }
        frames += 1
        encoder.append(
            record, packet, frame: frames, time: time, trafficClass: trafficClass, owner: owner,
            interfaceName: interfaceName)
        pending[record.interface, default: 0] += 1
    }

    /// Takes what was decided at `time` while it was open, if the filter lets it through.
    func take(_ event: SteeringEvent, decided time: MonotonicTime, interfaceName: (UInt32) -> String) {
        guard reader.filter.showsSteering, openedAt <= time, closedAt.map({ time < $0 }) ?? true else { return }
        guard makeRoom(interfaceName) else { return events.dropped += 1 }
        frames += 1
        encoder.append(event, frame: frames)
        events.pending += 1
    }

    /// Is there room for one more, in the next file if need be?
    private func makeRoom(_ interfaceName: (UInt32) -> String) -> Bool {
        if encoder.bytes.count >= Self.chunk { flush(at: .now) }
        if failure == nil, sink.isDue(with: encoder.bytes.count) { rotate(interfaceName) }
        return failure == nil && sink.hasRoom(beside: encoder.bytes.count)
    }

    /// Gives the sink what has gathered. When it fails, that is dropped, and the outlet ends.
    func flush(at now: MonotonicTime) {
        guard failure == nil else { return }
        if encoder.bytes.isEmpty {
            guard !isFile, lastWrite + Self.silence < now else { return }
            lastWrite = now
            return attempt { sink throws(SystemError) in try sink.write(encoder.keepalive) }
        }
        lastWrite = now
        attempt { sink throws(SystemError) in try sink.write(encoder.bytes) }
        for (interface, count) in pending {
            if failure == nil {
                written[interface, default: 0] += count
            } else {
                reader.dropped.count(interface, by: count)
            }
        }
        pending.removeAll(keepingCapacity: true)
        if failure == nil { events.written += events.pending } else { events.dropped += events.pending }
        events.pending = 0
        encoder.removeAll()
    }

    private func attempt(_ body: (any TraceSink) throws(SystemError) -> Void) {
        do throws(SystemError) {
            try body(sink)
        } catch {
            failure = error
            closedAt = closedAt ?? .now
        }
    }

    private func rotate(_ interfaceName: (UInt32) -> String) {
        flush(at: .now)
        guard failure == nil else { return }
        finish(interfaceName)
        attempt { sink throws(SystemError) in
            try sink.rotate()
            try begin()
        }
        fileStart = Tally(written: written, dropped: reader.dropped.byInterface)
    }

    /// The file's last blocks.
    private func finish(_ interfaceName: (UInt32) -> String) {
        encoder.end(statistics(interfaceName))
        flush(at: .now)
    }

    private func statistics(_ interfaceName: (UInt32) -> String) -> [InterfaceStatistics] {
        let dropped = reader.dropped.byInterface
        return Set(written.keys).union(dropped.keys).sorted().map { index in
            InterfaceStatistics(
                interface: index, name: interfaceName(index),
                written: (written[index] ?? 0) - (fileStart.written[index] ?? 0),
                dropped: (dropped[index] ?? 0) - (fileStart.dropped[index] ?? 0), start: fileStart.time,
                end: WallClock.nanoseconds)
        }
    }

    /// No packets are noted for it any more; it is over when those that were have come.
    func close(at now: MonotonicTime, _ answer: @escaping @Sendable (TraceTotals?) -> Void) {
        closedAt = now
        self.answer = answer
    }

    func end(_ interfaceName: (UInt32) -> String) {
        flush(at: .now)
        if failure == nil { finish(interfaceName) }
        sink.close()
    }
}
