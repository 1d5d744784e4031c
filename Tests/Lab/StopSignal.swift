import Glibc
import LinuxSystem

/// Tells a thread that waits in poll(2) to stop: its descriptor becomes readable, once and for good.
final class StopSignal: Sendable {
    /// To be polled for POLLIN.
    let descriptor: Int32
    private let trigger: Int32

    init() throws(SystemError) {
        var pair: [Int32] = [-1, -1]
        try systemCall("socketpair") {
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair)
        }
        (descriptor, trigger) = (pair[0], pair[1])
    }

    deinit {
        close(descriptor)
        close(trigger)
    }

    func fire() { shutdown(trigger, Int32(SHUT_RDWR)) }
}
