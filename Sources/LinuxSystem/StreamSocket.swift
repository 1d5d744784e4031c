import CLinux
import Glibc
import SystemPackage
import Wire

/// A TCP or MPTCP socket with one owner: how it is made and what is asked of it. Closed when the owner lets go of it.
public struct StreamSocket: ~Copyable, Sendable {
    @usableFromInline let descriptor: Descriptor

    /// The number to poll, watch, read and write. Its owner stays this socket.
    @inlinable public var rawValue: Int32 { descriptor.rawValue }

    /// Takes over a descriptor, also one of another kind of stream: what that kind doesn't have, its calls say.
    public init(owning descriptor: consuming Descriptor) { self.descriptor = descriptor }

    /// Gives the descriptor away without closing it.
    public consuming func release() -> Int32 { descriptor.release() }

    public enum TransportProtocol: String, Sendable {
        case tcp
        case mptcp
    }

    /// A non-blocking, close-on-exec stream socket of the address's family.
    public static func open(_ transport: TransportProtocol, for address: IPAddress) throws(SystemError) -> StreamSocket
    {
        let number = transport == .mptcp ? IPPROTO_MPTCP : IPPROTO_TCP
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = try systemCall("socket \(transport)") { socket(address.addressFamily, type, Int32(number)) }
        return StreamSocket(owning: Descriptor(owning: descriptor))
    }

