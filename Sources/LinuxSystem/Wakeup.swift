import CLinux
import Glibc
import Synchronization

/// Wakes the thread that owns a mailbox: signalled once until it is cleared.
///
/// A signal from the owner's own loop thread sets a flag, which the loop reads at the end of its turn. One from any other
/// thread goes through an eventfd.
@usableFromInline final class Wakeup: Sendable {
    private let event: Descriptor
    /// The loop that the owner's thread runs; 0: none.
    private let loop = Atomic<UInt>(0)
    /// Signalled on the owner's thread. Touched there alone.
    private nonisolated(unsafe) var isFlagged = false

    init() throws(SystemError) {
        event = Descriptor(owning: try systemCall("eventfd") { eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)) })
    }

    /// Readable after a signal from another thread.
    var descriptor: Int32 { event.rawValue }

    @usableFromInline func signal() {
        let loop = loop.load(ordering: .relaxed)
        if loop != 0, loop == sluice_current_loop() {
            isFlagged = true
        } else {
            eventfd_write(event.rawValue, 1)
        }
    }

    @usableFromInline func clear() {
        guard !isFlagged else {
            isFlagged = false
            return
        }
        var count: eventfd_t = 0
        eventfd_read(event.rawValue, &count)
    }

    /// Signals from this loop's thread set the flag from now on.
    ///
    /// - Parameter loop: What `sluice_current_loop` returns on that thread.
    func attach(to loop: UInt) { self.loop.store(loop, ordering: .relaxed) }

    /// Has the owner's thread signalled? To be asked on that thread.
    var isPending: Bool { isFlagged }
}
