import Glibc
import LinuxSystem
import Marks
import Wire

/// What the Converter is told once, at start.
public struct ConverterSetting: Sendable {
    /// Where redirect listeners stand; each on the port of the original destination.
    public var listenAddress: IPAddress
    public var listenAddress6: IPAddress
    public var mark: PacketMark
    /// Of the sockets.
    public var groups: SocketGroups
    /// Threads that relay.
    public var workers: Int
    /// How long a dial may take while the client's SYN is held, unless the server is known to take longer.
    public var dialTimeout: Duration
    /// How long an upstream connection waits for its client to complete the handshake.
    public var clientTimeout: Duration
    /// How long a listener stays behind the last of many handshakes in quick succession.
    public var listenerIdle: Duration
    /// A connection on which nothing has moved for this long is reset; nil: never.
    public var idleTimeout: Duration?
    /// How long a side may be idle until it is probed; nil: only if its peer probes the box.
    public var clientKeepalive: Duration?
    public var serverKeepalive: Duration?
    /// Ports that upstream connections are bound to.
    public var upstreamPorts: ClosedRange<UInt16>
    /// Is a connection to a server bound to its interface until its SYN has left? An answer that comes in by another one before that is
    /// over would be refused, as those can that other boxes of a cluster lead here.
    public var bindsDials = true
    /// Dialled connections whose client has yet to complete its handshake: in all, and for one client (an IPv6 /64
    /// counts as one).
    public var maxPending: Int
    public var maxPendingPerClient: Int
    /// Connections at a time; beyond it, clients are left to themselves.
    public var maxConnections: Int
    /// How long it is remembered whether a server speaks MPTCP, and of how many.
    public var serverMemory: Duration
    public var serverMemoryEntries: Int
    /// Bytes; nil leaves the kernel's autotuning on.
    public var receiveBuffer: Int32?
    public var sendBuffer: Int32?
    /// nil: the system's.
    public var congestionControl: String?
    /// Whether each side's packets have the DSCP of the other one's.
    public var copiesDSCP: Bool

    public init(
        listenAddress: IPAddress, listenAddress6: IPAddress, mark: PacketMark, groups: SocketGroups, workers: Int,
        dialTimeout: Duration, clientTimeout: Duration, listenerIdle: Duration, idleTimeout: Duration?,
        clientKeepalive: Duration?, serverKeepalive: Duration?, upstreamPorts: ClosedRange<UInt16>,
        maxPending: Int, maxPendingPerClient: Int, maxConnections: Int, serverMemory: Duration,
        serverMemoryEntries: Int, receiveBuffer: Int32?,
        sendBuffer: Int32?, congestionControl: String?, copiesDSCP: Bool = true
    ) {
        self.listenAddress = listenAddress
        self.listenAddress6 = listenAddress6
        self.mark = mark
        self.groups = groups
        self.workers = workers
        self.dialTimeout = dialTimeout
        self.clientTimeout = clientTimeout
        self.listenerIdle = listenerIdle
        self.idleTimeout = idleTimeout
        self.clientKeepalive = clientKeepalive
        self.serverKeepalive = serverKeepalive
        self.upstreamPorts = upstreamPorts
        self.maxPending = maxPending
        self.maxPendingPerClient = maxPendingPerClient
        self.maxConnections = maxConnections
        self.serverMemory = serverMemory
        self.serverMemoryEntries = serverMemoryEntries
        self.receiveBuffer = receiveBuffer
        self.sendBuffer = sendBuffer
        self.congestionControl = congestionControl
        self.copiesDSCP = copiesDSCP
    }

    func listenAddress(for server: IPAddress) -> IPAddress { server.isIPv4 ? listenAddress : listenAddress6 }

    /// nil: a side is probed only if its peer probes the box.
    func keepalive(towards side: Session.Side) -> KeepalivePace? {
        (side == .client ? clientKeepalive : serverKeepalive).map { KeepalivePace($0) }
    }

    /// Sets the options of a session's socket before its first packet, so that buffer sizes reach the window scale.
    ///
    /// - Parameter side: Whom it leads to. A client's socket gets its options from the listener.
    func prepare(_ socket: borrowing StreamSocket, towards side: Session.Side) throws(SystemError) {
        try socket.set(SOL_SOCKET, SO_REUSEADDR, 1)
        if let pace = keepalive(towards: side), side == .client || !pace.isDeferrable {
            do {
                try socket.setKeepalive(idle: pace.idle, interval: pace.interval, count: pace.count)
            } catch  where side == .client {
                // MPTCP sockets of older kernels know no pace but the system's (net.ipv4.tcp_keepalive_time).
                try socket.set(SOL_SOCKET, SO_KEEPALIVE, 1)
            }
        }
        try socket.set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        // A server's urgent byte is part of its stream. Out of line it would be missing from what the client gets, which
        // has no urgent data to put it in: MPTCP knows none (net/mptcp/sockopt.c, mptcp_setsockopt_sol_socket).
        if side == .server { try socket.set(SOL_SOCKET, SO_OOBINLINE, 1) }
        // Without them there are no figures; nothing else depends on it.
        try? socket.wantTimestamps()
        // A connection that ends without our doing, by a crash of ours, must not look like an orderly end.
        try socket.setResetOnClose(true)
        // The FORCE options pass over net.core.rmem_max and wmem_max (CAP_NET_ADMIN); the kernel doubles the value for
        // its own bookkeeping (socket(7)).
        if let receiveBuffer { try socket.set(SOL_SOCKET, SO_RCVBUFFORCE, receiveBuffer / 2) }
        if let sendBuffer { try socket.set(SOL_SOCKET, SO_SNDBUFFORCE, sendBuffer / 2) }
        if let congestionControl { try socket.setCongestionControl(congestionControl) }
    }
}
