import LinuxSystem
import Logging
import PacketTap
import TraceOutput
import Wire

/// The state of the trace thread. Touched on that thread alone.
final class RecorderDesk {
    private let board: TraceBoard
    private let mailbox: Mailbox<Recorder.Message>
    private let application: String
    private let log: Logger
    private let hasReaders: @Sendable (Bool) -> Void
    private let peerName: @Sendable (UInt8) -> String?
    private let trafficClass: @Sendable (FourTuple) -> String?
    private let drain: TraceDrain
    private var loop: EventLoop
    private var outlets: [Outlet] = []
    /// Records may still come for audiences of before.
    private var audiences: [UInt32: [TraceReader]] = [:]
    private var lastID: UInt64 = 0
    /// Those that are no more.
    private var ended = [TraceSum(.file), TraceSum(.live)]
    /// What waits for the packets before it.
    private var events: [(event: SteeringEvent, time: MonotonicTime)] = []
    private var names = NameCache()
    private var isStopped = false

    /// Milliseconds between two looks into the rings: they hold a hundred times as much at the least.
    private static let interval: Int32 = 5
    /// How long a packet thread may take from the decision to the record; what is younger waits for the next look.
    private static let lag = Duration.milliseconds(2)
    /// How many audiences of before are remembered: records of one come within the lag.
    private static let mostAudiences: UInt32 = 64

    init(
        _ taps: [TraceTap], _ board: TraceBoard, _ mailbox: Mailbox<Recorder.Message>, application: String, log: Logger,
        hasReaders: @escaping @Sendable (Bool) -> Void, peerName: @escaping @Sendable (UInt8) -> String?,
        trafficClass: @escaping @Sendable (FourTuple) -> String?
    ) throws(SystemError) {
        loop = try EventLoop(capacity: 4)
        try loop.add(mailbox.descriptor, .readable, tag: 0)
        drain = TraceDrain(taps)
        self.board = board
        self.mailbox = mailbox
        self.application = application
        self.log = log
        self.hasReaders = hasReaders
        self.peerName = peerName
        self.trafficClass = trafficClass
    }

    func run() {
        while !isStopped {
            var hasMessages = false
            loop.wait(timeout: outlets.isEmpty ? -1 : Self.interval) { _, _ in hasMessages = true }
            if hasMessages { readMailbox() }
            pass(decidedBefore: MonotonicTime.now - Self.lag)
        }
        endAll()
    }

    private func readMailbox() {
        for message in mailbox.take() {
            switch message {
            case .open(let reader, let target, let answer): answer(Result { try open(reader, target) })
            case .close(let id, let answer): close(id, answer)
            case .note(let event, let time): if !outlets.isEmpty { events.append((event, time)) }
            case .list(let answer): answer(outlets.map(\.totals) + [endedTotals])
            case .sums(let answer): answer(sums)
            case .call(let body): body()
            case .stop: isStopped = true
            }
        }
    }

    private func open(_ reader: TraceReader, _ target: TraceTarget) throws -> UInt64 {
        guard outlets.count < TraceAudience.mostReaders else { throw RecorderError.tooMany }
        let outlet = Outlet(
            lastID + 1, reader, Encoder(target.format, application: application), try target.sink(),
            isFile: target.isFile)
        try outlet.begin()
        lastID += 1
        outlets.append(outlet)
        publish()
        return lastID
    }

    private func publish() {
        // Who wants steering events alone is no work for packet threads.
        let readers = outlets.filter { !$0.isClosing }.map(\.reader).filter(\.filter.showsPackets)
        if !readers.isEmpty { hasReaders(true) }
        let audience = board.publish(readers)
        if readers.isEmpty { hasReaders(false) }
        guard audience.number > 0 else { return }
        audiences[audience.number] = audience.readers
        audiences[audience.number &- Self.mostAudiences] = nil
    }

