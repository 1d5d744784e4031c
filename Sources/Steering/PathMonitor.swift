import Glibc

/// Makes of a path's readings how it fares. Time is passed in, in nanoseconds.
///
/// Figures are averages that forget: rates over 0.3 s, loss over 2 s, so that a decision comes within a second and a
/// single burst makes none. Whether a path is full is asked of rates over 0.1 s, since what is asked has to hold for a while. A state begins when what speaks for it has held for `raise`, and ends when the figures have
/// been below lower thresholds for `clear`.
public struct PathMonitor: Sendable {
    /// From when on a path counts as congested, whatever the rules say.
    public enum Threshold {
        /// Of the capacity.
        static let use = 0.9
        static let calmUse = 0.75
        /// Of the shortest round trip, and microseconds more than it.
        static let queue = 2.0
        static let queueMargin = 20_000.0
        /// Of the bytes sent.
        static let loss = 0.05
        static let raise: UInt64 = 250_000_000
        static let clear: UInt64 = 1_000_000_000
    }

    public let path: Path
    public private(set) var figures = PathFigures()
    public private(set) var state = PathState.fit
    /// What is held against it, as long as it isn't fit.
    public private(set) var fault: PathFault?
    /// When the state began.
    public private(set) var since: UInt64
    private var last: (reading: PathReading, time: UInt64)?
    /// Bits per second of all, over the last tenth of a second.
    private var recent = PathRates.zero
    private var sent = 0.0
    private var retransmitted = 0.0
    /// In this span of time, and in the one before: what a link could carry once it may not carry again.
    private var learned: (now: PathRates<Double?>, before: PathRates<Double?>, since: UInt64)
    private var lastActive: UInt64?
    private var congestion = Persistence()
    private var congestionReason: PathFault?
    private var silence = Persistence()

    private static let rateSpan = 0.3
    private static let recentSpan = 0.1
    private static let lossSpan = 2.0
    /// Nanoseconds for which what was learned counts, and twice that at most.
    private static let learnedSpan: UInt64 = 300_000_000_000
    private static let nothing = PathRates<Double?>(download: nil, upload: nil)
    /// How long the round trip is believed when nothing is sent.
    private static let roundTripMemory: UInt64 = 2_000_000_000
    /// How long a path counts as silent when nobody waits any more.
    private static let silenceMemory: UInt64 = 5_000_000_000
    /// Bits per second; acknowledgements of a single small download are more.
    private static let quietRate = 20_000.0
    /// Of fewer bytes no loss is told: it would be that of a few packets.
    private static let leastSent = 64.0 * 1024

    public init(_ path: Path, at now: UInt64) {
        self.path = path
        since = now
        learned = (Self.nothing, Self.nothing, now)
    }

    /// As another one has left off: with what it has learned.
    mutating func goOn(_ capacity: PathRates<Double?>) {
        for direction in PathDirection.allCases where path.capacity[direction] == nil {
            learned.now[direction] = capacity[direction]
            figures.capacity[direction] = capacity[direction]
        }
    }

    /// - Parameter isCapUsed: whether the path has carried what it may in this period.
    /// - Returns: whether the state has changed.
    @discardableResult
    public mutating func note(_ reading: PathReading, isCapUsed: Bool = false, at now: UInt64) -> Bool {
        defer { last = (reading, now) }
        figures.isUp = reading.isUp
        figures.isCapUsed = isCapUsed
        figures.subflows = reading.subflows
        figures.active = reading.active
        if let last, now > last.time { average(reading, last.reading, Double(now - last.time) / 1e9) }
        noteRoundTrip(reading, at: now)
        // When those that waited are gone nobody uses it, and nobody could find out that it works.
        silence.note(
            isOver: reading.stalled > 0 && reading.active == 0 && isQuiet(reading, at: now),
            isUnder: reading.active > 0 || reading.stalled == 0,
            at: now, raise: Threshold.raise, clear: reading.active > 0 ? 0 : Self.silenceMemory)
        figures.silent = silence.isRaised ? max(1, reading.stalled) : 0
        learn(at: now)
        return judge(at: now)
    }

    /// Does next to nothing come in by the path, whoever sends it? Where that isn't known it is taken to be so.
    private func isQuiet(_ reading: PathReading, at now: UInt64) -> Bool {
        guard let last, now > last.time, case .interface = path.selector else { return true }
        let bytes = reading.total.upload &- last.reading.total.upload
        return bytes > UInt64.max / 2 || Double(bytes) * 8 / (Double(now - last.time) / 1e9) < Self.quietRate
    }

