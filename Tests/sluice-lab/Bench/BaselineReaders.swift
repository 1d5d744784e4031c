import CBaseline
import Glibc
import Lab
import LinuxSystem
import SystemPackage

/// C readers of queues in a lab's box, a thread for each, in the place of Sluice.
struct BaselineReaders {
    private let readers: [Reader]

    /// What a reader has at the start of its run, and is told; each belongs to its thread, but for the stopping.
    private final class Reader: @unchecked Sendable {
        private let reader: UnsafeMutablePointer<baseline_reader>
        private var thread: SystemThread?
        private var outcome: Int32 = 0

        /// Waits for a second when the queue has another reader: that of a daemon that was killed just now.
        init(_ queue: UInt16, copyRange: UInt16, maximumLength: UInt32, processor: Int32) throws {
            reader = .allocate(capacity: 1)
            let deadline = MonotonicTime.now + .seconds(1)
            var code: Int32
            repeat {
                code = baseline_open(reader, queue, copyRange, maximumLength)
                if code != 0 { usleep(20_000) }
            } while code == Errno.notPermitted.rawValue && MonotonicTime.now < deadline
            guard code == 0 else { throw SystemError("queue \(queue), C", Errno(rawValue: code)) }
            thread = try SystemThread(named: "queue C \(queue)") { [self] in
                _ = baseline_pin(0, processor)
                outcome = baseline_run(reader)
            }
        }

        func stop() throws -> ReaderUse {
            baseline_stop(reader)
            thread?.join()
            baseline_close(reader)
            defer { reader.deallocate() }
            guard outcome == 0 else { throw SystemError("reading a queue, C", Errno(rawValue: outcome)) }
            return ReaderUse(
                packets: reader.pointee.packets, nanoseconds: reader.pointee.nanoseconds,
                wakeups: reader.pointee.wakeups)
        }
    }

    /// Binds the queues and reads them from now on, on one processor (-1: on any).
    init(
        _ lab: Lab, _ queues: ClosedRange<UInt16>, copyRange: UInt16, maximumLength: UInt32, processor: Int32
    ) throws {
        readers = try lab.namespace(.box).run {
            try queues.map {
                try Reader($0, copyRange: copyRange, maximumLength: maximumLength, processor: processor)
            }
        }
    }

    /// Ends all of them; once.
    func stop() throws -> ReaderUse {
        try readers.map { try $0.stop() }.reduce(ReaderUse()) { $0 + $1 }
    }
}
