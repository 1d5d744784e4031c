// Settings: the operator's TOML file, as values that the other modules can rely on.
//
// `Settings.load` reads a file, `Settings.parse` a text; what comes back has been checked whole, so that nobody
// after this module looks at a range, a unit or a spelling again. When something is wrong, everything that is wrong
// is reported at once, each finding with file, line, key and mend: a router is often configured over a slow line.
//
//     text ── Node ── Document ── Section ── Form ──▶ field
//             TOML,   lines,      one table, one value,
//             JSON    findings    its keys   its range
//
// `Keys.swift` and the files whose names end so are the one place where a key's name, its form and its field meet;
// `docs/configuration.md` is the same table for people. The module knows nothing of the machine: whether an
// interface exists, a queue is free or a congestion control is loaded is for `sluice check` and for the module that uses
// the value. It must never learn what the values do. TOMLKit stays behind `Document` and `Node`. Its only caller is
// Middlebox (and the command line, to find the control socket).

public import Wire

/// A checked configuration.
public struct Settings: Hashable, Sendable {
    /// `[intercept]`: which connections are converted, and how.
    public var intercept: Intercept
    /// `[relay]`: the two sockets of a session.
    public var relay: Relay
    /// `[admin]`: how to ask the running daemon.
    public var admin: Admin
    /// `[log]`.
    public var log: Log
    /// `[trace]`: what is written of packets, and where.
    public var trace: Trace
    /// `[sessions]`: the session log.
    public var sessions: Sessions
    /// `[cluster]`: several boxes as one.
    public var cluster: Cluster
    /// `[[peer]]`: the other boxes of the cluster, at most 63.
    public var peers: [Peer]
    /// `[[path]]`: the ways that subflows take, at most 16, each with a name of its own.
    public var paths: [Path]
    /// `[[steer]]`: which paths connections' data take, at most 64 rules, each with a name of its own.
    public var steers: [Steer]
    /// `[[throttle]]`: which subflows are throttled, at most 64 rules, each with a name of its own.
    public var throttles: [Throttle]
    /// `[advanced]`: names, numbers and limits that rarely need to change.
    public var advanced: Advanced

    public init(
        intercept: Intercept, relay: Relay = Relay(), admin: Admin = Admin(), log: Log = Log(),
        trace: Trace = Trace(), sessions: Sessions = Sessions(), cluster: Cluster = Cluster(), peers: [Peer] = [],
        paths: [Path] = [], steers: [Steer] = [],
        throttles: [Throttle] = [],
        advanced: Advanced = Advanced()
    ) {
        self.intercept = intercept
        self.relay = relay
        self.admin = admin
        self.log = log
        self.trace = trace
        self.sessions = sessions
        self.cluster = cluster
        self.peers = peers
        self.paths = paths
        self.steers = steers
        self.throttles = throttles
        self.advanced = advanced
    }

    /// Which connections are converted, and how.
    public struct Intercept: Hashable, Sendable {
        /// When the client is answered.
        public enum Connect: String, CaseIterable, Sendable {
            /// Once the server has answered, so that the client sees the server's own refusal or silence.
            case faithful
            /// At once; the server is dialled after that.
            case split
        }

        /// Which segments of MPTCP connections are inspected.
        public enum Inspect: String, CaseIterable, Sendable {
            /// All of converted connections, in both directions, and no others.
            case converted
            /// Those of connections that go end to end as well.
            case all
            /// Of converted connections, those that may carry signalling; the kernel moves the bulk alone.
            case signalling
        }

        /// Every TCP port.
        public static let allPorts: [ClosedRange<UInt16>] = [1...65535]
        /// Every IPv4 and IPv6 address.
        public static let allAddresses = [IPPrefix("0.0.0.0/0")!, IPPrefix("::/0")!]

