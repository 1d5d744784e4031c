import LinuxSystem
import Synchronization

/// Runs blocking work on a thread of its own, so that it doesn't hold one of the few on which async functions run.
func onThread<Value: Sendable>(
    named name: String, isolation: isolated (any Actor)? = #isolation, _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    var thread: SystemThread?
    defer { thread?.join() }
    return try await withCheckedThrowingContinuation { continuation in
        do {
            thread = try SystemThread(named: name) { continuation.resume(with: Result(catching: body)) }
        } catch {
            continuation.resume(throwing: error)
        }
    }
}