    /// Packet threads may be about to write the last records for it: it ends with the look into the rings after those.
    private func close(_ id: UInt64, _ answer: @escaping @Sendable (TraceTotals?) -> Void) {
        guard let outlet = outlets.first(where: { $0.id == id && !$0.isClosing }) else { return answer(nil) }
        outlet.close(at: .now, answer)
        publish()
    }

    private func pass(decidedBefore horizon: MonotonicTime) {
        guard !outlets.isEmpty else { return }
        let closing = outlets.count(where: \.isClosing)
        let clock = WallClock.nanoseconds - Int64(bitPattern: MonotonicTime.now.nanoseconds)
        for (event, time) in takeEvents(before: horizon) {
            deliver(decidedBefore: time, clock: clock)
            for outlet in outlets { outlet.take(event, decided: time) { names[$0] } }
        }
        deliver(decidedBefore: horizon, clock: clock)
        for outlet in outlets { outlet.flush(at: .now) }
        if outlets.count(where: \.isClosing) > closing { publish() }
        // A packet thread that was about to write has done so since.
        let settled = horizon - Self.lag
        let over = outlets.filter { $0.isOver(before: settled) }
        outlets.removeAll { $0.isOver(before: settled) }
        for outlet in over { end(outlet) }
    }

    private func takeEvents(before horizon: MonotonicTime) -> [(event: SteeringEvent, time: MonotonicTime)] {
        guard !events.isEmpty else { return [] }
        defer { events.removeAll { $0.time < horizon } }
        return events.filter { $0.time < horizon }
    }

    /// `clock`: what the time of day is ahead of CLOCK_MONOTONIC.
    private func deliver(decidedBefore horizon: MonotonicTime, clock: Int64) {
        drain.take(decidedBefore: horizon.nanoseconds) { record, packet, readers, audience in
            deliver(record, packet, to: readers, of: audience, clock: clock)
        }
    }

    private func deliver(
        _ record: borrowing TraceRecord, _ packet: RawSpan, to readers: UInt16, of audience: UInt32, clock: Int64
    ) {
        guard let members = audiences[audience] else { return }
        let received = Int64(bitPattern: record.received) + clock
        let time = record.kernelTime ?? received
        let ends = record.facts.ends
        let trafficClass = ends.flatMap(trafficClass)
        let owner = record.peer.flatMap(peerName)
        for index in members.indices where readers >> UInt16(index) & 1 == 1 {
            guard let outlet = outlets.first(where: { $0.reader === members[index] }) else { continue }
            outlet.take(record, packet, time: time, trafficClass: trafficClass, owner: owner) { names[$0] }
        }
    }

    private func end(_ outlet: Outlet) {
        outlet.end { names[$0] }
        if let error = outlet.failure { log.error("the trace has ended: \(error)") }
        let totals = outlet.totals
        for index in ended.indices where ended[index].kind == totals.kind { ended[index].add(totals) }
        outlet.answer?(totals)
    }

    private var endedTotals: TraceTotals {
        let sum = { (count: KeyPath<TraceSum, UInt64>) in self.ended.reduce(0) { $0 + $1[keyPath: count] } }
        return TraceTotals(
            id: 0, kind: .ended, matched: sum(\.matched), written: sum(\.written), dropped: sum(\.dropped),
            events: sum(\.events), droppedEvents: sum(\.droppedEvents))
    }

    private var sums: [TraceSum] {
        ended.map { ended in
            let running = outlets.map(\.totals).filter { $0.kind == ended.kind }
            var sum = running.reduce(into: ended) { $0.add($1) }
            sum.running = running.count
            return sum
        }
    }

    private func endAll() {
        _ = board.publish([])
        pass(decidedBefore: MonotonicTime(nanoseconds: .max))
        for outlet in outlets { end(outlet) }
    }
}

/// Names of interfaces by their indices. A name that was found stays, also when the interface is gone.
private struct NameCache {
    private var names: [UInt32: String] = [:]

    subscript(index: UInt32) -> String {
        mutating get {
            if let name = names[index] { return name }
            let name = NetworkInterface.name(index) ?? "if\(index)"
            names[index] = name
            return name
        }
    }
}
