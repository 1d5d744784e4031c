import CNetfilterQueue
import Glibc
import LinuxSystem

/// Verdict messages packed one behind the other, for one send. NFQNL_MSG_VERDICT_BATCH would be shorter, but answers
/// every packet up to an id, held ones included.
struct VerdictBuffer: ~Copyable {
    private let queue: UInt16
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 8)
    private var used = 0

    /// Header, nfgenmsg, verdict and mark: 44 bytes, rounded up for safety.
    private static let largestMessage = 64

    init(queue: UInt16) { self.queue = queue }

    deinit { buffer.deallocate() }

    /// false when the buffer is full: send, then try again.
    @discardableResult
    mutating func append(_ id: UInt32, _ verdict: Int32, mark: UInt32?) -> Bool {
        guard buffer.count - used >= Self.largestMessage else { return false }
        let start = (buffer.baseAddress! + used).assumingMemoryBound(to: CChar.self)
        let message = nfq_nlmsg_put(start, Int32(NFQNL_MSG_VERDICT.rawValue), UInt32(queue))!
        nfq_nlmsg_verdict_put(message, Int32(bitPattern: id), verdict)
        if let mark { nfq_nlmsg_verdict_put_mark(message, mark) }
        used += (Int(message.pointee.nlmsg_len) + 3) & ~3
        return true
    }

    mutating func send(to descriptor: Int32) {
        guard used > 0 else { return }
        // The kernel handles netlink requests in the call itself: it takes all of them or, for want of memory, none. Those
        // are sent with the next.
        if case .success = systemCallResult({ Glibc.send(descriptor, buffer.baseAddress, used, 0) }) { used = 0 }
    }
}
