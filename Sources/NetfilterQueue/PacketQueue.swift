// NetfilterQueue: one NFQUEUE of the kernel (net/netfilter/nfnetlink_queue.c) as an object: bind it, receive a batch,
// answer with verdicts.
//
// It knows the netlink messages of the subsystem and nothing of what is in a packet. Each queue belongs to one thread,
// which reads it without blocking and answers in any order; verdicts are packed into one buffer and sent together.
// Nothing is allocated per packet: a packet is a view into the receive buffer, valid until the closure returns.
//
// A queue may have a sentinel: a child process that answers when the queue's thread doesn't.
//
// The Inspector calls it for the box's own queues, the lab for its delay lines.

import CLinux
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

        public init(
            copyRange: UInt16, maximumLength: UInt32, gso: Bool, failOpen: Bool = true, receiveBuffer: Int32 = 8 << 20
        ) {
            self.copyRange = copyRange
            self.maximumLength = maximumLength
            self.gso = gso
            self.failOpen = failOpen
            self.receiveBuffer = receiveBuffer
        }
    }

    public let number: UInt16
    /// Readable when packets wait.
    public var descriptor: Int32 { mnl_socket_get_fd(socket) }
    /// Verdicts that the kernel refused (the packet was gone already), since the start.
    public private(set) var refusedVerdicts: UInt64 = 0

    /// Packets that may wait for a verdict.
    public let maximumLength: UInt32
    /// Packets that `receive` takes at a time.
    public static let batchSize = 32
    /// Shared with the sentinel that watches this queue, if one does.
    var pulse: UnsafeMutablePointer<sluice_pulse>?

    private let socket: OpaquePointer
    /// Packets received whose verdict has yet to be given.
    private var unanswered = 0
    private var knownTakeovers: UInt32 = 0
    private let batch: ReceiveBatch
    private var verdicts: VerdictBuffer

    /// Binds queue `number` in the network namespace of the calling thread. Waits for `patience` when it has another
    /// reader: the sentinel of a daemon that was killed just now is one for some milliseconds.
    public init(_ number: UInt16, _ options: Options, patience: Duration = .zero) throws(QueueError) {
        guard let socket = mnl_socket_open2(NETLINK_NETFILTER, Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue))
        else {
            throw QueueError(queue: number, errno: Errno(rawValue: errno))
        }
        self.number = number
        self.socket = socket
        maximumLength = options.maximumLength
        // Netlink header, attributes around the payload (well below 512 bytes), payload.
        batch = ReceiveBatch(count: Self.batchSize, stride: 512 + Int(options.copyRange))
        verdicts = VerdictBuffer(queue: number)
        guard mnl_socket_bind(socket, 0, pid_t(MNL_SOCKET_AUTOPID)) == 0 else {
            throw QueueError(queue: number, errno: Errno(rawValue: errno))
        }
        setReceiveBuffer(options.receiveBuffer)
        let deadline = MonotonicTime.now + patience
        while true {
            let code = configure(options)
            if code.rawValue == 0 { return }
            guard code == .resourceBusy, MonotonicTime.now < deadline else {
                throw QueueError(queue: number, errno: code)
            }
            usleep(20_000)
        }
    }

    /// Takes over a queue that another process has bound with these options: the kernel knows its reader by the socket
    /// (net/netfilter/nfnetlink_queue.c, peer_portid). What waits in it goes on waiting. Until `begin` nothing is changed, so
    /// that the other process may go on reading.
    public init(_ number: UInt16, _ options: Options, owning descriptor: consuming Descriptor) throws(QueueError) {
        let raw = descriptor.release()
        guard let socket = mnl_socket_fdopen(raw) else {
            let code = Errno(rawValue: errno)
            close(raw)
            throw QueueError(queue: number, errno: code)
        }
        self.number = number
        self.socket = socket
        maximumLength = options.maximumLength
        batch = ReceiveBatch(count: Self.batchSize, stride: 512 + Int(options.copyRange))
        verdicts = VerdictBuffer(queue: number)
    }

    /// It is this process's alone from now on. `unanswered`: packets that the other one has received and not answered.
    public func begin(unanswered: Int) {
        self.unanswered = unanswered
        // The other one's sentinel may have taken away its room.
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { buffer in
            let message = nfq_nlmsg_put(
                buffer.baseAddress!.assumingMemoryBound(to: CChar.self), Int32(NFQNL_MSG_CONFIG.rawValue),
                UInt32(number))!
            nfq_nlmsg_cfg_put_qmaxlen(message, maximumLength)
            _ = mnl_socket_sendto(socket, message, Int(message.pointee.nlmsg_len))
        }
    }

    /// Unbinds, unless a sentinel shares the queue: the kernel then accepts (--queue-bypass) or drops what comes, and drops what still waits.
    deinit { mnl_socket_close(socket) }

    private func setReceiveBuffer(_ bytes: Int32) {
        // An overrun is no error for the reader: the kernel has then handled the packet by the queue's fail-open flag.
        var on: Int32 = 1
        mnl_socket_setsockopt(socket, NETLINK_NO_ENOBUFS, &on, socklen_t(MemoryLayout<Int32>.size))
        var size = bytes
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, socklen_t(MemoryLayout<Int32>.size))
    }

    /// One message for all of it: a packet can't come before the copy mode is set.
    private func configure(_ options: Options) -> Errno {
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
        return isTaken ? .resourceBusy : code
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
                    unanswered += 1
                    accept(packet.id)
                }
            }
            if case .failure(let code) = received { return code }
            flush()
        }
        return answer!
    }

    /// Receives up to `batchSize` packets without blocking, hands each to `body`, then sends the verdicts given meanwhile.
    /// Returns how many packets there were; 0 when none wait.
    @discardableResult
    public func receive(_ body: (QueuedPacket) -> Void) throws(QueueError) -> Int {
        var packets = 0
        if let pulse { sluice_set_owing(pulse, 1) }
        let received = forEachMessage { message in
            if Int32(message.pointee.nlmsg_type) == NLMSG_ERROR {
                if Self.errorCode(message).rawValue != 0 { refusedVerdicts += 1 }
            } else if let packet = QueuedPacket(message) {
                packets += 1
                unanswered += 1
                body(packet)
            }
        }
        flush()
        if case .failure(let code) = received { throw QueueError(queue: number, errno: code) }
        return packets
    }

    /// Lets a packet go on, with another mark if one is given.
    public func accept(_ id: UInt32, mark: UInt32? = nil) { answer(id, NF_ACCEPT, mark) }

    /// Lets a packet go on with these bytes, at most 4,096, in the place of its own, from the IP header on; lengths and
    /// checksums in them are what goes out.
    public func accept(_ id: UInt32, as payload: UnsafeRawBufferPointer) {
        precondition(payload.count <= 4096)
        answer(id, NF_ACCEPT, nil, payload)
    }

    public func drop(_ id: UInt32) { answer(id, NF_DROP, nil) }

    /// Once for each packet.
    private func answer(_ id: UInt32, _ verdict: Int32, _ mark: UInt32?, _ payload: UnsafeRawBufferPointer? = nil) {
        unanswered -= 1
        if !verdicts.append(id, verdict, mark: mark, payload: payload) {
            verdicts.send(to: descriptor)
            verdicts.append(id, verdict, mark: mark, payload: payload)
        }
    }

    /// Sends the verdicts given since the last flush. `receive` does so by itself; call it after verdicts given at
    /// any other time.
    public func flush() {
        verdicts.send(to: descriptor)
        if let pulse { sluice_set_owing(pulse, unanswered > 0 ? 1 : 0) }
    }

    /// Tells the sentinel that this queue's thread is alive; call it with every turn of the thread's loop, and at least
    /// every 200 ms while a packet is held. True when the sentinel has answered in its place since the last call:
    /// what was held has gone, and what is received before the next call may have gone, too.
    @discardableResult
    public func beat() -> Bool {
        guard let pulse else { return false }
        let takeovers = sluice_beat(pulse)
        defer { knownTakeovers = takeovers }
        // From odd to even the queue comes back, empty: all that comes from then on is this thread's.
        let isGivenBack = knownTakeovers % 2 == 1 && takeovers == knownTakeovers + 1
        return takeovers % 2 == 1 || takeovers != knownTakeovers && !isGivenBack
    }

    /// Has the sentinel answered in the thread's place since the last beat? For whoever has made that thread stand still.
    var hasBeenSubstituted: Bool { pulse.map { $0.pointee.takeovers != knownTakeovers } ?? false }

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
