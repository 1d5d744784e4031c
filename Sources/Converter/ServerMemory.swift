import LinuxSystem
import Policy
import Synchronization
import Wire

/// What dials have taught about servers (`ServerRecord`, `Silence`), shared by the packet path, which asks, and the workers,
/// which learn.
final class ServerMemory: Sendable {
    private struct Pair: Hashable {
        let client: IPAddress
        let server: Endpoint

        init(_ tuple: FourTuple) {
            client = tuple.client.address
            server = tuple.server
        }
    }

    private struct State {
        var records: BoundedMemory<Endpoint, ServerRecord>
        var silences: BoundedMemory<Pair, Silence>
    }

    private let state: Mutex<State>
    private let limits: ServerRecord.Limits
    /// That a server is slow is remembered longer than what it speaks: as long as it is used, and an hour.
    private let lifetime: UInt64

    init(capacity: Int, lifetime: Duration, dialTimeout: Duration) {
        let start = MonotonicTime(nanoseconds: 0)
        limits = ServerRecord.Limits(
            timeout: (start + dialTimeout).nanoseconds, knowledge: (start + lifetime).nanoseconds)
        self.lifetime = max(limits.knowledge, 3600_000_000_000)
        state = Mutex(
            State(records: BoundedMemory(capacity: capacity), silences: BoundedMemory(capacity: capacity)))
    }

    func knowledge(of server: Endpoint) -> ServerKnowledge? {
        let now = MonotonicTime.now.nanoseconds
        return state.withLock { $0.records.value(for: server, at: now)?.knowledge(at: now) }
    }

    /// What the client's next SYN to the server is to be met with.
    func advice(for tuple: FourTuple) -> DialAdvice {
        let now = MonotonicTime.now.nanoseconds
        return state.withLock { state in
            let record = state.records.value(for: tuple.server, at: now) ?? ServerRecord()
            let advice = record.advice(at: now, limits)
            guard case .dial = advice, state.silences.value(for: Pair(tuple), at: now)?.lasts(at: now) == true else {
                return advice
            }
            return .silent
        }
    }

    func learn(_ knowledge: ServerKnowledge, of server: Endpoint) {
        let now = MonotonicTime.now.nanoseconds
        state.withLock { change(&$0, server, now) { $0.learn(knowledge, at: now, limits) } }
    }

    /// The server has answered this client after so many nanoseconds.
    func learnAnswer(_ tuple: FourTuple, after time: UInt64) {
        let now = MonotonicTime.now.nanoseconds
        state.withLock { state in
            change(&state, tuple.server, now) { $0.answered(after: time, limits) }
            // Mostly there is none.
            guard state.silences.value(for: Pair(tuple), at: now) != nil else { return }
            state.silences.remember(Silence(), for: Pair(tuple), at: now, lifetime: 1)
        }
    }

    func learnSilence(_ tuple: FourTuple) {
        let now = MonotonicTime.now.nanoseconds
        state.withLock { state in
            var silence = state.silences.value(for: Pair(tuple), at: now) ?? Silence()
            let length = silence.again(at: now)
            state.silences.remember(silence, for: Pair(tuple), at: now, lifetime: length + Silence.memory)
        }
    }

    /// Writes only what has changed.
    private func change(
        _ state: inout State, _ server: Endpoint, _ now: UInt64, _ body: (inout ServerRecord) -> Void
    ) {
        let before = state.records.value(for: server, at: now) ?? ServerRecord()
        var record = before
        body(&record)
        if record != before { state.records.remember(record, for: server, at: now, lifetime: lifetime) }
    }
}
