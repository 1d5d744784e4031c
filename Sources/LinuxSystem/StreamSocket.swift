import CLinux
import Glibc
import SystemPackage
import Wire

/// TCP and MPTCP sockets: how they are made and what is asked of them. Descriptors are plain numbers here, since their
/// owners (a session, a listener) hold several for as long as they live and close them at a point of the protocol.
public enum StreamSocket {
    public enum TransportProtocol: String, Sendable {
        case tcp
        case mptcp
    }

    /// A non-blocking, close-on-exec stream socket of the address's family.
    public static func open(_ transport: TransportProtocol, for address: IPAddress) throws(SystemError) -> Descriptor {
        let number = transport == .mptcp ? IPPROTO_MPTCP : IPPROTO_TCP
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        return Descriptor(
            owning: try systemCall("socket \(transport)") {
                socket(address.addressFamily, type, Int32(number))
            })
    }

    public static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) throws(SystemError) {
        var value = value
        try systemCall("setsockopt \(level)/\(option)") {
            setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    /// Lets the socket bind to addresses that are not the box's own (IP_TRANSPARENT; CAP_NET_ADMIN).
    public static func setTransparent(_ descriptor: Int32, for address: IPAddress) throws(SystemError) {
        if address.isIPv4 {
            try set(descriptor, Int32(IPPROTO_IP), IP_TRANSPARENT, 1)
        } else {
            try set(descriptor, Int32(IPPROTO_IPV6), IPV6_TRANSPARENT, 1)
        }
    }

    /// Ends a connection at once with a reset (TCP) or MP_FASTCLOSE, by connecting it to nobody (connect(2), AF_UNSPEC;
    /// net/mptcp/protocol.c, mptcp_disconnect). The descriptor stays open; what has no connection is left as it is.
    ///
    /// Unlike `setResetOnClose`, it does so on every kernel with MPTCP.
    public static func abort(_ descriptor: Int32) {
        var nobody = sockaddr()
        nobody.sa_family = sa_family_t(AF_UNSPEC)
        _ = Glibc.connect(descriptor, &nobody, socklen_t(MemoryLayout<sockaddr>.size))
    }

    /// With `on`, closing the socket, also by the end of the process, sends a reset (TCP) or MP_FASTCLOSE instead of an
    /// orderly end of stream. Kernels older than "mptcp: fastclose msk when linger time is 0" end an MPTCP connection in
    /// order all the same.
    public static func setResetOnClose(_ descriptor: Int32, _ on: Bool) throws(SystemError) {
        var value = linger(l_onoff: on ? 1 : 0, l_linger: 0)
        try systemCall("setsockopt SO_LINGER") {
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
        }
    }

    /// Sends and receives by this interface alone; nil: by any (SO_BINDTOIFINDEX, Linux 5.0).
    public static func bindToInterface(_ descriptor: Int32, _ index: UInt32?) throws(SystemError) {
        try set(descriptor, SOL_SOCKET, 62, Int32(bitPattern: index ?? 0))
    }

    /// What the socket sends from now on has this DSCP (IP_TOS, IPV6_TCLASS; ECN's bits stay the kernel's). An MPTCP socket
    /// takes none for IPv6 (net/mptcp/sockopt.c, mptcp_setsockopt_v6).
    public static func setDSCP(_ descriptor: Int32, _ dscp: DSCP, for address: IPAddress) throws(SystemError) {
        let value = Int32(dscp.trafficClass)
        if address.isIPv4 {
            try set(descriptor, Int32(IPPROTO_IP), IP_TOS, value)
        } else {
            try set(descriptor, Int32(IPPROTO_IPV6), IPV6_TCLASS, value)
        }
    }

    /// Holds the receive buffer to so many bytes (SO_RCVBUFFORCE, CAP_NET_ADMIN), or to more if the peer has been promised
    /// room for more. nil: it is the kernel's to tune again (SO_BUF_LOCK, Linux 5.14;
    /// older kernels keep it as it is).
    public static func limitReceiving(_ descriptor: Int32, to limit: Int?) {
        guard let limit else {
            // asm-generic/socket.h, which older C libraries lack.
            try? set(descriptor, SOL_SOCKET, 72, 0)
            return
        }
        // The kernel doubles what it is told (socket(7)).
        try? set(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, Int32(clamping: max(limit, promised(descriptor)) / 2))
    }

    /// The receive buffer that what waits and what may still come need. An MPTCP socket and a kernel before 6.2 don't tell
    /// their window: then all that there is.
    private static func promised(_ descriptor: Int32) -> Int {
        var memory = (received: UInt32(0), buffer: UInt32(0))
        var length = socklen_t(MemoryLayout.size(ofValue: memory))
        // SO_MEMINFO, of which the first two figures are asked for (net/core/sock.c, sk_get_meminfo).
        guard getsockopt(descriptor, SOL_SOCKET, 55, &memory, &length) == 0 else { return 0 }
        guard let window = information(descriptor)?.rcv_wnd, window > 0 else { return Int(memory.buffer) }
        // Segments of a usual size take up to twice their payload; what tiny ones take, the kernel can make smaller.
        return min(Int(memory.buffer), Int(memory.received) + 2 * Int(window))
    }

    public static func setCongestionControl(_ descriptor: Int32, _ name: String) throws(SystemError) {
        try systemCall("setsockopt TCP_CONGESTION \(name)") {
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_CONGESTION, name, socklen_t(name.utf8.count))
        }
    }

    /// Has the kernel note when data come in, for `receiveStamped` (SO_TIMESTAMPNS).
    public static func wantTimestamps(_ descriptor: Int32) throws(SystemError) {
        try systemCall("setsockopt SO_TIMESTAMPNS") { sluice_want_timestamps(descriptor) }
    }

    /// As recv(2); `time`: when the last byte came in, in nanoseconds since 1970, or 0 if the kernel doesn't say.
    public static func receiveStamped(
        _ descriptor: Int32, _ buffer: UnsafeMutableRawPointer, _ size: Int, time: inout Int64
    ) -> Int { sluice_receive_stamped(descriptor, buffer, size, &time) }

    public static func bind(_ descriptor: Int32, to endpoint: Endpoint) throws(SystemError) {
        try systemCall("bind \(endpoint)") { endpoint.withSocketAddress { Glibc.bind(descriptor, $0, $1) } }
    }

    public static func listen(_ descriptor: Int32, backlog: Int32) throws(SystemError) {
        try systemCall("listen") { Glibc.listen(descriptor, backlog) }
    }

    /// Starts to connect; EINPROGRESS is success.
    public static func connect(_ descriptor: Int32, to endpoint: Endpoint) throws(SystemError) {
        let result = systemCallResult { endpoint.withSocketAddress { Glibc.connect(descriptor, $0, $1) } }
        if case .failure(let code) = result, code != .nowInProgress { throw SystemError("connect \(endpoint)", code) }
    }

    /// Takes and clears the socket's pending error; nil when there is none.
    public static func pendingError(_ descriptor: Int32) -> Errno? {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
        return code == 0 ? nil : Errno(rawValue: code)
    }

    /// A connection that has been accepted, and its two ends; the local one is the original destination under TPROXY.
    public struct Accepted: ~Copyable {
        public let descriptor: Descriptor
        public let remote: Endpoint
        public let local: Endpoint

        public consuming func take() -> Descriptor { descriptor }
    }

    /// The next waiting connection; EAGAIN when there is none.
    public static func accept(_ listener: Int32) throws(SystemError) -> Accepted {
        var peer = sockaddr_storage()
        let descriptor = Descriptor(owning: try systemCall("accept") { sluice_accept4(listener, &peer) })
        guard let remote = Endpoint(peer), let local = localEndpoint(descriptor.rawValue) else {
            throw SystemError("getsockname", .addressFamilyNotSupported)
        }
        return Accepted(descriptor: descriptor, remote: remote, local: local)
    }

    public static func localEndpoint(_ descriptor: Int32) -> Endpoint? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return result == 0 ? Endpoint(storage) : nil
    }

    /// Has the kernel probe an idle connection (tcp(7): TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT); one that has been idle for
    /// longer than that, at once. In seconds; `count` unanswered probes end the connection.
    public static func setKeepalive(
        _ descriptor: Int32, idle: Int32, interval: Int32, count: Int32
    ) throws(SystemError) {
        try set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPINTVL, interval)
        try set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPCNT, count)
        try set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
        try set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPIDLE, idle)
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
    public static func probes(_ descriptor: Int32) -> Probes? {
        information(descriptor).map {
            Probes(
                unanswered: $0.probes, segmentsReceived: $0.segs_in,
                sinceAcknowledgement: .milliseconds($0.last_ack_recv))
        }
    }

    /// The shortest round trip of a TCP connection that the kernel has seen in some minutes (tcp(7), tcp_min_rtt_wlen); nil
    /// for what is none, or has no sample.
    public static func shortestRoundTrip(_ descriptor: Int32) -> Duration? {
        guard let time = information(descriptor)?.min_rtt, time != .max else { return nil }
        return .microseconds(Int(time))
    }

    private static func information(_ descriptor: Int32) -> sluice_tcp_info? {
        var info = sluice_tcp_info()
        var length = socklen_t(MemoryLayout<sluice_tcp_info>.size)
        guard getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &info, &length) == 0 else { return nil }
        return info
    }

    /// With `on`, a TCP socket answers no keepalive probe of its peer's, as if nobody were there. It hears no acknowledgement
    /// either, so that nothing may be on its way; what else comes in is taken as ever. Returns whether it is deaf now.
    public static func setDeafToProbes(_ descriptor: Int32, _ on: Bool) -> Bool {
        sluice_ignore_probes(descriptor, on ? 1 : 0) == 0 && on
    }

    /// Bytes written that the peer has not acknowledged yet (SIOCOUTQ); 0 on a closed connection.
    public static func unacknowledged(_ descriptor: Int32) -> Int { max(0, Int(sluice_outq(descriptor))) }
}
