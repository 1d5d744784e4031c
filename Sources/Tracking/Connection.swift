import Wire

/// An MPTCP connection.
public struct Connection: Sendable {
    /// What is known of one of its hosts.
    public struct HostState: Sendable {
        public internal(set) var key: MultipathKey?
        public internal(set) var token: Token?
        public internal(set) var stream = DataStream()
        /// What the host has announced by ADD_ADDR and not removed; at most `mostAddresses`.
        public internal(set) var addresses: [AnnouncedAddress] = []

        static let mostAddresses = 32
    }

    public struct AnnouncedAddress: Hashable, Sendable {
        public let id: AddressID
        public let address: IPAddress
        public let port: UInt16?
        public internal(set) var isEchoed = false
    }

    public let openedAt: UInt64
    /// When its last segment was seen.
    public internal(set) var lastSeen: UInt64
    /// Does it pass this machine by, rather than end here? As whoever feeds the tracker says.
    public let isForwarded: Bool
    /// Its beginning was not seen.
    public let isPartial: Bool
    /// 0 or 1; what the SYN-ACK says once it is there.
    public internal(set) var version: UInt8
    public internal(set) var state: ConnectionState
    /// Why it has become plain TCP, also after its end.
    public internal(set) var fallback: FallbackReason?
    public internal(set) var hosts = PerHost(both: HostState())
    /// In the order in which they were opened; closed ones too, as far as there is room.
    public internal(set) var subflows: [Subflow] = []
    /// How the last subflow to end has ended.
    public internal(set) var lastEnd: SubflowEnd?
    public internal(set) var anomalies = Anomalies()
    /// Bytes of payload that all its subflows have carried, both ways, each counted once.
    public internal(set) var bytes: UInt64 = 0
    /// When `bytes` gets here, it is told, once (`TrackingEvent.reached`).
    var alarm = UInt64.max
    /// Changes with everything that the kernel could disagree about: states, addresses, backup.
    public internal(set) var revision: UInt32 = 0
    var nextSubflowNumber = 0
    /// Both ends exist: the one that answers has sent more than a SYN-ACK, or the one that opened it has acknowledged
    /// what only a receiver of the SYN-ACK knows.
    var isProven = false
    /// What the client was last said to send with, and when; at first what its first segment behind the SYN has. nil before.
    var dscp: DSCP?
    var dscpTold: UInt64 = 0
    /// The client's probes are not to reach its peer (`Tracker.silence`).
    var isSilenced = false
    /// Whoever feeds the tracker knows that it has ended (`Tracker.release`).
    var isReleased = false

    /// Who opened it from where, and where to; its first subflow's endpoints.
    public let tuple: FourTuple

    /// The token by which the client's further subflows join.
    public var token: Token? { hosts.server.token }

    /// Has the client's host shown that it keeps nothing of the connection? By MP_FASTCLOSE, or by a reset without a
    /// reason, as hosts send that have no socket for a segment; one that gives up a subflow says why (RFC 8684 section
    /// 3.6).
    public var isGivenUpByClient: Bool {
        switch state {
        case .fastClosed(by: .client): true
        case .established: lastEnd == .reset(by: .client) && subflows.allSatisfy(\.state.isClosed)
        default: false
        }
    }

    /// Subflows over which data may go.
    public var carryingSubflows: Int { subflows.count(where: \.isCarrying) }

    /// The keys in the order of the host's own HMACs; nil until both are known.
    func keys(of host: Host) -> KeyPair? {
        guard let own = hosts[host].key, let peer = hosts[host.peer].key else { return nil }
        return KeyPair(own: own, peer: peer, version: version)
    }
}
