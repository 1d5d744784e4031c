import CLinux
import Glibc
import LinuxSystem
import Synchronization
import SystemPackage

/// A child process, `sluice-sentinel`, that shares this one's descriptors. When a queue's thread stands still for some
/// 300 ms while packets wait for it, or when this process ends, however it does, the sentinel lets go what waits and
/// sets the queue's length to 0: being full, it fails open. It gives the queue back when the thread moves again.
///
/// When this process dies with sessions in its register, the sentinel keeps their sockets for the next one (`KeptSessions`).
public final class Sentinel: Sendable {
    private let lifeline: Lifeline
    private let reaper: SystemThread

    /// What it keeps when this process dies, how long, and by which name it is asked for it.
    public struct Keeping: Sendable {
        public let register: SessionRegister
        let time: Duration
        let name: String

        public init(_ register: SessionRegister, for time: Duration, name: String) {
            self.register = register
            self.time = time
            self.name = name
        }

        fileprivate var shared: sluice_keeping {
            var keeping = sluice_keeping()
            keeping.memory = register.shared
            keeping.memory_fd = register.descriptor
            keeping.milliseconds = UInt32(clamping: time.components.seconds * 1000)
            withUnsafeMutableBytes(of: &keeping.name) { $0.copyBytes(from: name.utf8.prefix($0.count - 1)) }
            return keeping
        }
    }

    /// Starts it; the queues' threads must `beat()` from then on. `onDeath` is called when it ends without `stop()`.
    public init(_ queues: [PacketQueue], keeping: Keeping? = nil, onDeath: @escaping @Sendable () -> Void)
        throws(SystemError)
    {
        guard let pulses = sluice_pulses(UInt32(queues.count)) else {
            throw SystemError("mmap for the sentinel", Errno(rawValue: errno))
        }
        let watched = queues.enumerated().map { index, queue in
            sluice_watched_queue(
                fd: queue.descriptor, number: queue.number, length: queue.maximumLength, pulse: pulses + index)
        }
        var end: Int32 = -1
        var shared = keeping?.shared ?? sluice_keeping()
        let pid = try systemCall("start the sentinel") {
            sluice_sentinel_start(watched, UInt32(watched.count), &shared, &end)
        }
        for (index, queue) in queues.enumerated() { queue.pulse = pulses + index }
        let lifeline = Lifeline(Descriptor(owning: end))
        self.lifeline = lifeline
        reaper = try SystemThread(named: "sentinel") {
            _ = systemCallResult { waitpid(pid, nil, 0) }
            if lifeline.isOpen { onDeath() }
        }
    }

    /// Ends it without its touching the queues, which another sentinel has from now on. Returns whether this one has let
    /// packets go that its queues' threads had received. Once only, instead of `stop`.
    public func dismiss(_ queues: [PacketQueue]) -> Bool {
        lifeline.release()
        reaper.join()
        return queues.contains { $0.hasBeenSubstituted }
    }

    /// Ends it; the queues are unbound with it if their own threads have let go of them. Once only.
    public func stop() {
        lifeline.cut()
        reaper.join()
    }

    /// The sentinel ends when this is closed.
    private final class Lifeline: Sendable {
        private let pipe: Mutex<Descriptor?>

        init(_ pipe: consuming Descriptor) { self.pipe = Mutex(pipe) }

        var isOpen: Bool { pipe.withLock { $0 != nil } }

        func release() {
            guard let pipe = pipe.withLock({ $0.take() }) else { return }
            _ = systemCallResult { write(pipe.rawValue, "x", 1) }
        }

        func cut() { pipe.withLock { $0 = nil } }
    }
}
