import CLinux
import Glibc
import Synchronization

/// Messages from any thread to the one thread that owns an event loop. On a wake-up the owner takes everything that has come.
///
/// A post on the owner's own loop thread makes no system call: the message is found at the end of the turn
/// (`LoopThread.Place.watch(_:tag:)`). All others write to an eventfd, `descriptor`.
///
/// Inlinable, since each SYN posts several: unspecialized, a message asks the runtime for its type.
public final class Mailbox<Message: Sendable>: Sendable {
    @usableFromInline let messages = Mutex<[Message]>([])
    @usableFromInline let bell: Bell

    public init() throws(SystemError) { bell = try Bell() }

    /// Readable when messages from other threads wait.
    public var descriptor: Int32 { bell.descriptor }

    @inlinable public func post(_ message: Message) {
        let wasEmpty = messages.withLock { waiting in
            waiting.append(message)
            return waiting.count == 1
        }
        if wasEmpty { bell.ring() }
    }

    /// Takes what has come, in order. For the owning thread only.
    @inlinable public func take() -> [Message] {
        bell.clear()
        return messages.withLock { waiting in
            let taken = waiting
            waiting = []
            return taken
        }
    }
}

/// Tells the owner of a mailbox that there is something in it: rung once until it is cleared.
@usableFromInline final class Bell: Sendable {
    private let event: Descriptor
    /// The loop on whose thread the owner lives; 0: none.
    private let home = Atomic<UInt>(0)
    /// Has it been rung on the owner's thread? Touched there alone.
    private nonisolated(unsafe) var isRungAtHome = false

    init() throws(SystemError) {
        event = Descriptor(owning: try systemCall("eventfd") { eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)) })
    }

    var descriptor: Int32 { event.rawValue }

    @usableFromInline func ring() {
        let home = home.load(ordering: .relaxed)
        if home != 0, home == sluice_current_loop() {
            isRungAtHome = true
        } else {
            eventfd_write(event.rawValue, 1)
        }
    }

    @usableFromInline func clear() {
        guard !isRungAtHome else {
            isRungAtHome = false
            return
        }
        var count: eventfd_t = 0
        eventfd_read(event.rawValue, &count)
    }

    /// `loop`: as `sluice_current_loop` says on its thread.
    func live(at loop: UInt) { home.store(loop, ordering: .relaxed) }

    /// For the owner's thread.
    var waits: Bool { isRungAtHome }
}
