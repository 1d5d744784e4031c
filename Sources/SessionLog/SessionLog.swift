// SessionLog: who had which address and port, at which server, and when. Sluice dials servers from a port of its own, so that what
// a server notes (RFC 6302) names a port that the client has never used: without this log nobody could tell whose it was.
//
//     relay workers ── note ──▶ bounded queue ──▶ thread `sessions` ──▶ FileLog       JSON lines, rotated
//                                    │                                   JournalLog    journald
//                                    └ full: dropped, counted            IPFIXLog      a collector, over UDP
//
// It is never in the way: a worker puts a record into the queue, or counts that there was no room. What the disk, journald or the
// collector doesn't take is dropped and counted as well; the thread tries again with the next records, and says when it fails
// and when it works again.
//
// What decides is pure: record to line (SessionLine), to journald's fields (JournalEntry), to messages (IPFIXExporter), when a
// file is put aside (Rotation), what lines answer a question (SessionQuery). It knows neither sockets of sessions nor packets;
// Middlebox tells it what the Converter reports.

import Glibc
import LinuxSystem
import Logging
import Synchronization
import Wire

/// What has become of records.
public struct SessionLogReport: Sendable, Hashable {
    public enum State: String, Sendable, CaseIterable {
        case off, writing, failing
    }

    public var target: String?
    public var state: State
    /// Taken by the disk, by journald, or sent to the collector.
    public var written: UInt64
    /// For want of room in the queue.
    public var overflowed: UInt64
    /// That could not be written.
    public var failed: UInt64
    /// In the queue now.
    public var waiting: Int
    /// Why it fails.
    public var error: String?
}

public final class SessionLog: Sendable {
    enum Message: Sendable {
        case record(SessionRecord)
        case apply(SessionTarget?)
        /// `isOver`: this daemon's sessions end with it.
        case stop(isOver: Bool)
    }

    let counters: Counters
    private let mailbox: Mailbox<Message>
    private let thread: SystemThread
    private let room: Int
    private let log: Logger

    final class Counters: Sendable {
        let isOn = Atomic<Bool>(false)
        let waiting = Atomic<Int>(0)
        let written = Atomic<UInt64>(0)
        let overflowed = Atomic<UInt64>(0)
        let failed = Atomic<UInt64>(0)
        let isOver = Atomic<Bool>(false)
        let state = Mutex<(target: String?, error: String?)>((nil, nil))
    }

    /// Records that may wait, of some hundred bytes each.
    public static let defaultRoom = 65536

    /// Starts with no log.
    ///
    /// - Parameters:
    ///   - version: What files say of who has written them.
    ///   - room: How many records may wait for the thread.
    ///   - isStart: Sessions of before this process are over; false where it has taken them over. Then records wait for the
    ///     first `apply`, since the process before may still write.
    ///   - journal: journald's socket.
    public init(
        version: String, log: Logger, room: Int = SessionLog.defaultRoom, isStart: Bool = true,
        journal: String = SessionTarget.journalPath
    ) throws(SystemError) {
        let (mailbox, counters) = (try Mailbox<Message>(), Counters())
        // From here on the desk is its thread's alone.
        nonisolated(unsafe) let desk = try SessionLogDesk(
            mailbox, counters, version: version, journal: journal, isStart: isStart, log: log)
        self.mailbox = mailbox
        self.counters = counters
        self.room = room
        self.log = log
        thread = try SystemThread(named: "sessions") { desk.run() }
    }

    /// Says what the first `apply` will be: until then, of a log that goes on from another process's, records wait.
    public func expect(_ target: SessionTarget?) { counters.isOn.store(target != nil, ordering: .relaxed) }

    /// Are records wanted?
    public var isOn: Bool { counters.isOn.load(ordering: .relaxed) }

    /// Notes a record; without room it is dropped, and counted. Never waits for the disk. From any thread.
    public func note(_ record: SessionRecord) {
        guard isOn else { return }
        guard counters.waiting.wrappingAdd(1, ordering: .relaxed).newValue <= room else {
            counters.waiting.wrappingSubtract(1, ordering: .relaxed)
            counters.overflowed.wrappingAdd(1, ordering: .relaxed)
            return
        }
        mailbox.post(.record(record))
    }

    /// Logs there from now on, after what has been noted before; nil: nowhere. The same again opens it anew, for whoever has
    /// renamed the file. Doesn't wait; what goes wrong is in the log and in the report.
    public func apply(_ target: SessionTarget?) {
        counters.isOn.store(target != nil, ordering: .relaxed)
        mailbox.post(.apply(target))
    }

    public var report: SessionLogReport {
        let (target, error) = counters.state.withLock { ($0.target, $0.error) }
        return SessionLogReport(
            target: target, state: target == nil ? .off : error == nil ? .writing : .failing,
            written: counters.written.load(ordering: .relaxed),
            overflowed: counters.overflowed.load(ordering: .relaxed), failed: counters.failed.load(ordering: .relaxed),
            waiting: max(0, counters.waiting.load(ordering: .relaxed)), error: error)
    }

    /// Writes what has been noted, and ends the thread. A disk that hangs is waited for so long; then the rest is lost, which the
    /// log says.
    ///
    /// - Parameter isOver: false when another process goes on with the sessions, and with the log.
    public func stop(within patience: Duration = .seconds(5), isOver: Bool = true) {
        mailbox.post(.stop(isOver: isOver))
        let deadline = MonotonicTime.now + patience
        while !counters.isOver.load(ordering: .acquiring) {
            guard MonotonicTime.now < deadline else {
                let lost = counters.waiting.load(ordering: .relaxed)
                return log.error("the session log still hangs: \(lost) session records are lost")
            }
            usleep(2000)
        }
        thread.join()
    }
}
