public import Wire

extension Settings {
    /// Names, numbers and limits that rarely need to change: to stay clear of the router's other software, or to
    /// fit a very large or very small machine.
    public struct Advanced: Hashable, Sendable {
        /// Which of the two iptables implementations installs the rules.
        public enum Iptables: String, CaseIterable, Sendable {
            /// The one that `iptables` itself stands for on this machine.
            case auto
            case nft
            case legacy
        }

        /// NFQUEUE number of queue SYN, 0-65000; the DATA queues follow it. Default 7700.
        public var queueBase: UInt16
        /// Number of DATA queues, 1-16. Default nil: one for each core, at most 4.
        public var dataQueues: Int?
        /// The twelve adjacent bits of the packet mark and connmark that are ours. Default 0x0fff0000.
        public var markMask: UInt32
        /// The first of three adjacent group IDs that own our sockets, 1-4294967290. Default 64083.
        public var socketGroup: UInt32
        /// Routing table for local delivery; the next is ours, too. 1-4294967294 without 252-255. Default 7700.
        public var routeTable: UInt32
        /// The first of four priorities of our ip rules, 1-32762, so that they come before main's (32766). Default 77.
        public var rulePriority: UInt32
        /// The IPv4 address in 127.0.0.0/8 that the redirect listeners are bound to. Default 127.77.0.1.
        public var listenAddress: IPAddress
        /// The same for IPv6: a unique local address (RFC 4193), put on `lo`. Default fd73:6c75:6963:6500::1.
        public var listenAddress6: IPAddress
        /// Name of the TUN device, 1-15 bytes. Default sluice0.
        public var tun: String
        /// Name of the IFB device that throttled uploads are led through, 1-15 bytes. Default sluice1.
        public var ifb: String
        /// Where it is kept how much paths with a cap have carried; an absolute path. Default `/var/lib/sluice`.
        public var stateDirectory: String
        /// Held SYNs and upstreams without a client, in all, beyond which SYNs are handled as split: the guard
        /// against spoofed SYNs. Default 2048.
        public var maxHeld: Int
        /// The same for each client address. Default 512.
        public var maxHeldPerClient: Int
        /// Sessions at one time, beyond which SYNs are let go. Default nil: from the descriptor limit.
        public var maxConnections: Int?
        /// How long a SYN is held for the answer of a server that isn't known to take longer, 10-900 ms: a client's
        /// first retransmission comes after 1 s (RFC 6298). Default 900 ms.
        public var dialTimeout: Duration
        /// An upstream whose client never completes its handshake is reset after this, 100 ms - 1 h. Default 5 s.
        public var clientTimeout: Duration
        /// Source ports of upstream sockets, at least 1000 of them; outside the clients' ephemeral range, lest an
        /// upstream and the client's own connection share one conntrack entry. Default 4096-32767.
        public var upstreamPorts: ClosedRange<UInt16>
        /// How long a redirect listener stays behind the last of many handshakes in quick succession, 0 s or more; behind
        /// others it closes at once. No service of the router's own can take the port meanwhile. Default 10 ms.
        public var listenerIdle: Duration
        /// How long it is remembered whether a server speaks MPTCP, 1 s or more. Default 10 min.
        public var serverMemory: Duration
        /// How many servers are remembered. Default 65536.
        public var serverMemoryEntries: Int
        /// MPTCP connections that are followed at one time. Default 65536.
        public var maxTracked: Int
        /// How long running sessions may go on after SIGTERM; 0 = end them at once; at most a day. Default 30 s.
        public var drainTimeout: Duration
        /// How long the sessions of a daemon that has died are kept for the next one, 1-600 s; 0 = not at all. Default 10 s.
        public var crashGrace: Duration
        /// Default: auto.
        public var iptables: Iptables

        public init(
            queueBase: UInt16 = 7700, dataQueues: Int? = nil, markMask: UInt32 = 0x0fff_0000,
            socketGroup: UInt32 = 64083, routeTable: UInt32 = 7700, rulePriority: UInt32 = 77,
            listenAddress: IPAddress = IPAddress("127.77.0.1")!,
            listenAddress6: IPAddress = IPAddress("fd73:6c75:6963:6500::1")!, tun: String = "sluice0",
            ifb: String = "sluice1", stateDirectory: String = "/var/lib/sluice", maxHeld: Int = 2048,
            maxHeldPerClient: Int = 512, maxConnections: Int? = nil,
            dialTimeout: Duration = .milliseconds(900), clientTimeout: Duration = .seconds(10),
            upstreamPorts: ClosedRange<UInt16> = 4096...32767, listenerIdle: Duration = .milliseconds(10),
            serverMemory: Duration = .seconds(600), serverMemoryEntries: Int = 65536,
            maxTracked: Int = 65536,
            drainTimeout: Duration = .seconds(30), crashGrace: Duration = .seconds(10), iptables: Iptables = .auto
        ) {
            self.queueBase = queueBase
            self.dataQueues = dataQueues
            self.markMask = markMask
            self.socketGroup = socketGroup
            self.routeTable = routeTable
            self.rulePriority = rulePriority
            self.listenAddress = listenAddress
            self.listenAddress6 = listenAddress6
            self.tun = tun
            self.ifb = ifb
            self.stateDirectory = stateDirectory
            self.maxHeld = maxHeld
            self.maxHeldPerClient = maxHeldPerClient
            self.maxConnections = maxConnections
            self.dialTimeout = dialTimeout
            self.clientTimeout = clientTimeout
            self.upstreamPorts = upstreamPorts
            self.listenerIdle = listenerIdle
            self.serverMemory = serverMemory
            self.serverMemoryEntries = serverMemoryEntries
            self.maxTracked = maxTracked
            self.drainTimeout = drainTimeout
            self.crashGrace = crashGrace
            self.iptables = iptables
        }
    }
}