    public func set(_ level: Int32, _ option: Int32, _ value: Int32) throws(SystemError) {
        var value = value
        try systemCall("setsockopt \(level)/\(option)") {
            setsockopt(rawValue, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    /// Lets the socket bind to addresses that are not the box's own (IP_TRANSPARENT; CAP_NET_ADMIN).
    public func setTransparent(for address: IPAddress) throws(SystemError) {
        if address.isIPv4 {
            try set(Int32(IPPROTO_IP), IP_TRANSPARENT, 1)
        } else {
            try set(Int32(IPPROTO_IPV6), IPV6_TRANSPARENT, 1)
        }
    }

    /// Ends a connection at once with a reset (TCP) or MP_FASTCLOSE, by connecting it to nobody (connect(2), AF_UNSPEC;
    /// net/mptcp/protocol.c, mptcp_disconnect). The descriptor stays open; what has no connection is left as it is.
    ///
    /// Unlike `setResetOnClose`, it does so on every kernel with MPTCP.
    public func abort() {
        var nobody = sockaddr()
        nobody.sa_family = sa_family_t(AF_UNSPEC)
        _ = Glibc.connect(rawValue, &nobody, socklen_t(MemoryLayout<sockaddr>.size))
    }

    /// With `on`, closing the socket, also by the end of the process, sends a reset (TCP) or MP_FASTCLOSE instead of an
    /// orderly end of stream. Kernels older than "mptcp: fastclose msk when linger time is 0" end an MPTCP connection in
    /// order all the same.
    public func setResetOnClose(_ on: Bool) throws(SystemError) {
        var value = linger(l_onoff: on ? 1 : 0, l_linger: 0)
        try systemCall("setsockopt SO_LINGER") {
            setsockopt(rawValue, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
        }
    }

    /// Sends and receives by this interface alone; nil: by any (SO_BINDTOIFINDEX, Linux 5.0).
    public func bindToInterface(_ index: UInt32?) throws(SystemError) {
        try set(SOL_SOCKET, 62, Int32(bitPattern: index ?? 0))
    }

    /// What the socket sends from now on has this DSCP (IP_TOS, IPV6_TCLASS; ECN's bits stay the kernel's). An MPTCP socket
    /// takes none for IPv6 (net/mptcp/sockopt.c, mptcp_setsockopt_v6).
    public func setDSCP(_ dscp: DSCP, for address: IPAddress) throws(SystemError) {
        let value = Int32(dscp.trafficClass)
        if address.isIPv4 {
            try set(Int32(IPPROTO_IP), IP_TOS, value)
        } else {
            try set(Int32(IPPROTO_IPV6), IPV6_TCLASS, value)
        }
    }

    /// Holds the receive buffer to so many bytes (SO_RCVBUFFORCE, CAP_NET_ADMIN), or to more if the peer has been promised
    /// room for more. nil: it is the kernel's to tune again (SO_BUF_LOCK, Linux 5.14;
    /// older kernels keep it as it is).
    public func limitReceiving(to limit: Int?) {
        guard let limit else {
            // asm-generic/socket.h, which older C libraries lack.
            try? set(SOL_SOCKET, 72, 0)
            return
        }
        // The kernel doubles what it is told (socket(7)).
        try? set(SOL_SOCKET, SO_RCVBUFFORCE, Int32(clamping: max(limit, promised) / 2))
    }

    /// The receive buffer that what waits and what may still come need. An MPTCP socket and a kernel before 6.2 don't tell
    /// their window: then all that there is.
    private var promised: Int {
        var memory = (received: UInt32(0), buffer: UInt32(0))
        var length = socklen_t(MemoryLayout.size(ofValue: memory))
        // SO_MEMINFO, of which the first two figures are asked for (net/core/sock.c, sk_get_meminfo).
        guard getsockopt(rawValue, SOL_SOCKET, 55, &memory, &length) == 0 else { return 0 }
        guard let window = information?.rcv_wnd, window > 0 else { return Int(memory.buffer) }
        // Segments of a usual size take up to twice their payload; what tiny ones take, the kernel can make smaller.
        return min(Int(memory.buffer), Int(memory.received) + 2 * Int(window))
    }

    public func setCongestionControl(_ name: String) throws(SystemError) {
        try systemCall("setsockopt TCP_CONGESTION \(name)") {
            setsockopt(rawValue, Int32(IPPROTO_TCP), TCP_CONGESTION, name, socklen_t(name.utf8.count))
        }
    }

    /// Has the kernel note when data come in, for `receiveStamped` (SO_TIMESTAMPNS).
    public func wantTimestamps() throws(SystemError) {
        try systemCall("setsockopt SO_TIMESTAMPNS") { sluice_want_timestamps(rawValue) }
    }

    /// As recv(2); `time`: when the last byte came in, in nanoseconds since 1970, or 0 if the kernel doesn't say.
    public func receiveStamped(_ buffer: UnsafeMutableRawPointer, _ size: Int, time: inout Int64) -> Int {
        sluice_receive_stamped(rawValue, buffer, size, &time)
    }

    public func bind(to endpoint: Endpoint) throws(SystemError) {
        try systemCall("bind \(endpoint)") { endpoint.withSocketAddress { Glibc.bind(rawValue, $0, $1) } }
    }

    public func listen(backlog: Int32) throws(SystemError) {
        try systemCall("listen") { Glibc.listen(rawValue, backlog) }
    }

    /// Starts to connect; EINPROGRESS is success.
    public func connect(to endpoint: Endpoint) throws(SystemError) {
        let result = systemCallResult { endpoint.withSocketAddress { Glibc.connect(rawValue, $0, $1) } }
        if case .failure(let code) = result, code != .nowInProgress { throw SystemError("connect \(endpoint)", code) }
    }

    /// Takes and clears the socket's pending error; nil when there is none.
    public func pendingError() -> Errno? {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(rawValue, SOL_SOCKET, SO_ERROR, &code, &length)
        return code == 0 ? nil : Errno(rawValue: code)
    }

    /// A connection that has been accepted, and its two ends; the local one is the original destination under TPROXY.
    public struct Accepted: ~Copyable {
        public let socket: StreamSocket
        public let remote: Endpoint
        public let local: Endpoint

        public consuming func take() -> StreamSocket { socket }
    }

    /// The next connection that waits at a listener, whose owner may be elsewhere; EAGAIN when there is none.
    public static func accept(_ listener: Int32) throws(SystemError) -> Accepted {
        var peer = sockaddr_storage()
        let socket = StreamSocket(
            owning: Descriptor(owning: try systemCall("accept") { sluice_accept4(listener, &peer) }))
        guard let remote = Endpoint(peer), let local = socket.localEndpoint else {
            throw SystemError("getsockname", .addressFamilyNotSupported)
        }
        return Accepted(socket: socket, remote: remote, local: local)
    }

    public var localEndpoint: Endpoint? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(rawValue, $0, &length) }
        }
        return result == 0 ? Endpoint(storage) : nil
    }

    /// Has the kernel probe an idle connection (tcp(7): TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT); one that has been idle for
    /// longer than that, at once. In seconds; `count` unanswered probes end the connection.
    public func setKeepalive(idle: Int32, interval: Int32, count: Int32) throws(SystemError) {
        try set(Int32(IPPROTO_TCP), TCP_KEEPINTVL, interval)
        try set(Int32(IPPROTO_TCP), TCP_KEEPCNT, count)
        try set(SOL_SOCKET, SO_KEEPALIVE, 1)
        try set(Int32(IPPROTO_TCP), TCP_KEEPIDLE, idle)
    }

    /// What the kernel tells of the probes on a TCP connection (TCP_INFO).
    public struct Probes {
        /// Ours that have not been answered.
        public let unanswered: UInt8
        /// All segments that have come in, the peer's probes among them.
        public let segmentsReceived: UInt32
        /// How long ago the kernel took the last acknowledgement (`SubflowActivity.sinceAcknowledgement`).
        public let sinceAcknowledgement: Duration
    }

    /// nil for what is no TCP connection.
    public var probes: Probes? {
        information.map {
            Probes(
                unanswered: $0.probes, segmentsReceived: $0.segs_in,
                sinceAcknowledgement: .milliseconds($0.last_ack_recv))
        }
    }

    /// The shortest round trip of a TCP connection that the kernel has seen in some minutes (tcp(7), tcp_min_rtt_wlen); nil
    /// for what is none, or has no sample.
    public var shortestRoundTrip: Duration? {
        guard let time = information?.min_rtt, time != .max else { return nil }
        return .microseconds(Int(time))
    }

    private var information: sluice_tcp_info? {
        var info = sluice_tcp_info()
        var length = socklen_t(MemoryLayout<sluice_tcp_info>.size)
        guard getsockopt(rawValue, Int32(IPPROTO_TCP), TCP_INFO, &info, &length) == 0 else { return nil }
        return info
    }

    /// With `on`, a TCP socket answers no keepalive probe of its peer's, as if nobody were there. It hears no acknowledgement
    /// either, so that nothing may be on its way; what else comes in is taken as ever. Returns whether it is deaf now.
    public func setDeafToProbes(_ on: Bool) -> Bool {
        sluice_ignore_probes(rawValue, on ? 1 : 0) == 0 && on
    }

    /// Ends the stream towards the peer (shutdown(2), SHUT_WR); what was written before still goes.
    public func endStream() { _ = shutdown(rawValue, Int32(SHUT_WR)) }

    /// Bytes written that the peer has not acknowledged yet (SIOCOUTQ); 0 on a closed connection.
    public var unacknowledged: Int { max(0, Int(sluice_outq(rawValue))) }
}
