import CLinux
import Glibc
import SystemPackage

/// One end of a connection between two processes of this machine that carries messages and, beside them, descriptors
/// (unix(7), SOCK_SEQPACKET and SCM_RIGHTS).
public struct DescriptorChannel: ~Copyable, Sendable {
    private let socket: Descriptor

    /// A message has so many bytes at most.
    public static let largestMessage = 64 << 10
    /// And so many descriptors (net/core/scm.c, SCM_MAX_FD).
    public static let mostDescriptors = 253

    public init(owning descriptor: consuming Descriptor) { socket = descriptor }

    public var rawValue: Int32 { socket.rawValue }

    /// The two ends of a connection, both close-on-exec; the caller's to own.
    public static func pair() throws(SystemError) -> (Int32, Int32) {
        var ends: (Int32, Int32) = (-1, -1)
        let type = Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue)
        try systemCall("socketpair") {
            withUnsafeMutableBytes(of: &ends) {
                socketpair(AF_UNIX, type, 0, $0.baseAddress!.assumingMemoryBound(to: Int32.self))
            }
        }
        return ends
    }

    /// Sends a message; copies of the descriptors go with it. Throws ETIMEDOUT when there is no room for it until `deadline`.
    public func send(
        _ bytes: UnsafeRawBufferPointer, _ descriptors: ArraySlice<Int32> = [], until deadline: MonotonicTime
    ) throws(SystemError) {
        while true {
            let result = systemCallResult {
                descriptors.withUnsafeBufferPointer {
                    sluice_send_descriptors(
                        socket.rawValue, bytes.baseAddress, bytes.count, $0.baseAddress, UInt32($0.count))
                }
            }
            switch result {
            case .success: return
            // Too many descriptors are on their way (unix(7)): the reader takes them off.
            case .failure(.wouldBlock), .failure(.tooManyReferences):
                try wait(for: Int16(POLLOUT), until: deadline)
            case .failure(let error): throw SystemError("send to the other daemon", error)
            }
        }
    }

    /// A message with its descriptors.
    public struct Message: ~Copyable {
        public let bytes: [UInt8]
        public let descriptors: ReceivedDescriptors
    }

    /// The next message; nil when the other end is closed. Throws ETIMEDOUT when none comes until `deadline`.
    public func receive(until deadline: MonotonicTime) throws(SystemError) -> Message? {
        var bytes = [UInt8](repeating: 0, count: Self.largestMessage)
        var descriptors = [Int32](repeating: -1, count: Self.mostDescriptors)
        var count: UInt32 = 0
        while true {
            let result = systemCallResult {
                sluice_receive_descriptors(socket.rawValue, &bytes, bytes.count, &descriptors, &count)
            }
            switch result {
            case .success(0), .failure(.connectionReset): return nil
            case .success(let length):
                return Message(
                    bytes: Array(bytes.prefix(length)),
                    descriptors: ReceivedDescriptors(owning: descriptors.prefix(Int(count))))
            case .failure(.wouldBlock): try wait(for: Int16(POLLIN), until: deadline)
            case .failure(let error): throw SystemError("receive from the other daemon", error)
            }
        }
    }

    private func wait(for events: Int16, until deadline: MonotonicTime) throws(SystemError) {
        let now = MonotonicTime.now
        guard now < deadline else { throw SystemError("wait for the other daemon", .timedOut) }
        var wait = pollfd(fd: socket.rawValue, events: events, revents: 0)
        // Where it is the kernel's limit that is waited for, the socket may be writable at once.
        if events == Int16(POLLOUT) { usleep(200) }
        _ = poll(&wait, 1, min(deadline.milliseconds(from: now), 100))
    }
}

/// Descriptors that came from another process, in their order; what nobody takes is closed.
public final class ReceivedDescriptors {
    private var waiting: [Int32]
    private var next = 0

    init(owning descriptors: some Sequence<Int32>) { waiting = Array(descriptors) }

    public convenience init() { self.init(owning: []) }

    deinit { for descriptor in waiting[next...] { close(descriptor) } }

    /// How many nobody has taken.
    public var count: Int { waiting.count - next }

    /// nil when there are none left.
    public func take() -> Descriptor? {
        guard next < waiting.count else { return nil }
        next += 1
        return Descriptor(owning: waiting[next - 1])
    }

    /// All that are left, as another's.
    public func takeAll() -> ReceivedDescriptors {
        let all = ReceivedDescriptors()
        all.append(self)
        return all
    }

    /// Takes all that are left of another's.
    public func append(_ other: ReceivedDescriptors) {
        waiting += other.waiting[other.next...]
        other.next = other.waiting.count
    }
}
