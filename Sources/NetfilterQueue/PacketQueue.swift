// NetfilterQueue: one NFQUEUE of the kernel (net/netfilter/nfnetlink_queue.c) as an object: bind it, receive a batch,
// answer with verdicts.
//
// It knows the netlink messages of the subsystem and nothing of what is in a packet. Each queue belongs to one thread,
// which reads it without blocking and answers in any order; verdicts are packed into one buffer and sent together.
// Nothing is allocated per packet: a packet is a view into the receive buffer, valid until the closure returns.
//
// The Inspector calls it for the box's own queues, the lab for its delay lines.

import CNetfilterQueue
import Glibc
import LinuxSystem
import SystemPackage

public final class PacketQueue {
    public struct Options: Sendable {
        /// Bytes of each packet that are copied to user space, from the IP header on; 1-65535.
        public var copyRange: UInt16
        /// Packets that may wait for a verdict.
        public var maximumLength: UInt32
        /// Take GSO packets whole, with incomplete checksums. Without it the kernel segments them and completes the
        /// checksums first.
        public var gso: Bool
        /// Let packets pass, rather than drop them, when `maximumLength` is reached.
        public var failOpen: Bool
        /// Bytes of the netlink socket's receive buffer.
        public var receiveBuffer: Int32
        /// The queue's descriptor gets at least this number. When a process dies, the kernel closes its files from the
        /// highest descriptor down (kernel/task_work.c runs what close queued last in, first out): a queue above all
        /// sockets is unbound before they are closed, and their last packets, resets, pass instead of dying in it.
        public var lowestDescriptor: Int32

        public init(
            copyRange: UInt16, maximumLength: UInt32, gso: Bool, failOpen: Bool = true, receiveBuffer: Int32 = 8 << 20,
            lowestDescriptor: Int32 = 0
        ) {
            self.copyRange = copyRange
            self.maximumLength = maximumLength
            self.gso = gso
            self.failOpen = failOpen
            self.receiveBuffer = receiveBuffer
            self.lowestDescriptor = lowestDescriptor
        }
    }

    public let number: UInt16
    /// Readable when packets wait.
    public var descriptor: Int32 { mnl_socket_get_fd(socket) }
    /// Verdicts that the kernel refused (the packet was gone already), since the start.
    public private(set) var refusedVerdicts: UInt64 = 0

    private let socket: OpaquePointer
    private let batch: ReceiveBatch
    private var verdicts: VerdictBuffer

    /// Binds queue `number` in the network namespace of the calling thread.
    public init(_ number: UInt16, _ options: Options) throws(QueueError) {
        guard let socket = Self.openSocket(from: options.lowestDescriptor) else {
            throw QueueError(queue: number, errno: Errno(rawValue: errno))
        }
        self.number = number
        self.socket = socket
        // Netlink header, attributes around the payload (well below 512 bytes), payload.
        batch = ReceiveBatch(count: 32, stride: 512 + Int(options.copyRange))
        verdicts = VerdictBuffer(queue: number)
        guard mnl_socket_bind(socket, 0, pid_t(MNL_SOCKET_AUTOPID)) == 0 else {
            throw QueueError(queue: number, errno: Errno(rawValue: errno))
        }
        setReceiveBuffer(options.receiveBuffer)
        try configure(options)
    }

    /// Unbinds: the kernel then accepts (--queue-bypass) or drops what comes, and drops what still waits.
    deinit { mnl_socket_close(socket) }

    private static func openSocket(from lowest: Int32) -> OpaquePointer? {
        let type = Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let any = Glibc.socket(AF_NETLINK, type, NETLINK_NETFILTER)
        guard any >= 0 else { return nil }
        defer { close(any) }
        let chosen = fcntl(any, F_DUPFD_CLOEXEC, lowest)
        return chosen < 0 ? nil : mnl_socket_fdopen(chosen)
    }

