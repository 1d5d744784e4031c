import Synchronization

/// Messages from any thread to the one thread that owns an event loop. On a wake-up the owner takes everything that has come.
///
/// A post on the owner's own loop thread makes no system call: the message is found at the end of the turn
/// (`LoopThread.Place.watch(_:tag:)`). All others write to an eventfd, `descriptor`.
///
/// Inlinable, since each SYN posts several: unspecialized, a message asks the runtime for its type.
public final class Mailbox<Message: Sendable>: Sendable {
    @usableFromInline let messages = Mutex<[Message]>([])
    @usableFromInline let wakeup: Wakeup

    public init() throws(SystemError) { wakeup = try Wakeup() }

    /// Readable when messages from other threads wait.
    public var descriptor: Int32 { wakeup.descriptor }

    @inlinable public func post(_ message: Message) {
        let wasEmpty = messages.withLock { waiting in
            waiting.append(message)
            return waiting.count == 1
        }
        if wasEmpty { wakeup.signal() }
    }

    public var isEmpty: Bool { messages.withLock { $0.isEmpty } }

    /// Takes what has come, in order. For the owning thread only.
    @inlinable public func take() -> [Message] {
        wakeup.clear()
        return messages.withLock { waiting in
            let taken = waiting
            waiting = []
            return taken
        }
    }
}
