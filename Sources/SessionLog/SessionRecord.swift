import Wire

/// The start or the end of a session, as it is logged. Times are nanoseconds since 1970.
public struct SessionRecord: Hashable, Sendable {
    /// Names the session in both records: unique as long as there have been no more than 1,048,576 sessions a second.
    public var number: UInt64
    /// When it was established: the server has answered, and the client has completed its handshake.
    public var started: Int64
    public var client: Endpoint
    public var server: Endpoint
    /// Where the connection to the server comes from: the client's address, and the port that the server sees.
    public var upstream: Endpoint?
    /// By which the client's subflows join; nil where it has fallen back to TCP.
    public var token: Token?
    /// The index of the interface that the client's SYN came in by; 0: not known.
    public var interface: UInt32
    /// nil: this is the start.
    public var end: End?

    public struct End: Hashable, Sendable {
        public var time: Int64
        public var reason: SessionEnd
        /// Payload that was passed on.
        public var bytesToClient: UInt64
        public var bytesToServer: UInt64
        /// Those that have carried data, in the order in which they were opened.
        public var subflows: [Subflow]

        public init(
            time: Int64, reason: SessionEnd, bytesToClient: UInt64, bytesToServer: UInt64, subflows: [Subflow]
        ) {
            self.time = time
            self.reason = reason
            self.bytesToClient = bytesToClient
            self.bytesToServer = bytesToServer
            self.subflows = subflows
        }
    }

    public struct Subflow: Hashable, Sendable {
        public var client: Endpoint
        public var server: Endpoint
        /// The index of the interface that it came in by; 0: not known.
        public var interface: UInt32
        /// Payload, each byte counted once; a byte may have gone over several subflows.
        public var bytesToClient: UInt64
        public var bytesToServer: UInt64

        public init(
            client: Endpoint, server: Endpoint, interface: UInt32, bytesToClient: UInt64, bytesToServer: UInt64
        ) {
            self.client = client
            self.server = server
            self.interface = interface
            self.bytesToClient = bytesToClient
            self.bytesToServer = bytesToServer
        }
    }

    public init(
        number: UInt64, started: Int64, client: Endpoint, server: Endpoint, upstream: Endpoint?, token: Token?,
        interface: UInt32, end: End? = nil
    ) {
        self.number = number
        self.started = started
        self.client = client
        self.server = server
        self.upstream = upstream
        self.token = token
        self.interface = interface
        self.end = end
    }

    var time: Int64 { end?.time ?? started }
}

/// Why a session has ended. The raw values are logged, and stable.
public enum SessionEnd: String, CaseIterable, Sendable {
    /// Both sides have ended their streams.
    case closed
    /// The client has reset it, or is gone.
    case clientReset = "client reset"
    /// The server has reset it, or is gone.
    case serverReset = "server reset"
    /// Nothing has moved for `[relay] idle_timeout`.
    case idle = "idle timeout"
    /// `sluice close`
    case order = "closed by order"
    /// Bytes were lost inside this machine.
    case fault = "relay fault"
    /// Its packets didn't come to this box any more: others have removed its rules.
    case rulesGone = "rules gone"
    /// The daemon has stopped.
    case stop = "daemon stopped"

    /// flowEndReason (RFC 5102 section 5.11.3, in IANA's registry of IPFIX elements): 1 idle timeout, 3 end of flow detected,
    /// 4 forced end, 5 lack of resources.
    var flowEndReason: UInt8 {
        switch self {
        case .idle: 1
        case .closed, .clientReset, .serverReset: 3
        case .order, .rulesGone, .stop: 4
        case .fault: 5
        }
    }
}

/// What a log file says of itself, besides the sessions.
public enum LogMark: String, CaseIterable, Sendable {
    /// The daemon has started: a session of before it without an end had ended by then.
    case daemonStarted = "daemon start"
    /// It has stopped in order: no record is missing before this.
    case daemonStopped = "daemon stop"
    /// The file is written from now on, by a reload.
    case opened = "log opened"
}
