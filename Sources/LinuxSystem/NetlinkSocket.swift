import CLinux
import Glibc
import Synchronization
import SystemPackage

/// A netlink socket for questions and orders that have one message as an answer (netlink(7)).
struct NetlinkSocket: ~Copyable {
    private let descriptor: Descriptor
    private let lastSequence = Atomic<UInt32>(0)

    /// In the network namespace of the calling thread.
    init(_ netlinkFamily: Int32) throws(SystemError) {
        let type = Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = Descriptor(
            owning: try systemCall("socket netlink \(netlinkFamily)") { socket(AF_NETLINK, type, netlinkFamily) })
        // The kernel answers at once. If an answer is lost (ENOBUFS), nobody waits for it without end.
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        try systemCall("SO_RCVTIMEO") {
            setsockopt(
                descriptor.rawValue, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
        self.descriptor = descriptor
    }

    /// Sends one request and takes its answer; an error that the kernel answers with is thrown.
    func exchange(_ request: NetlinkMessage) throws(SystemError) -> NetlinkReply {
        let reply = try answer(to: request)
        if reply.isError { throw SystemError("netlink", reply.errno) }
        return reply
    }

    /// The same for a message that lies in memory as it is sent, but for its number.
    func exchange(_ request: UnsafeMutableRawBufferPointer) throws(SystemError) -> NetlinkReply {
        let reply = try answer(to: request)
        if reply.isError { throw SystemError("netlink", reply.errno) }
        return reply
    }

    /// Carries out a request that is answered by an acknowledgement alone (NLM_F_ACK); the kernel's errno when it isn't
    /// done.
    func carryOut(_ order: NetlinkMessage) throws(SystemError) -> Errno? {
        let reply = try answer(to: order)
        guard reply.isError else { throw SystemError("netlink", .badMessage) }
        return reply.errno.rawValue == 0 ? nil : reply.errno
    }

    /// For a socket that nobody reads.
    func limitReceiveBuffer() throws(SystemError) {
        var size: Int32 = 0
        try systemCall("SO_RCVBUF") {
            setsockopt(descriptor.rawValue, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    /// Joins a multicast group.
    func join(group: UInt32) throws(SystemError) {
        var group = group
        try systemCall("join netlink group \(group)") {
            setsockopt(descriptor.rawValue, Self.socketLevel, Self.addMembership, &group, 4)
        }
    }

    // SOL_NETLINK and NETLINK_ADD_MEMBERSHIP of linux/netlink.h.
    private static let socketLevel: Int32 = 270
    private static let addMembership: Int32 = 1

    private func answer(to request: NetlinkMessage) throws(SystemError) -> NetlinkReply {
        var bytes = request.bytes
        return try bytes.withUnsafeMutableBytes { bytes in
            Result { () throws(SystemError) in try answer(to: bytes) }
        }.get()
    }

    /// An answer bears its request's number: one that was late for an earlier request is not taken for it.
    private func answer(to request: UnsafeMutableRawBufferPointer) throws(SystemError) -> NetlinkReply {
        let sequence = lastSequence.wrappingAdd(1, ordering: .relaxed).newValue
        // nlmsg_seq
        request.storeBytes(of: sequence, toByteOffset: 8, as: UInt32.self)
        try systemCall("send netlink request") {
            send(descriptor.rawValue, request.baseAddress, request.count, 0)
        }
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = try systemCall("receive netlink reply") {
                recv(descriptor.rawValue, &buffer, buffer.count, 0)
            }
            let reply = NetlinkReply(bytes: Array(buffer.prefix(count)))
            if reply.sequence == sequence { return reply }
        }
    }
}

/// One netlink message: its header of 16 bytes, the family's own header, attributes.
package struct NetlinkReply {
    package let bytes: [UInt8]

    /// nlmsg_type.
    package var type: UInt16 { UInt16(truncatingIfNeeded: word(at: 4)) }

    var flags: UInt16 { UInt16(truncatingIfNeeded: word(at: 4) >> 16) }

    var sequence: UInt32 { word(at: 8) }

    /// NLMSG_ERROR, also when it says that all is well.
    var isError: Bool { word(at: 4) & 0xffff == 2 }

    /// NLMSG_DONE, the end of a list.
    var isDone: Bool { type == 3 }

    /// Of an error, or the end of a list; 0 when all is well.
    var errno: Errno { Errno(rawValue: -Int32(bitPattern: word(at: 16))) }

    /// In host order; 0 beyond the end.
    package func word(at offset: Int) -> UInt32 {
        guard offset + 4 <= bytes.count else { return 0 }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
    }

    package func byte(at offset: Int) -> UInt8 { bytes.indices.contains(offset) ? bytes[offset] : 0 }

    /// The range of an attribute's payload among the attributes that lie in `range`.
    package func attribute(_ type: UInt16, in range: Range<Int>) -> Range<Int>? {
        var found: Range<Int>?
        forEachAttribute(in: range) { if $0 == type, found == nil { found = $1 } }
        return found
    }

    /// The type and the range of the payload of each attribute that lies in `range`, up to the first broken one.
    package func forEachAttribute(in range: Range<Int>, _ body: (_ type: UInt16, _ payload: Range<Int>) -> Void) {
        var offset = range.lowerBound
        while offset + 4 <= range.upperBound {
            let header = word(at: offset)
            let length = Int(header & 0xffff)
            guard length >= 4, offset + length <= range.upperBound else { return }
            // The two upper bits of a type are flags.
            body(UInt16(truncatingIfNeeded: header >> 16) & 0x3fff, offset + 4..<offset + length)
            offset += (length + 3) & ~3
        }
    }

    /// The range of everything behind the family's own header of `size` bytes.
    package func attributes(afterHeader size: Int) -> Range<Int> {
        let start = 16 + size
        return start..<max(start, bytes.count)
    }
}
