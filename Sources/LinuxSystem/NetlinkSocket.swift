import Glibc
import SystemPackage

/// A netlink socket for questions that have one message as an answer (netlink(7)).
struct NetlinkSocket: ~Copyable {
    private let descriptor: Descriptor

    /// In the network namespace of the calling thread.
    init(_ netlinkFamily: Int32) throws(SystemError) {
        let type = Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue)
        descriptor = Descriptor(
            owning: try systemCall("socket netlink \(netlinkFamily)") { socket(AF_NETLINK, type, netlinkFamily) })
    }

    /// Sends one request and takes its answer; an error that the kernel answers with is thrown.
    func exchange(_ request: UnsafeRawBufferPointer) throws(SystemError) -> NetlinkReply {
        try systemCall("send netlink request") {
            send(descriptor.rawValue, request.baseAddress, request.count, 0)
        }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = try systemCall("receive netlink reply") {
            recv(descriptor.rawValue, &buffer, buffer.count, 0)
        }
        let reply = NetlinkReply(bytes: Array(buffer.prefix(count)))
        if reply.isError { throw SystemError("netlink", Errno(rawValue: -Int32(bitPattern: reply.word(at: 16)))) }
        return reply
    }
}

/// One netlink message: its header of 16 bytes, the family's own header, attributes.
struct NetlinkReply {
    let bytes: [UInt8]

    /// NLMSG_ERROR
    var isError: Bool { word(at: 4) & 0xffff == 2 }

    /// In host order; 0 beyond the end.
    func word(at offset: Int) -> UInt32 {
        guard offset + 4 <= bytes.count else { return 0 }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
    }

    func byte(at offset: Int) -> UInt8 { bytes.indices.contains(offset) ? bytes[offset] : 0 }

    /// The range of an attribute's payload among the attributes that lie in `range`.
    func attribute(_ type: UInt16, in range: Range<Int>) -> Range<Int>? {
        var offset = range.lowerBound
        while offset + 4 <= range.upperBound {
            let header = word(at: offset)
            let length = Int(header & 0xffff)
            guard length >= 4, offset + length <= range.upperBound else { return nil }
            // The two upper bits of a type are flags.
            if UInt16(truncatingIfNeeded: header >> 16) & 0x3fff == type { return offset + 4..<offset + length }
            offset += (length + 3) & ~3
        }
        return nil
    }

    /// The range of everything behind the family's own header of `size` bytes.
    func attributes(afterHeader size: Int) -> Range<Int> {
        let start = 16 + size
        return start..<max(start, bytes.count)
    }
}
