import LinuxSystem
import Logging
import NetfilterQueue
import Synchronization
import Wire

/// Has the queue for acknowledgements read while somebody needs them: a trace shows every packet, and probes of clients whose
/// server is silent are known from acknowledgements by their numbers alone. At all other times they pass the queue by.
///
/// It has a thread of its own while it reads, since path threads take no further member.
public final class AcknowledgementInspector: Sendable {
    /// What makes a reader on a thread.
    public typealias Start = @Sendable (LoopThread) throws -> DataInspector

    private struct State: Sendable {
        var isTraced = false
        var silenced: Set<FourTuple> = []
        /// Another process still reads.
        var isHeldBack = false
        var isStopped = false
        var reading: (inspector: DataInspector, thread: LoopThread)?

        var isNeeded: Bool { !isStopped && !isHeldBack && (isTraced || !silenced.isEmpty) }
    }

    private let state = Mutex(State())
    /// One at a time begins or ends to read; held across waits, unlike `state`.
    private let changing = Mutex(())
    private let start: Start
    private let log: Logger

    public init(log: Logger, start: @escaping Start) {
        self.start = start
        self.log = log
    }

    /// Takes up clients whose probes another daemon left unanswered. Nothing is read before `resume`: the other one may still read.
    public func adopt(_ silenced: Set<FourTuple>) {
        state.withLock {
            $0.silenced = silenced
            $0.isHeldBack = true
        }
    }

    /// The other daemon reads no more. Blocks until acknowledgements are read, if somebody needs them.
    public func resume() {
        state.withLock { $0.isHeldBack = false }
        update()
    }

    /// Somebody traces from now on, or nobody any more. Returns when acknowledgements are read, or are read no longer.
    public func trace(_ on: Bool) {
        state.withLock { $0.isTraced = on }
        update()
    }

    /// The client's probes on this connection are not to be answered, or are again. Called on a path thread, which isn't kept.
    public func silence(_ tuple: FourTuple, _ on: Bool) {
        let hasChanged = state.withLock { state in
            let before = state.isNeeded
            if on { state.silenced.insert(tuple) } else { state.silenced.remove(tuple) }
            return state.isNeeded != before
        }
        if hasChanged { Task { update() } }
    }

    /// A connection has ended.
    public func release(_ tuple: FourTuple) {
        guard state.withLock({ $0.silenced.contains(tuple) }) else { return }
        silence(tuple, false)
    }

    /// Reads no more; blocks until then.
    public func stop() {
        state.withLock { $0.isStopped = true }
        update()
    }

    private func update() {
        changing.withLock { _ in
            let (isNeeded, reading) = state.withLock { ($0.isNeeded, $0.reading) }
            if isNeeded, reading == nil {
                begin()
            } else if !isNeeded, let reading {
                reading.inspector.stop()
                reading.thread.join()
                state.withLock { $0.reading = nil }
            }
        }
    }

    private func begin() {
        do {
            let thread = try LoopThread(named: "acks")
            let inspector = try start(thread)
            try thread.start()
            state.withLock { $0.reading = (inspector, thread) }
        } catch {
            log.error("acknowledgements are not seen: \(error)")
        }
    }
}
