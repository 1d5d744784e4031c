import Wire

/// Names a connection in a tracker, also after it has been forgotten.
public struct ConnectionID: Hashable, Sendable {
    let slot: Int32
    let generation: UInt32
}

/// Something that a segment has changed.
public enum TrackingEvent: Hashable, Sendable {
    case opened(ConnectionID)
    case established(ConnectionID)
    case fellBack(ConnectionID, FallbackReason)
    case closed(ConnectionID)
    case subflowOpened(ConnectionID, subflow: Int)
    case subflowEstablished(ConnectionID, subflow: Int)
    case subflowClosed(ConnectionID, subflow: Int, SubflowEnd)
    case backupChanged(ConnectionID, subflow: Int)
    /// Where its initiator's segments come in, which wasn't known before.
    case interfaceLearned(ConnectionID, subflow: Int)
    case addressAnnounced(ConnectionID, AddressID, by: Host)
    case addressRemoved(ConnectionID, AddressID, by: Host)
    case anomaly(ConnectionID, Anomaly)
    /// It has carried as many bytes as `setAlarm` asked for.
    case reached(ConnectionID)
    /// It is tracked no longer: its time was over, or its place was needed.
    case forgotten(ConnectionID)

    public var connection: ConnectionID {
        switch self {
        case .opened(let id), .established(let id), .closed(let id), .reached(let id), .forgotten(let id): id
        case .fellBack(let id, _), .anomaly(let id, _): id
        case .subflowOpened(let id, _), .subflowEstablished(let id, _), .subflowClosed(let id, _, _): id
        case .backupChanged(let id, _), .interfaceLearned(let id, _): id
        case .addressAnnounced(let id, _, _), .addressRemoved(let id, _, _): id
        }
    }
}

/// Whose segment it was that the tracker has seen.
public struct Sighting: Hashable, Sendable {
    public let connection: ConnectionID
    /// The subflow's number.
    public let subflow: Int
    public let sender: Host
    /// Bytes of its payload that had been sent before.
    public let retransmitted: Int
    /// Of its DSS, if it has one.
    public var dataNumbers = DataNumbers()
    /// Nanoseconds since the sender's segment before on this subflow, if this one asks whether the peer is still there
    /// (keepalive, RFC 9293 section 3.8.4).
    public var probe: UInt64?
    /// The DSCP that the client sends with from now on; nil: as before. Told once a second at most.
    public var dscp: DSCP?
    /// Such a probe is not to reach the peer (`Tracker.silence`).
    public var isSilenced = false
}

/// The numbers of a DSS as 64 bits; nil where they aren't there, or neither a key nor a whole number has been seen that
/// would tell the upper half of one that was sent as 32 bits.
public struct DataNumbers: Hashable, Sendable {
    public var sequence: DataSequenceNumber?
    public var acknowledgement: DataSequenceNumber?

    public init(sequence: DataSequenceNumber? = nil, acknowledgement: DataSequenceNumber? = nil) {
        self.sequence = sequence
        self.acknowledgement = acknowledgement
    }

    /// Those of a DSS that has been observed. From the streams of its sender and of the peer alone: a connection is too
    /// large to be handed about for each segment.
    init(_ signal: DataSequenceSignal, sender: DataStream, peer: DataStream) {
        if let mapping = signal.mapping { sequence = sender.whole(mapping.sequence) }
        if let number = signal.acknowledgement { acknowledgement = peer.whole(number) }
    }
}

/// What a tracker has seen since it was made.
public struct TrackerCounters: Hashable, Sendable {
    public internal(set) var opened: UInt64 = 0
    public internal(set) var established: UInt64 = 0
    public internal(set) var fallbacks: UInt64 = 0
    public internal(set) var fastCloses: UInt64 = 0
    public internal(set) var joins: UInt64 = 0
    public internal(set) var joinsOfUnknownToken: UInt64 = 0
    /// Connections that lost their place to another one.
    public internal(set) var evictedEmbryonic: UInt64 = 0
    public internal(set) var evictedLive: UInt64 = 0
    public internal(set) var evictedOver: UInt64 = 0
    /// Connections that were idle for too long.
    public internal(set) var expired: UInt64 = 0
    private var anomalies = [UInt64](repeating: 0, count: Anomaly.allCases.count)

    /// How often this was seen.
    public internal(set) subscript(anomaly: Anomaly) -> UInt64 {
        get { anomalies[anomaly.index] }
        set { anomalies[anomaly.index] = newValue }
    }
}