        /// Client-facing interfaces, each 1-15 bytes, at least one, none twice. Required.
        public var interfaces: [String]
        /// Destination ports to convert; no two overlap. Default: all.
        public var ports: [ClosedRange<UInt16>]
        /// Clients to convert for; a family without a prefix is not converted. Default: all of both families.
        public var clients: [IPPrefix]
        /// Servers to convert towards; as `clients`. Default: all of both families.
        public var servers: [IPPrefix]
        /// Default: faithful.
        public var connect: Connect
        /// Default: converted.
        public var inspect: Inspect

        public init(
            interfaces: [String], ports: [ClosedRange<UInt16>] = allPorts, clients: [IPPrefix] = allAddresses,
            servers: [IPPrefix] = allAddresses, connect: Connect = .faithful, inspect: Inspect = .converted
        ) {
            self.interfaces = interfaces
            self.ports = ports
            self.clients = clients
            self.servers = servers
            self.connect = connect
            self.inspect = inspect
        }
    }

    /// The two sockets of a session.
    public struct Relay: Hashable, Sendable {
        /// SO_RCVBUF of both sockets, 4 KiB - 1 GiB. Default nil: the kernel tunes it.
        public var receiveBuffer: ByteCount?
        /// SO_SNDBUF of both sockets, 4 KiB - 1 GiB. Default nil: the kernel tunes it.
        public var sendBuffer: ByteCount?
        /// TCP_CONGESTION of both sockets, 1-15 bytes. Default nil: the system's.
        public var congestionControl: String?
        /// A session without a byte either way for this long is ended; at least 1 s. Default nil: never.
        public var idleTimeout: Duration?
        /// Whether each side's packets have the DSCP of the other one's. Default true.
        public var dscp: Bool
        /// A client that has been idle for this long is probed, 1-32767 s. Default 2 h; nil: only if its server probes.
        public var clientKeepalive: Duration?
        /// The same of a server. Default 2 min.
        public var serverKeepalive: Duration?
        /// Threads that relay, 1-64. Default nil: one for each core.
        public var workers: Int?

        public init(
            receiveBuffer: ByteCount? = nil, sendBuffer: ByteCount? = nil, congestionControl: String? = nil,
            idleTimeout: Duration? = nil, clientKeepalive: Duration? = .seconds(7200),
            serverKeepalive: Duration? = .seconds(120), dscp: Bool = true, workers: Int? = nil
        ) {
            self.receiveBuffer = receiveBuffer
            self.sendBuffer = sendBuffer
            self.congestionControl = congestionControl
            self.idleTimeout = idleTimeout
            self.clientKeepalive = clientKeepalive
            self.serverKeepalive = serverKeepalive
            self.dscp = dscp
            self.workers = workers
        }
    }

    /// How to ask the running daemon.
    public struct Admin: Hashable, Sendable {
        /// Absolute path of the control socket, at most 107 bytes (unix(7): sun_path). Default
        /// `/run/sluice/control.sock`.
        public var control: String
        /// Where the page, `/metrics` and reports are served over TCP. Default nil: nowhere.
        public var http: Endpoint?
        /// Absolute path of a file with the token that they are told for alone, at most 4000 bytes. Default nil: to whoever
        /// reaches `http`, which is then an address of this machine's own.
        public var httpToken: String?
        /// Names by which browsers may come, besides addresses and `localhost`; none twice. Default: none.
        public var httpNames: [String]

        public init(
            control: String = "/run/sluice/control.sock", http: Endpoint? = nil, httpToken: String? = nil,
            httpNames: [String] = []
        ) {
            self.control = control
            self.http = http
            self.httpToken = httpToken
            self.httpNames = httpNames
        }
    }

    /// What is logged.
    public struct Log: Hashable, Sendable {
        /// From the most to the least talkative; the raw values are those of swift-log.
        public enum Level: String, CaseIterable, Sendable {
            case trace, debug, info, notice, warning, error, critical
        }

        /// The least important level that is still written. Default: info.
        public var level: Level

        public init(level: Level = .info) {
            self.level = level
        }
    }
}
