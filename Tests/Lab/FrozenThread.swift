import Glibc
import LinuxSystem

/// A thread of another process that stands still while this object lives, and no other of that process: SIGSTOP would stop them all, so
/// that it is held by ptrace(2).
public final class FrozenThread {
    private let tracer: SystemThread
    private let release: UnsafeMutablePointer<sem_t>

    /// - Parameters:
    ///   - name: As /proc/PID/task/TID/comm has it.
    /// - Throws: `LabError.notFound` when there is none of that name, or `SystemError`.
    public init(named name: String, of process: pid_t) throws {
        let tasks = directoryEntries("/proc/\(process)/task").compactMap { pid_t($0) }
        guard let thread = tasks.first(where: { (try? readFile("/proc/\(process)/task/\($0)/comm")) == "\(name)\n" })
        else { throw LabError.notFound("no thread \(name) of process \(process)") }
        let release = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
        let isHeld = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
        sem_init(release, 0, 0)
        sem_init(isHeld, 0, 0)
        defer {
            sem_destroy(isHeld)
            isHeld.deallocate()
        }
        self.release = release
        nonisolated(unsafe) let sharedRelease = release
        nonisolated(unsafe) let sharedHeld = isHeld
        // All of it has to be one thread's: that is the tracer.
        tracer = try SystemThread(named: "tracer") {
            var status: Int32 = 0
            _ = trace(.seize, thread)
            _ = trace(.interrupt, thread)
            waitpid(thread, &status, anyChild)
            sem_post(sharedHeld)
            while sem_wait(sharedRelease) != 0 {}
            _ = trace(.detach, thread)
        }
        while sem_wait(isHeld) != 0 {}
    }

    /// Lets it go on. Once only.
    public func thaw() {
        sem_post(release)
        tracer.join()
        sem_destroy(release)
        release.deallocate()
    }
}

/// Requests of linux/ptrace.h.
private enum TraceRequest: Int {
    case detach = 17
    case seize = 0x4206
    case interrupt = 0x4207
}

/// __WALL: threads, too (waitpid(2)).
private let anyChild = Int32(bitPattern: 0x4000_0000)

/// ptrace is variadic, and so not to be seen from Swift; its arguments are passed like those of any other function.
private func trace(_ request: TraceRequest, _ thread: pid_t) -> Int {
    typealias Function = @convention(c) (Int, Int, Int, Int) -> Int
    let function = unsafeBitCast(dlsym(nil, "ptrace"), to: Function.self)
    return function(request.rawValue, Int(thread), 0, 0)
}
