import Glibc
import LinuxSystem
import Logging
import Wire

/// The state of the thread that writes. Touched on that thread alone.
final class SessionLogDesk {
    private let mailbox: Mailbox<SessionLog.Message>
    private let counters: SessionLog.Counters
    private let version: String
    private let journal: String
    private let log: Logger
    private let loop: EventLoop
    private var target: SessionTarget?
    /// nil: there is none, or it could not be opened.
    private var output: (any SessionOutput)?
    private var isStart: Bool
    /// Records that wait for the first place to write them to; nil once there has been one.
    private var waiting: [SessionRecord]?
    private var names = InterfaceNames()
    private var nextAttempt = MonotonicTime(nanoseconds: 0)
    /// Why it fails, since it has been said.
    private var fault: String?
    /// Records lost when all was well last.
    private var lostBefore: UInt64 = 0
    private var overflowsTold: UInt64 = 0
    private var nextWarning = MonotonicTime(nanoseconds: 0)

    /// Microseconds: where there are many records they gather meanwhile, and are written at once.
    private static let pace: UInt32 = 20_000
    /// What can't be opened is tried again after this, when there is something to write.
    private static let retryTime = Duration.seconds(5)
    /// Losses of a queue that is full again and again are told once in this time.
    private static let warningTime = Duration.seconds(60)

    init(
        _ mailbox: Mailbox<SessionLog.Message>, _ counters: SessionLog.Counters, version: String, journal: String,
        isStart: Bool, log: Logger
    ) throws(SystemError) {
        loop = try EventLoop(capacity: 4)
        try loop.add(mailbox.descriptor, .readable, tag: 0)
        self.mailbox = mailbox
        self.counters = counters
        self.version = version
        self.journal = journal
        self.isStart = isStart
        waiting = isStart ? nil : []
        self.log = log
    }

    func run() {
        var isStopped = false
        while !isStopped {
            loop.wait(timeout: -1) { _, _ in }
            isStopped = serve()
            tellOfOverflow()
            if !isStopped { usleep(Self.pace) }
        }
        counters.isOver.store(true, ordering: .releasing)
    }

    /// Does what has been asked for, in order; returns whether the end has come.
    private func serve() -> Bool {
        var records: [SessionRecord] = []
        for message in mailbox.take() {
            switch message {
            case .record(let record): records.append(record)
            case .apply(let target):
                write(&records)
                apply(target)
                records = waiting ?? []
                waiting = nil
            case .stop(let isOver):
                write(&records)
                if isOver { output?.end(.daemonStopped, at: WallClock.nanoseconds) }
                return true
            }
        }
        write(&records)
        return false
    }

    private func apply(_ new: SessionTarget?) {
        let isNew = new != target
        output = nil
        target = new
        if isNew { fault = nil }
        counters.state.withLock { $0 = (new?.description, fault) }
        guard let new else { return }
        open(new)
        if output != nil, isNew { log.notice("sessions are logged to \(new.description)") }
    }

    private func open(_ target: SessionTarget) {
        nextAttempt = MonotonicTime.now + Self.retryTime
        let mark: LogMark = isStart ? .daemonStarted : .opened
        do {
            output = try target.output(journal: journal)
            try output?.begin(mark, at: WallClock.nanoseconds, version: version)
            isStart = false
            tell(nil)
        } catch {
            output = nil
            tell("\(error)")
        }
    }

    private func write(_ records: inout [SessionRecord]) {
        guard !records.isEmpty else { return }
        defer { records.removeAll() }
        guard waiting == nil else { return waiting! += records }
        counters.waiting.wrappingSubtract(records.count, ordering: .relaxed)
        if output == nil, let target, nextAttempt <= .now { open(target) }
        guard let output else {
            counters.failed.wrappingAdd(UInt64(records.count), ordering: .relaxed)
            return
        }
        names.beginBatch()
        let outcome = output.write(records[...], at: WallClock.nanoseconds) { names.name($0) }
        counters.written.wrappingAdd(UInt64(max(0, records.count - outcome.lost)), ordering: .relaxed)
        counters.failed.wrappingAdd(UInt64(outcome.lost), ordering: .relaxed)
        tell(outcome.error.map { "\($0)" })
        // What has failed may have to be opened anew: a file system that was mounted over, a journald that was restarted.
        if outcome.error != nil, outcome.isBroken { self.output = nil }
    }

    /// Says once that it fails, and once that it works again.
    private func tell(_ new: String?) {
        counters.state.withLock { $0.error = new }
        let lost = counters.failed.load(ordering: .relaxed)
        switch (fault, new) {
        case (nil, let new?): log.warning("session records are lost, and counted: \(new); \(target?.mend ?? "")")
        case (_?, nil): log.notice("sessions are logged again; \(lost - lostBefore) records were lost meanwhile")
        default: break
        }
        if new == nil { lostBefore = lost }
        fault = new
    }

    private func tellOfOverflow() {
        let count = counters.overflowed.load(ordering: .relaxed)
        guard count > overflowsTold, nextWarning <= .now else { return }
        log.warning(
            """
            session records come faster than \(target?.description ?? "the log") takes them: \(count - overflowsTold) are lost; \
            give [sessions] log a faster disk, or another place
            """)
        overflowsTold = count
        nextWarning = MonotonicTime.now + Self.warningTime
    }
}

/// Where records are written to.
protocol SessionOutput: AnyObject {
    /// Writes a mark, where there are any.
    func begin(_ mark: LogMark, at time: Int64, version: String) throws(SystemError)
    /// Writes as many as it can.
    func write(_ records: ArraySlice<SessionRecord>, at time: Int64, _ name: (UInt32) -> String?) -> WriteOutcome
    /// The last mark; what can't be written is left out.
    func end(_ mark: LogMark, at time: Int64)
}

struct WriteOutcome {
    /// Records that could not be written. Of UDP, also earlier ones of which that is known only now.
    var lost = 0
    var error: SystemError?
    /// It has to be opened anew.
    var isBroken = false
}

/// Names of interfaces by their indices: asked anew for each batch, since an interface may be renamed; that of one that is gone
/// stays.
private struct InterfaceNames {
    private var known: [UInt32: String] = [:]
    private var asked: Set<UInt32> = []

    mutating func name(_ index: UInt32) -> String? {
        guard index != 0 else { return nil }
        if asked.insert(index).inserted, let name = NetworkInterface.name(index) { known[index] = name }
        return known[index]
    }

    mutating func beginBatch() { asked.removeAll(keepingCapacity: true) }
}
