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
        /// Ended by `sluice close`.
        public var closed: UInt64
        /// Reset because bytes of theirs were lost inside this machine.
        public var faults: UInt64
        /// Of a daemon before that has died: those that went on.
        public var salvaged: UInt64
        /// Those of it that were reset.
        public var lost: UInt64
        public var bytesToClient: UInt64
        public var bytesToServer: UInt64

        public init(
            open: Int, pending: Int, accepted: UInt64, resets: UInt64, idleTimeouts: UInt64, clientTimeouts: UInt64,
            closed: UInt64, faults: UInt64, salvaged: UInt64 = 0, lost: UInt64 = 0, bytesToClient: UInt64,
            bytesToServer: UInt64
        ) {
            self.open = open
            self.pending = pending
            self.accepted = accepted
            self.resets = resets
            self.idleTimeouts = idleTimeouts
            self.clientTimeouts = clientTimeouts
            self.closed = closed
            self.faults = faults
            self.salvaged = salvaged
            self.lost = lost
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
        /// How often a data queue's thread came to it and found any of them.
        public var dataReads: UInt64
        public var held: Int
        public var injectionFailures: UInt64
        public var refusedVerdicts: UInt64
        /// Data packets that are no TCP segment, or not a whole one.
        public var unreadable: UInt64

        public init(
            data: UInt64, dataBytes: UInt64, dataReads: UInt64, held: Int, injectionFailures: UInt64,
            refusedVerdicts: UInt64,
            unreadable: UInt64
        ) {
            self.data = data
            self.dataBytes = dataBytes
            self.dataReads = dataReads
            self.held = held
            self.injectionFailures = injectionFailures
            self.refusedVerdicts = refusedVerdicts
            self.unreadable = unreadable
        }
    }

    /// What the segments tell: of converted connections, and of those that go end to end if `inspect` says so.
    public struct Tracking: Codable, Sendable {
        /// Followed now.
        public var connections: Int
        public var established: UInt64
        public var joins: UInt64
        public var fallbacks: UInt64
        public var fastCloses: UInt64
        /// What ought not to be, and how often it was seen, e.g. `malformed option`.
        public var anomalies: [String: UInt64]
        /// Connections that lost their place to another one before they were over.
        public var evicted: UInt64
        /// How often tokens, subflows and backup flags were compared with the kernel's, and how often they differed.
        public var compared: UInt64
        public var disagreements: UInt64
        /// Clients accepted whose handshake was not seen.
        public var unseen: UInt64

        public init(
            connections: Int, established: UInt64, joins: UInt64, fallbacks: UInt64, fastCloses: UInt64,
            anomalies: [String: UInt64], evicted: UInt64, compared: UInt64, disagreements: UInt64, unseen: UInt64
        ) {
            self.connections = connections
            self.established = established
            self.joins = joins
            self.fallbacks = fallbacks
            self.fastCloses = fastCloses
            self.anomalies = anomalies
            self.evicted = evicted
            self.compared = compared
            self.disagreements = disagreements
            self.unseen = unseen
        }
    }

    /// How long something took, in microseconds, at most an eighth more than it really was.
    public struct Latency: Codable, Sendable {
        public var count: UInt64
        /// null when nothing has been measured yet.
        @Nullable public var p50Us: Double?
        @Nullable public var p99Us: Double?
        @Nullable public var maxUs: Double?

        public init(count: UInt64, p50Us: Double?, p99Us: Double?, maxUs: Double?) {
            self.count = count
            self.p50Us = p50Us
            self.p99Us = p99Us
            self.maxUs = maxUs
        }
    }

    public struct Conversion: Codable, Sendable {
        /// From a client's SYN, as its queue hands it over, until the SYN to the server has been sent; of those held.
        public var syn: Latency
        /// From data's coming in until they have been handed to the other side; of a sample.
        public var dataToServer: Latency
        public var dataToClient: Latency

        public init(syn: Latency, dataToServer: Latency, dataToClient: Latency) {
            self.syn = syn
            self.dataToServer = dataToServer
            self.dataToClient = dataToClient
        }
    }

    /// What other hands have removed or changed of what Sluice has put into the kernel.
    public struct Healing: Codable, Sendable {
        /// How often it was put back, by what it was: `rules`, `routing rules`, `routes`, `device`, `sysctls`, `shaping`.
        public var repairs: [String: UInt64]
        /// Why the daemon has stepped aside; empty when it hasn't.
        public var degraded: [String]
        /// Do running connections live on while rules are away?
        public var guarded: Bool

        public init(repairs: [String: UInt64], degraded: [String], guarded: Bool) {
            self.repairs = repairs
            self.degraded = degraded
            self.guarded = guarded
        }
    }

    public var version: String
    /// starting, running, degraded or draining
    public var state: String
    /// Is the file that the daemon was started from another one now? Then `sluice upgrade` puts that in its place.
    public var programReplaced: Bool
    public var uptimeSeconds: UInt64
    public var connections: Connections
    public var dials: Dials
    public var conversion: Conversion
    public var listeners: Int
    public var packets: Packets
    public var tracking: Tracking
    public var healing: Healing
    public var sessionLog: SessionLog
    /// null: this box is alone.
    @Nullable public var cluster: Cluster?
    /// How often each decision about a SYN was made, by its text, e.g. `pass: server speaks MPTCP`.
    public var decisions: [String: UInt64]

    public init(
        version: String, state: String, programReplaced: Bool, uptimeSeconds: UInt64, connections: Connections,
        dials: Dials,
        conversion: Conversion, listeners: Int, packets: Packets, tracking: Tracking, healing: Healing,
        sessionLog: SessionLog, cluster: Cluster?, decisions: [String: UInt64]
    ) {
        self.version = version
        self.state = state
        self.programReplaced = programReplaced
        self.uptimeSeconds = uptimeSeconds
        self.connections = connections
        self.dials = dials
        self.conversion = conversion
        self.listeners = listeners
        self.packets = packets
        self.tracking = tracking
        self.healing = healing
        self.sessionLog = sessionLog
        self.cluster = cluster
        self.decisions = decisions
    }
}

