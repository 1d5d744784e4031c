import LinuxSystem
import Synchronization

/// A socket on its way from one worker to another, in a message. It is closed if nobody takes it out.
final class HandedSocket: Sendable {
    private let socket: Mutex<StreamSocket?>

    init(_ socket: consuming StreamSocket) { self.socket = Mutex(socket) }

    /// nil when it has been taken before.
    func take() -> StreamSocket? { socket.withLock { $0.take() } }
}