    private mutating func average(_ reading: PathReading, _ before: PathReading, _ seconds: Double) {
        let (weight, recentWeight) = (1 - exp(-seconds / Self.rateSpan), 1 - exp(-seconds / Self.recentSpan))
        for direction in PathDirection.allCases {
            for (value, place) in [
                // What an interface counts that wasn't there is no traffic of now.
                (before.isUp ? reading.total[direction] &- before.total[direction] : 0, \PathFigures.total),
                (reading.own[direction] &- before.own[direction], \PathFigures.own),
            ] {
                // A counter that begins anew counts from there on.
                let bits = value > UInt64.max / 2 ? 0 : Double(value) * 8 / seconds
                figures[keyPath: place][direction] += weight * (bits - figures[keyPath: place][direction])
                guard place == \PathFigures.total else { continue }
                recent[direction] += recentWeight * (bits - recent[direction])
            }
        }
        figures.ownSent += weight * (Double(reading.sent) * 8 / seconds - figures.ownSent)
        let left = exp(-seconds / Self.lossSpan)
        sent = sent * left + Double(reading.sent)
        retransmitted = retransmitted * left + Double(reading.retransmitted)
        figures.loss = sent >= Self.leastSent ? retransmitted / sent : 0
    }

    private mutating func noteRoundTrip(_ reading: PathReading, at now: UInt64) {
        if let time = reading.roundTripTime {
            // What was known before a pause says nothing of now.
            let isFresh = lastActive.map { now - $0 < Self.roundTripMemory } ?? false
            let known = isFresh ? figures.roundTripTime : nil
            figures.roundTripTime = known.map { $0 + 0.5 * (time - $0) } ?? time
            lastActive = now
        } else if let lastActive, now - lastActive >= Self.roundTripMemory {
            figures.roundTripTime = nil
        }
        // Each subflow is held against its own: clients differ.
        if let time = reading.shortestRoundTripTime {
            figures.shortestRoundTripTime = figures.shortestRoundTripTime.map { $0 + 0.5 * (time - $0) } ?? time
        }
        if figures.roundTripTime == nil { figures.shortestRoundTripTime = nil }
    }

    /// What a path carries while packets go on waiting in it is what it can carry.
    private mutating func learn(at now: UInt64) {
        if now - learned.since >= Self.learnedSpan { learned = (Self.nothing, learned.now, now) }
        for direction in PathDirection.allCases {
            if let given = path.capacity[direction] {
                figures.capacity[direction] = Double(given)
                continue
            }
            let rate = figures.total[direction]
            let known = [learned.now[direction], learned.before[direction]].compactMap(\.self).max()
            // Only the box's own sending tells of a queue.
            let isFull = direction == .download && queueFault != nil && congestion.isRaised && rate > 0
            if isFull || known.map({ rate > $0 }) ?? false {
                learned.now[direction] = max(learned.now[direction] ?? 0, rate)
            }
            figures.capacity[direction] = [learned.now[direction], learned.before[direction]].compactMap(\.self).max()
        }
    }

    private var queueFault: PathFault? {
        guard let time = figures.roundTripTime, let shortest = figures.shortestRoundTripTime,
            time > shortest * Threshold.queue, time > shortest + Threshold.queueMargin
        else { return nil }
        return .queue(time, shortest: shortest)
    }

    private var congestionFault: PathFault? {
        if let use = figures.use(of: recent), use.share >= Threshold.use {
            return .use(recent[use.direction], of: figures.capacity[use.direction] ?? 0, direction: use.direction)
        }
        if let queueFault { return queueFault }
        return figures.loss > Threshold.loss ? .retransmissions(figures.loss) : nil
    }

    private var isCalm: Bool {
        (figures.use.map { $0.share < Threshold.calmUse } ?? true) && queueFault == nil
            && figures.loss < Threshold.loss / 2
    }

    private mutating func judge(at now: UInt64) -> Bool {
        let found = congestionFault
        if let found { congestionReason = found }
        congestion.note(
            isOver: found != nil, isUnder: isCalm, at: now, raise: Threshold.raise, clear: Threshold.clear)
        let new: PathFault? =
            if !figures.isUp {
                .interfaceDown
            } else if figures.silent > 0 {
                .silent(subflows: figures.silent)
            } else if figures.isCapUsed, let cap = path.cap {
                .capUsed(cap)
            } else if congestion.isRaised {
                // Between the two thresholds the last reason stands.
                congestionReason
            } else {
                nil
            }
        fault = new
        let state = new?.state ?? .fit
        guard state != self.state else { return false }
        self.state = state
        since = now
        return true
    }
}
