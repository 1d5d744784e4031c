import CNetfilterQueue
import Glibc
import LinuxSystem

/// Verdict messages packed one behind the other, for one send. NFQNL_MSG_VERDICT_BATCH would be shorter, but answers
/// every packet up to an id, held ones included.
///
/// Written here, field by field, and not by the library: there is one for each packet, and all that differs from one to
/// the next is four bytes (docs/performance/notebook.md).
struct VerdictBuffer: ~Copyable {
    private let queue: UInt16
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 8)
    private var used = 0

    /// nlmsghdr, nfgenmsg and NFQA_VERDICT_HDR; then NFQA_MARK, if there is one, and NFQA_PAYLOAD.
    private static let shortMessage = 32
    private static let longMessage = 40

    init(queue: UInt16) { self.queue = queue }

    deinit { buffer.deallocate() }

    /// false when the buffer is full: send, then try again.
    @discardableResult
    mutating func append(_ id: UInt32, _ verdict: Int32, mark: UInt32?, payload: UnsafeRawBufferPointer? = nil) -> Bool
    {
        let headers = mark == nil ? Self.shortMessage : Self.longMessage
        // Attributes and messages are aligned to four bytes (linux/netlink.h).
        let length = payload.map { headers + 4 + ($0.count + 3) & ~3 } ?? headers
        guard buffer.count - used >= length else { return false }
        let message = UnsafeMutableRawBufferPointer(rebasing: buffer[used..<used + length])
        message.store(UInt32(length), at: 0)
        message.store(UInt16(NFNL_SUBSYS_QUEUE) << 8 | UInt16(NFQNL_MSG_VERDICT.rawValue), at: 4)
        message.store(UInt16(NLM_F_REQUEST), at: 6)
        // Sequence number and port: the kernel's answers are told apart by their type alone.
        message.store(UInt64(0), at: 8)
        // Family and version.
        message.store(UInt8(AF_UNSPEC), at: 16)
        message.store(UInt8(NFNETLINK_V0), at: 17)
        message.store(queue.bigEndian, at: 18)
        message.store(UInt16(12), at: 20)
        message.store(UInt16(NFQA_VERDICT_HDR.rawValue), at: 22)
        message.store(UInt32(bitPattern: verdict).bigEndian, at: 24)
        message.store(id.bigEndian, at: 28)
        if let mark {
            message.store(UInt16(8), at: 32)
            message.store(UInt16(NFQA_MARK.rawValue), at: 34)
            message.store(mark.bigEndian, at: 36)
        }
        if let payload {
            message.store(UInt16(4 + payload.count), at: headers)
            message.store(UInt16(NFQA_PAYLOAD.rawValue), at: headers + 2)
            UnsafeMutableRawBufferPointer(rebasing: message[(headers + 4)...]).copyMemory(from: payload)
        }
        used += length
        return true
    }

    mutating func send(to descriptor: Int32) {
        guard used > 0 else { return }
        // The kernel handles netlink requests in the call itself: it takes all of them or, for want of memory, none. Those
        // are sent with the next.
        if case .success = systemCallResult({ Glibc.send(descriptor, buffer.baseAddress, used, 0) }) { used = 0 }
    }
}

extension UnsafeMutableRawBufferPointer {
    fileprivate func store<Value: BitwiseCopyable>(_ value: Value, at offset: Int) {
        storeBytes(of: value, toByteOffset: offset, as: Value.self)
    }
}
