import LinuxSystem
import Policy
import Synchronization
import Wire

/// What dials have taught about servers, shared by the packet path, which asks, and the workers, which learn.
final class ServerMemory: Sendable {
    private let memory: Mutex<BoundedMemory<Endpoint, ServerKnowledge>>
    private let lifetime: UInt64
    /// Silence is no property of a server: it may answer the next minute.
    private static let silenceLifetime: UInt64 = 15_000_000_000

    init(capacity: Int, lifetime: Duration) {
        memory = Mutex(BoundedMemory(capacity: capacity))
        self.lifetime = (MonotonicTime(nanoseconds: 0) + lifetime).nanoseconds
    }

    func knowledge(of server: Endpoint) -> ServerKnowledge? {
        let now = MonotonicTime.now.nanoseconds
        return memory.withLock { $0.value(for: server, at: now) }
    }

    /// What is already known stays as old as it is, so that it is verified again in time.
    func learn(_ knowledge: ServerKnowledge, of server: Endpoint) {
        let now = MonotonicTime.now.nanoseconds
        memory.withLock { memory in
            guard memory.value(for: server, at: now) != knowledge else { return }
            memory.remember(
                knowledge, for: server, at: now, lifetime: knowledge == .silent ? Self.silenceLifetime : lifetime)
        }
    }
}
