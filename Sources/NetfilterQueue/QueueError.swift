import SystemPackage

/// A queue that can't be bound or read, with what to do about it.
public struct QueueError: Error, CustomStringConvertible {
    public let queue: UInt16
    public let errno: Errno

    public var description: String {
        switch errno {
        case .resourceBusy:
            "NFQUEUE \(queue) has another reader; stop it (see /proc/net/netfilter/nfnetlink_queue) or set "
                + "[advanced] queue_base to a free range"
        case .notPermitted, .permissionDenied:
            "NFQUEUE \(queue): not permitted; run as root or with CAP_NET_ADMIN"
        case .protocolNotSupported, .invalidArgument, .notSupported:
            "NFQUEUE \(queue): \(errno); load the module: modprobe nfnetlink_queue"
        default: "NFQUEUE \(queue): \(errno)"
        }
    }
}
