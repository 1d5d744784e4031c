import LinuxSystem
import Synchronization

/// Bytes for somebody who looks on: the trace thread puts them in, a task takes them out. When that is too slow, there is
/// no room, and records are dropped.
public final class LiveSink: TraceSink, Sendable {
    private struct State {
        var chunks: [[UInt8]] = []
        var bytes = 0
        var isClosed = false
        var waiting: CheckedContinuation<[UInt8]?, Never>?
    }

    private let state = Mutex(State())
    private let limit: Int

    /// `limit`: bytes that may wait.
    public init(limit: Int = 4 << 20) { self.limit = limit }

    func hasRoom(beside bytes: Int) -> Bool { state.withLock { $0.bytes + bytes < limit } }

    func isDue(with bytes: Int) -> Bool { false }

    func rotate() {}

    func write(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        state.withLock { state -> CheckedContinuation<[UInt8]?, Never>? in
            guard !state.isClosed else { return nil }
            if let waiting = state.waiting {
                state.waiting = nil
                return waiting
            }
            state.chunks.append(bytes)
            state.bytes += bytes.count
            return nil
        }?.resume(returning: bytes)
    }

    func close() {
        state.withLock { state in
            state.isClosed = true
            defer { state.waiting = nil }
            return state.waiting
        }?.resume(returning: nil)
    }

    /// The next bytes, as soon as there are some; nil at the end. One task at a time; when it is cancelled, that is the
    /// end.
    public func next() async -> [UInt8]? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: [UInt8]?? = state.withLock { state in
                    if !state.chunks.isEmpty {
                        let all = Array(state.chunks.joined())
                        state.chunks = []
                        state.bytes = 0
                        return all
                    }
                    if state.isClosed { return .some(nil) }
                    state.waiting = continuation
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            close()
        }
    }
}
