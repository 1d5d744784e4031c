// Admin: how people and programs ask the running daemon: JSON over HTTP on a UNIX socket, so that `curl --unix-socket`
// works as well as `sluice status`.
//
// It knows HTTP and the shape of the answers, whose names are stable; it must never know where the answers come from.
// Middlebox gives it closures that answer, the command line uses its client.

/// `GET /v1/status`: one object. Counts are since the daemon's start.
public struct StatusReport: Codable, Sendable {
    public struct Connections: Codable, Sendable {
        public var open: Int
        /// Dialled, the client's handshake not yet complete.
        public var pending: Int
        public var accepted: UInt64
        public var resets: UInt64
        public var idleTimeouts: UInt64
        public var clientTimeouts: UInt64
        public var bytesToClient: UInt64
        public var bytesToServer: UInt64

        public init(
            open: Int, pending: Int, accepted: UInt64, resets: UInt64, idleTimeouts: UInt64, clientTimeouts: UInt64,
            bytesToClient: UInt64, bytesToServer: UInt64
        ) {
            self.open = open
            self.pending = pending
            self.accepted = accepted
            self.resets = resets
            self.idleTimeouts = idleTimeouts
            self.clientTimeouts = clientTimeouts
            self.bytesToClient = bytesToClient
            self.bytesToServer = bytesToServer
        }
    }

    public struct Dials: Codable, Sendable {
        public var started: UInt64
        public var failed: UInt64

        public init(started: UInt64, failed: UInt64) {
            self.started = started
            self.failed = failed
        }
    }

    public struct Packets: Codable, Sendable {
        public var data: UInt64
        public var dataBytes: UInt64
        public var held: Int
        public var injectionFailures: UInt64
        public var refusedVerdicts: UInt64

        public init(data: UInt64, dataBytes: UInt64, held: Int, injectionFailures: UInt64, refusedVerdicts: UInt64) {
            self.data = data
            self.dataBytes = dataBytes
            self.held = held
            self.injectionFailures = injectionFailures
            self.refusedVerdicts = refusedVerdicts
        }
    }

    public var version: String
    /// starting, running or draining
    public var state: String
    public var uptimeSeconds: UInt64
    public var connections: Connections
    public var dials: Dials
    public var listeners: Int
    public var packets: Packets
    /// How often each decision about a SYN was made, by its text, e.g. `pass: server speaks MPTCP`.
    public var decisions: [String: UInt64]

    public init(
        version: String, state: String, uptimeSeconds: UInt64, connections: Connections, dials: Dials, listeners: Int,
        packets: Packets, decisions: [String: UInt64]
    ) {
        self.version = version
        self.state = state
        self.uptimeSeconds = uptimeSeconds
        self.connections = connections
        self.dials = dials
        self.listeners = listeners
        self.packets = packets
        self.decisions = decisions
    }
}

/// `GET /v1/connections`: an array of these.
public struct ConnectionReport: Codable, Sendable {
    public struct Upstream: Codable, Sendable {
        @Nullable public var local: String?
        /// tcp, or mptcp for a connection that was dialled so; it has then fallen back to TCP, unless the server was
        /// only just found to speak MPTCP (`connect = "split"`).
        public var `protocol`: String

        public init(local: String?, protocol: String) {
            self.local = local
            self.protocol = `protocol`
        }
    }

    public struct Subflow: Codable, Sendable {
        public var id: UInt32
        /// The server's address, from which the box answers.
        public var local: String
        public var remote: String
        /// The interface that leads to the client's end; null if no route does.
        @Nullable public var interface: String?
        public var state: String
        public var backup: Bool
        public var bytesToClient: UInt64
        public var bytesToServer: UInt64
        public var rttUs: UInt32

        public init(
            id: UInt32, local: String, remote: String, interface: String?, state: String, backup: Bool,
            bytesToClient: UInt64, bytesToServer: UInt64, rttUs: UInt32
        ) {
            self.id = id
            self.local = local
            self.remote = remote
            self.interface = interface
            self.state = state
            self.backup = backup
            self.bytesToClient = bytesToClient
            self.bytesToServer = bytesToServer
            self.rttUs = rttUs
        }
    }

    /// null until the client has been accepted, and when it has fallen back to TCP.
    @Nullable public var token: String?
    public var client: String
    public var server: String
    public var state: String
    public var upstream: Upstream
    public var bytesToClient: UInt64
    public var bytesToServer: UInt64
    public var ageUs: UInt64
    public var subflows: [Subflow]

    public init(
        token: String?, client: String, server: String, state: String, upstream: Upstream, bytesToClient: UInt64,
        bytesToServer: UInt64, ageUs: UInt64, subflows: [Subflow]
    ) {
        self.token = token
        self.client = client
        self.server = server
        self.state = state
        self.upstream = upstream
        self.bytesToClient = bytesToClient
        self.bytesToServer = bytesToServer
        self.ageUs = ageUs
        self.subflows = subflows
    }
}
