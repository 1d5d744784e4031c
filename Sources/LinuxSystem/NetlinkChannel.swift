import CLinux
import Glibc
import SystemPackage

/// A netlink socket for lists, for batches of orders, and for news of multicast groups (netlink(7)). One object a thread,
/// or behind a lock.
package final class NetlinkChannel {
    private let socket: Descriptor
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)
    private var number: UInt32 = 0
    private var isBound = false

    /// In the network namespace of the calling thread.
    ///
    /// - Parameter family: the netlink family, such as NETLINK_ROUTE (0) or NETLINK_NETFILTER (12).
    package init(_ family: Int32) throws(SystemError) {
        let type = Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue)
        socket = Descriptor(
            owning: try systemCall("socket netlink \(family)") { Glibc.socket(AF_NETLINK, type, family) })
        // An answer that is lost is an error, and not the end of its thread.
        var patience = timeval(tv_sec: 2, tv_usec: 0)
        try systemCall("SO_RCVTIMEO") {
            setsockopt(
                socket.rawValue, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    /// Takes over a channel that another process has made, with what the kernel keeps for as long as it is open.
    package init(owning descriptor: consuming Descriptor) { socket = descriptor }

    /// Readable when there is news.
    package var descriptor: Int32 { socket.rawValue }

    // MARK: lists

    /// Has the kernel heed what a request for a list says of the entries that are wanted (NETLINK_GET_STRICT_CHK).
    package func filterStrictly() throws(SystemError) { try set(Self.strictCheck, 1) }

    /// Asks for a list and hands each entry to `body`.
    ///
    /// - Returns: false when the list changed while it was made, and so may lack entries (NLM_F_DUMP_INTR).
    /// - Throws: `SystemError` with the kernel's errno: ENOENT, among others, when what is asked about isn't there.
    package func list(_ request: NetlinkMessage, _ body: (NetlinkReply) -> Void) throws(SystemError) -> Bool {
        var request = request
        request.addFlags(NetlinkMessage.dump)
        try send([request])
        var isConsistent = true
        while true {
            for reply in try receive() where reply.sequence == number {
                if reply.flags & Self.interrupted != 0 { isConsistent = false }
                guard reply.isError || reply.isDone else {
                    body(reply)
                    continue
                }
                if reply.errno.rawValue != 0 { throw SystemError("netlink list", reply.errno) }
                return isConsistent
            }
        }
    }

    // MARK: orders

    /// Sends orders in one datagram, which the kernel works through whole, and waits for the answer to the last of those
    /// that ask for one (NLM_F_ACK).
    ///
    /// - Throws: `SystemError` with the first errno that came back.
    package func carryOut(_ orders: [NetlinkMessage]) throws(SystemError) {
        let first = number &+ 1
        try send(orders)
        let acknowledged = orders.lastIndex { $0.flags & NetlinkMessage.acknowledge != 0 }
        guard let acknowledged else { return }
        let last = first &+ UInt32(acknowledged)
        var failure: Errno?
        while true {
            for reply in try receive() where reply.isError {
                if reply.errno.rawValue != 0, failure == nil { failure = reply.errno }
                // What can't even begin is not answered any further (net/netfilter/nfnetlink.c, nfnetlink_rcv_batch).
                let isAll = reply.sequence == last || reply.sequence == first && reply.errno.rawValue != 0
                guard isAll else { continue }
                if let failure { throw SystemError("netlink order", failure) }
                return
            }
        }
    }

    // MARK: news

    /// Joins a multicast group. Few bytes wait for their reader: news that find no room are an overflow.
    package func join(group: UInt32) throws(SystemError) {
        try bind()
        try set(Self.addMembership, Int32(group))
    }

    /// A socket without a port hears nothing: the kernel's broadcasts leave out their sender, whose port is 0 as well
    /// (net/netlink/af_netlink.c, do_one_broadcast).
    private func bind() throws(SystemError) {
        guard !isBound else { return }
        // struct sockaddr_nl: family, padding, port (0: any), groups.
        var address = [UInt8](repeating: 0, count: 12)
        address.withUnsafeMutableBytes { $0.storeBytes(of: UInt16(AF_NETLINK), as: UInt16.self) }
        try systemCall("bind netlink socket") {
            address.withUnsafeBytes {
                Glibc.bind(
                    socket.rawValue, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
            }
        }
        isBound = true
    }

    /// Takes what has come, without waiting, and hands it to `body`.
    ///
    /// - Returns: false when news were lost because there was no room for them (ENOBUFS).
    package func takeNews(_ body: (NetlinkReply) -> Void) -> Bool {
        var isComplete = true
        while true {
            let count = systemCallResult {
                recv(socket.rawValue, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            }
            switch count {
            case .success(let count): for reply in replies(count) { body(reply) }
            case .failure(.noBufferSpace): isComplete = false
            case .failure: return isComplete
            }
        }
    }

    // MARK: -

    private func send(_ messages: [NetlinkMessage]) throws(SystemError) {
        var datagram: [UInt8] = []
        for message in messages {
            number &+= 1
            var message = message
            message.sequence = number
            datagram += message.bytes
        }
        try systemCall("send netlink request") { Glibc.send(socket.rawValue, datagram, datagram.count, 0) }
    }

    private func receive() throws(SystemError) -> [NetlinkReply] {
        replies(try systemCall("receive netlink reply") { recv(socket.rawValue, &buffer, buffer.count, 0) })
    }

    /// The messages of a datagram.
    private func replies(_ count: Int) -> [NetlinkReply] {
        var replies: [NetlinkReply] = []
        var offset = 0
        while offset + 16 <= count {
            let length = Int(
                buffer.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) })
            guard length >= 16, offset + length <= count else { break }
            replies.append(NetlinkReply(bytes: Array(buffer[offset..<offset + length])))
            offset += (length + 3) & ~3
        }
        return replies
    }

    private func set(_ option: Int32, _ value: Int32) throws(SystemError) {
        var value = value
        try systemCall("netlink option \(option)") {
            setsockopt(socket.rawValue, Self.level, option, &value, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    // linux/netlink.h: SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NETLINK_GET_STRICT_CHK, NLM_F_DUMP_INTR.
    private static let level: Int32 = 270
    private static let addMembership: Int32 = 1
    private static let strictCheck: Int32 = 12
    private static let interrupted: UInt16 = 0x10
}
