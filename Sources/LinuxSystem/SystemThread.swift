import CLinux
import Glibc
import Synchronization

/// A POSIX thread that owns its state: the packet and stream paths run on these, not on Swift's cooperative pool, so
/// that they may block in the kernel.
public final class SystemThread: Sendable {
    private let handle: pthread_t
    private let isJoined = Atomic(false)

    /// Starts `body` on a new thread. `name` is cut to the 15 bytes that the kernel keeps. All signals are blocked on
    /// it, so that the main thread alone receives them.
    public init(named name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
                var all = sigset_t()
                sigfillset(&all)
                pthread_sigmask(SIG_BLOCK, &all, nil)
                sluice_set_thread_name(String(start.name.utf8.prefix(15)))
                start.body()
                return nil
            }, start.toOpaque())
        guard code == 0 else {
            start.release()
            throw SystemError("pthread_create \(name)", .init(rawValue: code))
        }
        handle = thread
    }

    /// Waits for the thread's end. Once only.
    public func join() {
        isJoined.store(true, ordering: .relaxed)
        pthread_join(handle, nil)
    }

    /// Nobody waits for it: the C library keeps the stack of a thread that was neither joined nor detached.
    deinit { if !isJoined.load(ordering: .relaxed) { pthread_detach(handle) } }

    /// Runs `body` on a new thread and waits for its result.
    public static func run<Value: Sendable>(
        named name: String, _ body: @escaping @Sendable () throws -> Value
    ) throws -> Value {
        let outcome = Outcome<Value>()
        try SystemThread(named: name) { outcome.result.withLock { $0 = Result(catching: body) } }.join()
        return try outcome.result.withLock { $0! }.get()
    }
}

private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

private final class Outcome<Value: Sendable>: Sendable {
    let result = Mutex<Result<Value, any Error>?>(nil)
}
