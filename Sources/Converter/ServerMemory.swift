import Handshake
import LinuxSystem
import Synchronization
import Wire

/// The directory of servers, shared by the packet path, which asks, and the workers, which learn.
package final class ServerMemory: Sendable {
    private let directory: Mutex<ServerDirectory>

    package init(_ directory: ServerDirectory) { self.directory = Mutex(directory) }

    func knowledge(of server: Endpoint) -> ServerKnowledge? {
        let now = MonotonicTime.now.nanoseconds
        return directory.withLock { $0.knowledge(of: server, at: now) }
    }

    package func advice(for tuple: FourTuple) -> DialAdvice {
        let now = MonotonicTime.now.nanoseconds
        return directory.withLock { $0.advice(for: tuple, at: now) }
    }

    package func learn(_ knowledge: ServerKnowledge, of server: Endpoint) {
        let now = MonotonicTime.now.nanoseconds
        directory.withLock { $0.learn(knowledge, of: server, at: now) }
    }

    package func learnAnswer(_ tuple: FourTuple, after time: UInt64) {
        let now = MonotonicTime.now.nanoseconds
        directory.withLock { $0.learnAnswer(tuple, after: time, at: now) }
    }

    func learnSilence(_ tuple: FourTuple) {
        let now = MonotonicTime.now.nanoseconds
        directory.withLock { $0.learnSilence(tuple, at: now) }
    }
}