    private func setReceiveBuffer(_ bytes: Int32) {
        // An overrun is no error for the reader: the kernel has then handled the packet by the queue's fail-open flag.
        var on: Int32 = 1
        mnl_socket_setsockopt(socket, NETLINK_NO_ENOBUFS, &on, socklen_t(MemoryLayout<Int32>.size))
        var size = bytes
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, socklen_t(MemoryLayout<Int32>.size))
    }

    /// One message for all of it: a packet can't come before the copy mode is set.
    private func configure(_ options: Options) throws(QueueError) {
        let code = withUnsafeTemporaryAllocation(byteCount: 512, alignment: 8) { buffer in
            let message = nfq_nlmsg_put(
                buffer.baseAddress!.assumingMemoryBound(to: CChar.self), Int32(NFQNL_MSG_CONFIG.rawValue),
                UInt32(number))!
            message.pointee.nlmsg_flags |= UInt16(NLM_F_ACK)
            nfq_nlmsg_cfg_put_cmd(message, UInt16(AF_UNSPEC), UInt8(NFQNL_CFG_CMD_BIND.rawValue))
            nfq_nlmsg_cfg_put_params(message, UInt8(NFQNL_COPY_PACKET.rawValue), Int32(options.copyRange))
            nfq_nlmsg_cfg_put_qmaxlen(message, options.maximumLength)
            let gso = UInt32(NFQA_CFG_F_GSO)
            let failOpen = UInt32(NFQA_CFG_F_FAIL_OPEN)
            let flags = (options.gso ? gso : 0) | (options.failOpen ? failOpen : 0)
            mnl_attr_put_u32(message, UInt16(NFQA_CFG_FLAGS.rawValue), flags.bigEndian)
            mnl_attr_put_u32(message, UInt16(NFQA_CFG_MASK.rawValue), (gso | failOpen).bigEndian)
            guard mnl_socket_sendto(socket, message, Int(message.pointee.nlmsg_len)) >= 0 else {
                return Errno(rawValue: errno)
            }
            return acknowledgement()
        }
        // EPERM is the kernel's answer to those who lack CAP_NET_ADMIN (12) and to those who come second
        // (net/netfilter/nfnetlink_queue.c, nfqnl_recv_config; EBUSY only when two come at once).
        let isTaken = code == .notPermitted && ProcessRights.hasCapability(12)
        if code.rawValue != 0 { throw QueueError(queue: number, errno: isTaken ? .resourceBusy : code) }
    }

    /// Waits for the kernel's answer to the configuration. Packets may come before it, by rules of an earlier run:
    /// they go on.
    private func acknowledgement() -> Errno {
        var answer: Errno?
        while answer == nil {
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&wait, 1, 5_000) > 0 else { return .timedOut }
            let received = forEachMessage { message in
                if Int32(message.pointee.nlmsg_type) == NLMSG_ERROR {
                    answer = Self.errorCode(message)
                } else if let packet = QueuedPacket(message) {
                    accept(packet.id)
                }
            }
            if case .failure(let code) = received { return code }
            flush()
        }
        return answer!
    }

    /// Receives up to 32 packets without blocking, hands each to `body`, then sends the verdicts given meanwhile.
    /// Returns how many packets there were; 0 when none wait.
    @discardableResult
    public func receive(_ body: (QueuedPacket) -> Void) throws(QueueError) -> Int {
        var packets = 0
        let received = forEachMessage { message in
            if Int32(message.pointee.nlmsg_type) == NLMSG_ERROR {
                if Self.errorCode(message).rawValue != 0 { refusedVerdicts += 1 }
            } else if let packet = QueuedPacket(message) {
                packets += 1
                body(packet)
            }
        }
        flush()
        if case .failure(let code) = received { throw QueueError(queue: number, errno: code) }
        return packets
    }

    /// Lets a packet go on, with another mark if one is given.
    public func accept(_ id: UInt32, mark: UInt32? = nil) {
        if !verdicts.append(id, NF_ACCEPT, mark: mark) {
            flush()
            verdicts.append(id, NF_ACCEPT, mark: mark)
        }
    }

    public func drop(_ id: UInt32) {
        if !verdicts.append(id, NF_DROP, mark: nil) {
            flush()
            verdicts.append(id, NF_DROP, mark: nil)
        }
    }

    /// Sends the verdicts given since the last flush. `receive` does so by itself; call it after verdicts given at
    /// any other time.
    public func flush() {
        verdicts.send(to: descriptor)
    }

    private func forEachMessage(_ body: (UnsafePointer<nlmsghdr>) -> Void) -> Result<Int, Errno> {
        let received = batch.receive(from: descriptor)
        guard case .success(let count) = received else { return received }
        for index in 0..<count {
            let datagram = batch[index]
            var message = UnsafePointer(datagram.baseAddress!.assumingMemoryBound(to: nlmsghdr.self))
            var left = Int32(datagram.count)
            while mnl_nlmsg_ok(message, left) {
                body(message)
                message = UnsafePointer(mnl_nlmsg_next(message, &left))
            }
        }
        return received
    }

    private static func errorCode(_ message: UnsafePointer<nlmsghdr>) -> Errno {
        let payload = mnl_nlmsg_get_payload(message)!
        return Errno(rawValue: -payload.loadUnaligned(as: Int32.self))
    }
}
