import CNetlinkRoute
import Glibc
import SystemPackage

/// One message to be sent. libnl's builder takes care of lengths and padding.
final class Request {
    let message: OpaquePointer
    /// For the error, should it fail: `make qdisc htb 7700: on lan0`.
    let attempt: String
    /// The kernel module without which it fails.
    let module: String?

    /// Takes ownership of a message that libnl made.
    init(owning message: OpaquePointer, _ attempt: String, module: String? = nil) {
        self.message = message
        self.attempt = attempt
        self.module = module
    }

    convenience init(
        _ type: Int, _ flags: Int32, _ header: some BitwiseCopyable, _ attributes: [Attribute], _ attempt: String,
        module: String? = nil
    ) {
        let size = attributes.reduce(256) { $0 + $1.payload.count + 8 }
        guard let message = nlmsg_alloc_size(size) else { preconditionFailure("out of memory") }
        nlmsg_put(message, UInt32(NL_AUTO_PORT), UInt32(NL_AUTO_SEQ), Int32(type), 0, flags)
        withUnsafeBytes(of: header) {
            _ = nlmsg_append(message, UnsafeMutableRawPointer(mutating: $0.baseAddress), $0.count, 4)
        }
        for attribute in attributes {
            nla_put(message, Int32(attribute.type), Int32(attribute.payload.count), attribute.payload)
        }
        self.init(owning: message, attempt, module: module)
    }

    deinit { nlmsg_free(message) }

    var header: UnsafeMutablePointer<nlmsghdr> { nlmsg_hdr(message) }
}

/// One message that came back.
struct Reply {
    let type: Int
    let sequence: UInt32
    let flags: UInt16
    let payload: [UInt8]

    init(_ header: UnsafePointer<nlmsghdr>) {
        type = Int(header.pointee.nlmsg_type)
        sequence = header.pointee.nlmsg_seq
        flags = header.pointee.nlmsg_flags
        payload = Array(UnsafeRawBufferPointer(start: nlmsg_data(header), count: Int(nlmsg_datalen(header))))
    }

    /// The family's own header, and what follows it.
    func parts<Header: BitwiseCopyable>(_ type: Header.Type) -> (Header, [Attribute]) {
        let size = (MemoryLayout<Header>.size + 3) & ~3
        return (Attribute(0, payload).value(as: type), [Attribute](payload.dropFirst(size)))
    }

    /// What NLMSG_ERROR, or NLMSG_DONE after a list, carries; 0 for success.
    var code: Errno { Errno(rawValue: -Attribute(0, payload).value(as: Int32.self)) }

    /// The text of an extended acknowledgement: behind the errno and the request's header (NETLINK_CAP_ACK leaves the
    /// rest of the request out).
    var words: String {
        guard flags & UInt16(NLM_F_ACK_TLVS) != 0 else { return "" }
        return [Attribute](payload.dropFirst(4 + MemoryLayout<nlmsghdr>.size)).find(Int(NLMSGERR_ATTR_MSG.rawValue))?
            .text ?? ""
    }
}

/// A NETLINK_ROUTE socket in the network namespace of the thread that made it.
///
/// libnl maps the kernel's errno to fewer values of its own and drops its text, so the answers are read here.
final class RouteSocket {
    private let socket: OpaquePointer
    /// Called before anything is sent. For tests, which let it throw as if the kernel refused, or the process were dead.
    var willSend: (() throws(TrafficControlError) -> Void)?

    init() throws(TrafficControlError) {
        guard let socket = nl_socket_alloc() else { throw TrafficControlError("open a netlink socket", .noMemory) }
        self.socket = socket
        guard nl_connect(socket, NETLINK_ROUTE) == 0 else {
            throw TrafficControlError("open a netlink socket", Errno(rawValue: errno))
        }
        // A list comes in pieces of up to 32 KiB; the first look tells how large the next one is.
        nl_socket_enable_msg_peek(socket)
        var on: Int32 = 1
        for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK] {
            setsockopt(nl_socket_get_fd(socket), SOL_NETLINK, option, &on, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    deinit { nl_socket_free(socket) }

    /// Sends requests in one datagram, which the kernel works through whole, whatever becomes of this process
    /// (net/netlink/af_netlink.c, netlink_rcv_skb); then throws the first error, if there was one.
    func send(_ requests: [Request]) throws(TrafficControlError) {
        try transmit(requests, Int32(NLM_F_REQUEST | NLM_F_ACK))
        var waiting = requests[...]
        var failure: TrafficControlError?
        while let request = waiting.first {
            for reply in try receive(request)
            where reply.type == Int(NLMSG_ERROR) && reply.sequence == waiting.first?.header.pointee.nlmsg_seq {
                let answered = waiting.removeFirst()
                guard reply.code.rawValue != 0, failure == nil else { continue }
                failure = TrafficControlError(
                    answered.attempt, reply.code, words: reply.words, module: answered.module)
            }
        }
        if let failure { throw failure }
    }

    func list(_ request: Request) throws(TrafficControlError) -> [Reply] {
        try transmit([request], Int32(NLM_F_REQUEST | NLM_F_DUMP))
        var entries: [Reply] = []
        while true {
            for reply in try receive(request) where reply.sequence == request.header.pointee.nlmsg_seq {
                guard reply.type == Int(NLMSG_DONE) || reply.type == Int(NLMSG_ERROR) else {
                    entries.append(reply)
                    continue
                }
                guard reply.code.rawValue == 0 else { throw TrafficControlError(request.attempt, reply.code) }
                return entries
            }
        }
    }

    private func transmit(_ requests: [Request], _ flags: Int32) throws(TrafficControlError) {
        try willSend?()
        var datagram: [UInt8] = []
        for request in requests {
            nl_complete_msg(socket, request.message)
            request.header.pointee.nlmsg_flags |= UInt16(flags)
            datagram += UnsafeRawBufferPointer(start: request.header, count: Int(request.header.pointee.nlmsg_len))
            datagram += [UInt8](repeating: 0, count: -datagram.count & 3)
        }
        guard nl_sendto(socket, &datagram, datagram.count) >= 0 else {
            throw TrafficControlError(requests[0].attempt, Errno(rawValue: errno))
        }
    }

    private func receive(_ request: Request) throws(TrafficControlError) -> [Reply] {
        var sender = sockaddr_nl()
        var buffer: UnsafeMutablePointer<UInt8>?
        let count = nl_recv(socket, &sender, &buffer, nil)
        defer { free(buffer) }
        guard count > 0, let buffer else { throw TrafficControlError(request.attempt, Errno(rawValue: errno)) }
        var replies: [Reply] = []
        var left = count
        var header = UnsafeMutableRawPointer(buffer).assumingMemoryBound(to: nlmsghdr.self)
        while nlmsg_ok(header, left) != 0 {
            replies.append(Reply(header))
            header = nlmsg_next(header, &left)
        }
        return replies
    }
}
