import Base
import Wire

/// What dials have taught about servers (`ServerRecord`), and about their answers to single clients (`Silence`). Bounded: the
/// oldest is forgotten first. Times are nanoseconds of one steady clock.
public struct ServerDirectory: Sendable {
    private struct Pair: Hashable {
        let client: IPAddress
        let server: Endpoint

        init(_ tuple: FourTuple) {
            client = tuple.client.address
            server = tuple.server
        }
    }

    private var records: BoundedMemory<Endpoint, ServerRecord>
    private var silences: BoundedMemory<Pair, Silence>
    private let limits: ServerRecord.Limits
    /// That a server is slow is remembered longer than what it speaks: as long as it is used, and an hour.
    private let lifetime: UInt64

    /// - Parameters:
    ///   - capacity: of servers, and of clients that a server didn't answer.
    ///   - lifetime: how long it is remembered what a server speaks.
    ///   - dialTimeout: how long a server is waited for that isn't known to answer late.
    public init(capacity: Int, lifetime: Duration, dialTimeout: Duration) {
        limits = ServerRecord.Limits(timeout: dialTimeout.nanoseconds, knowledge: lifetime.nanoseconds)
        self.lifetime = max(limits.knowledge, 3600_000_000_000)
        records = BoundedMemory(capacity: capacity)
        silences = BoundedMemory(capacity: capacity)
    }

    /// What the server speaks; nil if that isn't known.
    public func knowledge(of server: Endpoint, at now: UInt64) -> ServerKnowledge? {
        records.value(for: server, at: now)?.knowledge(at: now)
    }

    /// What the client's next SYN to the server is to be met with.
    public func advice(for tuple: FourTuple, at now: UInt64) -> DialAdvice {
        let record = records.value(for: tuple.server, at: now) ?? ServerRecord()
        let advice = record.advice(at: now, limits)
        guard case .dial = advice, silences.value(for: Pair(tuple), at: now)?.lasts(at: now) == true else {
            return advice
        }
        return .silent
    }

    /// The server has shown what it speaks.
    public mutating func learn(_ knowledge: ServerKnowledge, of server: Endpoint, at now: UInt64) {
        change(server, at: now) { $0.learn(knowledge, at: now, $1) }
    }

    /// The server has answered this client after so many nanoseconds.
    public mutating func learnAnswer(_ tuple: FourTuple, after time: UInt64, at now: UInt64) {
        change(tuple.server, at: now) { $0.answered(after: time, $1) }
        // Mostly there is none.
        guard silences.value(for: Pair(tuple), at: now) != nil else { return }
        silences.remember(Silence(), for: Pair(tuple), at: now, lifetime: 1)
    }

    /// The server has said nothing to this client.
    public mutating func learnSilence(_ tuple: FourTuple, at now: UInt64) {
        var silence = silences.value(for: Pair(tuple), at: now) ?? Silence()
        let length = silence.again(at: now)
        silences.remember(silence, for: Pair(tuple), at: now, lifetime: length + Silence.memory)
    }

    /// Writes only what has changed.
    private mutating func change(
        _ server: Endpoint, at now: UInt64, _ body: (inout ServerRecord, ServerRecord.Limits) -> Void
    ) {
        let before = records.value(for: server, at: now) ?? ServerRecord()
        var record = before
        body(&record, limits)
        if record != before { records.remember(record, for: server, at: now, lifetime: lifetime) }
    }
}
