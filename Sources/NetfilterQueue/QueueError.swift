import SystemPackage

/// A queue that can't be bound or read, with what to do about it.
public struct QueueError: Error, Hashable, CustomStringConvertible {
    public let queue: UInt16
    public let errno: Errno

    public init(queue: UInt16, errno: Errno) {
        self.queue = queue
        self.errno = errno
    }

    public var problem: String {
        switch errno {
        case .resourceBusy: "NFQUEUE \(queue) has another reader"
        case .notPermitted, .permissionDenied: "NFQUEUE \(queue): not permitted"
        default: "NFQUEUE \(queue): \(errno)"
        }
    }

    /// What to do about it.
    public var mend: String {
        switch errno {
        case .resourceBusy:
            "stop it (see /proc/net/netfilter/nfnetlink_queue) or set [advanced] queue_base to a free range"
        case .notPermitted, .permissionDenied: "run as root or with CAP_NET_ADMIN"
        case .protocolNotSupported, .invalidArgument, .notSupported: "load the module: modprobe nfnetlink_queue"
        default: "see the kernel's log: dmesg"
        }
    }

    public var description: String { "\(problem); \(mend)" }
}
