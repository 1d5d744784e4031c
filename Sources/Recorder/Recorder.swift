// Recorder: the trace thread. It takes what packet threads have noted out of their rings, in the order of the verdicts,
// and writes it to files and to whoever looks on, as pcapng, JSON lines or text.
//
//     queue threads ── TraceTap ──▶ ring ──▶ trace thread ──▶ Outlet ── Encoder ──▶ FileSink   a file, rotated
//                       filter                                        │             LiveSink   somebody who looks on
//                                                                     └ one for each reader
//
// It is never in the way: packet threads don't wait for it. What it can't take is dropped, and counted where it is lost:
// by the packet thread when the ring is full, here when a file's disk is full or who looks on doesn't read. For each reader,
// packets that passed its filter = records written + records dropped.
//
// Steering events come by its mailbox, and find their places by their times.
//
// It knows nothing of what a packet is; PacketTap notes it, and TraceOutput says it. With nobody there it sleeps.

import LinuxSystem
import Logging
import PacketTap
import Synchronization
import TraceOutput
import Wire

public final class Recorder: Sendable {
    enum Message: Sendable {
        case open(TraceReader, TraceTarget, @Sendable (Result<UInt64, any Error>) -> Void)
        case close(UInt64, @Sendable (TraceTotals?) -> Void)
        /// With its time of the monotonic clock.
        case note(SteeringEvent, decided: MonotonicTime)
        case list(@Sendable ([TraceTotals]) -> Void)
        case sums(@Sendable ([TraceSum]) -> Void)
        case call(@Sendable () -> Void)
        case stop
    }

    private let mailbox: Mailbox<Message>
    private let thread: SystemThread

    /// Starts with nobody reading. `application`: what files say of who wrote them. `hasReaders`: told on the
    /// trace thread when somebody is about to read, and when nobody does any more. `peerName`: the id of the cluster's box with that number.
    /// `trafficClass`: the name of the class that a
    /// subflow is in.
    public init(
        _ taps: [TraceTap], _ board: TraceBoard, application: String, log: Logger,
        hasReaders: @escaping @Sendable (Bool) -> Void = { _ in },
        peerName: @escaping @Sendable (UInt8) -> String? = { _ in nil },
        trafficClass: @escaping @Sendable (FourTuple) -> String?
    ) throws(SystemError) {
        let mailbox = try Mailbox<Message>()
        // From here on the desk is its thread's alone.
        nonisolated(unsafe) let desk = try RecorderDesk(
            taps, board, mailbox, application: application, log: log, hasReaders: hasReaders, peerName: peerName,
            trafficClass: trafficClass)
        self.mailbox = mailbox
        thread = try SystemThread(named: "trace") { desk.run() }
    }

    /// Begins to write the packets that pass the filter. Returns the number by which it is closed. Throws
    /// `RecorderError` or `SystemError`.
    public func open(_ filter: PacketFilter, _ target: TraceTarget) async throws -> UInt64 {
        try await withCheckedThrowingContinuation { continuation in
            mailbox.post(.open(TraceReader(filter), target) { continuation.resume(with: $0) })
        }
    }

    /// Writes what has been noted until now, and ends it. nil when it has ended before.
    @discardableResult
    public func close(_ id: UInt64) async -> TraceTotals? {
        await withCheckedContinuation { continuation in
            mailbox.post(.close(id) { continuation.resume(returning: $0) })
        }
    }

    /// As `close`, when nobody waits for it.
    public func abandon(_ id: UInt64) { mailbox.post(.close(id) { _ in }) }

    /// Puts something that was decided about a path between the packets of the traces whose filters let it through. It
    /// waits for nobody.
    ///
    /// - Parameter time: when it was decided, by which it finds its place.
    public func note(_ event: SteeringEvent, decided time: MonotonicTime) { mailbox.post(.note(event, decided: time)) }

    /// Those that read now, and the sums of those that have ended.
    public func totals() async -> [TraceTotals] {
        await withCheckedContinuation { continuation in
            mailbox.post(.list { continuation.resume(returning: $0) })
        }
    }

    /// One for each kind of reader.
    public func sums() async -> [TraceSum] {
        await withCheckedContinuation { continuation in
            mailbox.post(.sums { continuation.resume(returning: $0) })
        }
    }

    /// Runs `body` on the trace thread when its turn comes, and so shows whether it still takes any.
    public func call(_ body: @escaping @Sendable () -> Void) { mailbox.post(.call(body)) }

    /// Ends all readers; blocks until then.
    public func stop() {
        mailbox.post(.stop)
        thread.join()
    }
}

/// Where records go to.
public enum TraceTarget: Sendable {
    case file(TraceFile)
    case live(LiveSink, TraceFormat)
}

public enum TraceFormat: String, CaseIterable, Sendable {
    case pcapng, json, text
}

/// A file that is written in turns.
public struct TraceFile: Hashable, Sendable {
    public var path: String
    public var format: TraceFormat
    /// Bytes after which the next file is begun.
    public var size: Int
    /// Files in all, the one that is being written included; 1 or more.
    public var count: Int

    public init(path: String, format: TraceFormat, size: Int, count: Int) {
        self.path = path
        self.format = format
        self.size = size
        self.count = count
    }
}

/// What has become of the packets that passed a reader's filter.
public struct TraceTotals: Hashable, Sendable {
    public enum Kind: String, Sendable {
        case file, live
        /// The sum of those that are no more.
        case ended
    }

    public var id: UInt64
    public var kind: Kind
    public var matched: UInt64
    public var written: UInt64
    public var dropped: UInt64
    /// Steering events that were written, and those that were dropped.
    public var events: UInt64
    public var droppedEvents: UInt64
}

/// What has become of the packets for all readers of a kind, those that have ended included: no count ever falls.
public struct TraceSum: Hashable, Sendable {
    /// `file` or `live`.
    public let kind: TraceTotals.Kind
    /// Readers now.
    public var running = 0
    public var matched: UInt64 = 0
    public var written: UInt64 = 0
    public var dropped: UInt64 = 0
    public var events: UInt64 = 0
    public var droppedEvents: UInt64 = 0

    init(_ kind: TraceTotals.Kind) { self.kind = kind }

    mutating func add(_ totals: TraceTotals) {
        matched += totals.matched
        written += totals.written
        dropped += totals.dropped
        events += totals.events
        droppedEvents += totals.droppedEvents
    }
}

public enum RecorderError: Error, CustomStringConvertible {
    case tooMany

    public var description: String {
        "\(TraceAudience.mostReaders) traces are running already; end one of them (sluice trace --list shows them)"
    }
}
