import LinuxSystem
import Synchronization

/// A connection to a `PeerServer` that echoes, taken step by step, so that something can happen in between.
public final class Conversation: Sendable {
    private struct State: ~Copyable {
        var connection: PeerSocket?
        /// Bytes that have gone there and back.
        var offset: UInt64 = 0
    }

    private let payload: Payload
    private let rest: Duration
    private let state: Mutex<State>

    /// Connects in the calling thread's namespace. Of the plan, the operation and the lengths don't count.
    fileprivate init(_ plan: FetchPlan, rest: Duration) throws(PeerError) {
        self.rest = rest
        payload = Payload(seed: plan.seed)
        let connection = try PeerSocket.connected(to: plan.to, plan.transport, from: plan.from, limit: plan.limit)
        try connection.probe(plan.keepalive)
        // The server ignores an echo's length.
        try connection.send(PeerRequest(.echo, length: 0, seed: plan.seed).encoded)
        state = Mutex(State(connection: consume connection))
    }

    /// Sends so many bytes of the payload, and verifies them as they come back: all are right or, if so expected, at
    /// least one of them is wrong.
    public func bounce(_ bytes: UInt64, isDamaged: Bool = false) async throws {
        try await withState { [payload] (state, buffer) throws(PeerError) in
            let end = state.offset + bytes
            var isIntact = true
            while state.offset < end {
                // Block by block, so that neither side waits for the other to read.
                let next = min(state.offset + UInt64(Payload.blockSize), end)
                try state.connection?.send(payload, from: state.offset, to: next)
                if try state.connection?.isPayload(payload, from: state.offset, to: next, buffer) == false {
                    isIntact = false
                }
                state.offset = next
            }
            if isIntact == isDamaged { throw isDamaged ? .intact : .corrupted }
        }
        try await Task.sleep(for: rest)
    }

    /// Ends the stream, waits for the server to do the same, and closes.
    public func end() async throws {
        try await withState { (state, buffer) throws(PeerError) in
            state.connection?.endStream()
            try state.connection?.receiveEnd(with: buffer)
            state.connection = nil
        }
    }

    private func withState(
        _ body: @escaping @Sendable (inout State, UnsafeMutableRawBufferPointer) throws(PeerError) -> Void
    ) async throws {
        try await onThread(named: "conversation") { [self] in
            try withReceiveBuffer { (buffer) throws(PeerError) in
                try state.withLock { (state) throws(PeerError) in try body(&state, buffer) }
            }
        }
    }
}

extension Lab {
    /// Opens a conversation from a node, which pauses for `rest` when bytes have gone there and back.
    public func converse(
        in node: Node = .client(0), _ plan: FetchPlan, rest: Duration = .zero
    ) async throws -> Conversation {
        try await inside(node) { try Conversation(plan, rest: rest) }
    }
}
