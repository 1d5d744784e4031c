import CLinux
import Glibc
import Synchronization

/// Messages from any thread to the one thread that owns an event loop. The owner watches `descriptor`, and on a wake-up
/// takes everything that has come.
///
/// Inlinable, since each SYN posts several: unspecialized, a message asks the runtime for its type.
public final class Mailbox<Message: Sendable>: Sendable {
    @usableFromInline let messages = Mutex<[Message]>([])
    @usableFromInline let event: Descriptor

    public init() throws(SystemError) {
        event = Descriptor(owning: try systemCall("eventfd") { eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)) })
    }

    /// Readable when messages wait.
    public var descriptor: Int32 { event.rawValue }

    @inlinable public func post(_ message: Message) {
        let wasEmpty = messages.withLock { waiting in
            waiting.append(message)
            return waiting.count == 1
        }
        if wasEmpty { wake() }
    }

    /// Takes what has come, in order. For the owning thread only.
    @inlinable public func take() -> [Message] {
        clear()
        return messages.withLock { waiting in
            let taken = waiting
            waiting = []
            return taken
        }
    }

    @usableFromInline func wake() { eventfd_write(event.rawValue, 1) }

    @usableFromInline func clear() {
        var count: eventfd_t = 0
        eventfd_read(event.rawValue, &count)
    }
}
