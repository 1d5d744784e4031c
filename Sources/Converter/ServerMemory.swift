import LinuxSystem
import Policy
import Synchronization
import Wire

/// What dials have taught about servers, shared by the packet path, which asks, and the workers, which learn.
final class ServerMemory: Sendable {
    /// Silence is no property of a server: a packet was lost, or the server doesn't answer this client.
    private struct Way: Hashable {
        let client: IPAddress
        let server: Endpoint
    }

    private let memory: Mutex<BoundedMemory<Endpoint, ServerKnowledge>>
    private let silences: Mutex<BoundedMemory<Way, Bool>>
    private let lifetime: UInt64
    private static let silenceLifetime: UInt64 = 15_000_000_000

    init(capacity: Int, lifetime: Duration) {
        memory = Mutex(BoundedMemory(capacity: capacity))
        silences = Mutex(BoundedMemory(capacity: capacity))
        self.lifetime = (MonotonicTime(nanoseconds: 0) + lifetime).nanoseconds
    }

    func knowledge(of server: Endpoint) -> ServerKnowledge? {
        let now = MonotonicTime.now.nanoseconds
        return memory.withLock { $0.value(for: server, at: now) }
    }

    /// Has the server not answered this client lately?
    func wasSilent(_ tuple: FourTuple) -> Bool {
        let now = MonotonicTime.now.nanoseconds
        let way = Way(client: tuple.client.address, server: tuple.server)
        return silences.withLock { $0.value(for: way, at: now) != nil }
    }

    func learnSilence(_ tuple: FourTuple) {
        let now = MonotonicTime.now.nanoseconds
        let way = Way(client: tuple.client.address, server: tuple.server)
        silences.withLock { $0.remember(true, for: way, at: now, lifetime: Self.silenceLifetime) }
    }

    /// What is already known stays as old as it is, so that it is verified again in time.
    func learn(_ knowledge: ServerKnowledge, of server: Endpoint) {
        let now = MonotonicTime.now.nanoseconds
        memory.withLock { memory in
            guard memory.value(for: server, at: now) != knowledge else { return }
            memory.remember(knowledge, for: server, at: now, lifetime: lifetime)
        }
    }
}