/// `GET /v1/connections`: an array of these.
public struct ConnectionReport: Codable, Sendable {
    public struct Upstream: Codable, Sendable {
        @Nullable public var local: String?
        /// tcp.
        public var `protocol`: String

        public init(local: String?, protocol: String) {
            self.local = local
            self.protocol = `protocol`
        }
    }

    public struct Subflow: Codable, Sendable {
        public var id: UInt32
        /// The server's address; the box answers from it if the connection is converted.
        public var local: String
        public var remote: String
        /// Address IDs; null as long as they aren't known.
        @Nullable public var localId: UInt8?
        @Nullable public var remoteId: UInt8?
        /// The interface that leads to the client's end, or by which its SYN came; null if there is none.
        @Nullable public var interface: String?
        public var state: String
        public var backup: Bool
        /// The throttle that holds it; null if none does.
        @Nullable public var `class`: String?
        public var bytesToClient: UInt64
        public var bytesToServer: UInt64
        /// Bytes sent again towards the client.
        public var bytesRetrans: UInt64
        /// null for a connection that goes end to end.
        @Nullable public var rttUs: UInt32?

        public init(
            id: UInt32, local: String, remote: String, localId: UInt8?, remoteId: UInt8?, interface: String?,
            state: String, backup: Bool, class: String?, bytesToClient: UInt64, bytesToServer: UInt64,
            bytesRetrans: UInt64, rttUs: UInt32?
        ) {
            self.id = id
            self.local = local
            self.remote = remote
            self.localId = localId
            self.remoteId = remoteId
            self.interface = interface
            self.state = state
            self.backup = backup
            self.class = `class`
            self.bytesToClient = bytesToClient
            self.bytesToServer = bytesToServer
            self.bytesRetrans = bytesRetrans
            self.rttUs = rttUs
        }
    }

    /// converted, or end-to-end: an MPTCP connection that the router only forwards.
    public var mode: String
    /// null until the client has been accepted, and when it has fallen back to TCP.
    @Nullable public var token: String?
    public var client: String
    public var server: String
    public var state: String
    /// null for a connection that goes end to end.
    @Nullable public var upstream: Upstream?
    public var bytesToClient: UInt64
    public var bytesToServer: UInt64
    public var ageUs: UInt64
    public var subflows: [Subflow]

    public init(
        mode: String, token: String?, client: String, server: String, state: String, upstream: Upstream?,
        bytesToClient: UInt64,
        bytesToServer: UInt64, ageUs: UInt64, subflows: [Subflow]
    ) {
        self.mode = mode
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

/// `POST /v1/connections/close`: which converted connections are to be reset; those of which everything holds that is
/// given, at least one thing.
public struct CloseOrder: Codable, Sendable {
    /// An address or prefix, perhaps with a port: of the connection's first subflow.
    public var client: String?
    /// The same of the server.
    public var server: String?
    /// As `ConnectionReport.token`.
    public var token: String?

    public init(client: String?, server: String?, token: String?) {
        self.client = client
        self.server = server
        self.token = token
    }
}

/// The answer to a `CloseOrder`.
public struct CloseReport: Codable, Sendable {
    /// Connections that were reset.
    public var closed: Int

    public init(closed: Int) { self.closed = closed }
}

/// `POST /v1/upgrade`: another program is to take the running one's place, without losing a connection.
public struct UpgradeOrder: Codable, Sendable {
    /// The file; null: the one that the running daemon was started from.
    public var program: String?

    public init(program: String?) { self.program = program }
}

/// The answer to an `UpgradeOrder`, once the new program is at work.
public struct UpgradeReport: Codable, Sendable {
    /// Its process ID.
    public var pid: Int32
    /// For how long no packet and no byte went on, at most.
    public var standstillUs: UInt64

    public init(pid: Int32, standstillUs: UInt64) {
        self.pid = pid
        self.standstillUs = standstillUs
    }
}
