import Synchronization

/// Lets orders pass one at a time, in the order in which they come: whoever changes rules, throttles or settings looks at
/// what there is and then changes it, over several waits, and nobody else does so in between.
final class OrderQueue: Sendable {
    private struct State {
        var isBusy = false
        var isSealed = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func run<Value>(
        isolation: isolated (any Actor)? = #isolation, _ order: () async throws -> Value
    ) async rethrows -> Value {
        await withCheckedContinuation { turn in
            let isFree = state.withLock { state in
                guard state.isBusy else {
                    state.isBusy = true
                    return true
                }
                state.waiting.append(turn)
                return false
            }
            if isFree { turn.resume() }
        }
        defer { passOn() }
        return try await order()
    }

    /// The order that is under way is the last: whoever comes, or waits, waits for the end of the process.
    func seal() { state.withLock { $0.isSealed = true } }

    private func passOn() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard !state.isSealed else { return nil }
            guard !state.waiting.isEmpty else {
                state.isBusy = false
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
