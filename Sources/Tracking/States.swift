import Wire

/// One of a connection's two hosts.
public enum Host: UInt8, Hashable, Sendable, CaseIterable {
    /// Who opened the connection.
    case client
    case server

    public var peer: Host { self == .client ? .server : .client }
}

/// Where an MPTCP connection stands, as its segments tell.
public enum ConnectionState: Hashable, Sendable {
    /// A SYN with MP_CAPABLE (RFC 8684 section 3.1).
    case opening
    /// A SYN-ACK with MP_CAPABLE.
    case answered
    /// The client has sent both keys (third ACK, or its first data), or a later segment speaks MPTCP.
    case established
    /// The connection goes on as plain TCP (section 3.7).
    case fallback(FallbackReason)
    /// Both DATA_FINs are acknowledged (section 3.3.3), or each subflow has ended.
    case closed
    /// MP_FASTCLOSE, by this host (section 3.5).
    case fastClosed(by: Host)

    public var name: StaticString {
        switch self {
        case .opening: "opening"
        case .answered: "answered"
        case .established: "established"
        case .fallback: "fallback"
        case .closed: "closed"
        case .fastClosed: "fast-closed"
        }
    }

    /// May it be forgotten soon?
    public var isOver: Bool {
        switch self {
        case .closed, .fastClosed: true
        default: false
        }
    }

    /// Has it yet to prove that it is more than a SYN?
    public var isEmbryonic: Bool { self == .opening || self == .answered }
}

/// Why a connection is plain TCP (RFC 8684 section 3.7).
public enum FallbackReason: String, Hashable, Sendable {
    case noOptionInSYNACK = "no MP_CAPABLE in the SYN-ACK"
    case noOptionAfterSYNACK = "no MPTCP option after the SYN-ACK"
    case dataWithoutMapping = "first data without a mapping"
    case checksumFailed = "MP_FAIL and infinite mapping"
    case infiniteMapping = "infinite mapping"
}

/// Where a subflow stands.
public enum SubflowState: Hashable, Sendable {
    /// A SYN (RFC 8684 sections 3.1, 3.2).
    case synSent
    /// A SYN-ACK.
    case synReceived
    /// The initiator's ACK; for MP_JOIN with its HMAC.
    case established
    /// One host has sent its FIN.
    case halfClosed(by: Host)
    case closed(SubflowEnd)

    /// In the words of ss(8), as far as it has them.
    public var name: StaticString {
        switch self {
        case .synSent: "syn-sent"
        case .synReceived: "syn-recv"
        case .established: "established"
        case .halfClosed: "half-closed"
        case .closed: "closed"
        }
    }

    public var isClosed: Bool {
        if case .closed = self { true } else { false }
    }
}

/// How a subflow ended.
public enum SubflowEnd: Hashable, Sendable {
    /// Both FINs.
    case fin
    case reset(by: Host)
    /// A reset that says why (RFC 8684 section 3.6).
    case resetWithReason(MPReset, by: Host)
    /// REMOVE_ADDR of the address that it uses, by that address's host (section 3.4.2).
    case addressRemoved(by: Host)
    /// MP_FASTCLOSE of the connection (section 3.5).
    case fastClosed
    /// The SYN-ACK of an MP_JOIN has no MP_JOIN.
    case joinRefused
    /// The same 4-tuple was opened anew.
    case reused
}

/// One direction of the data level (RFC 8684 section 3.3.3).
public enum StreamState: Hashable, Sendable {
    case open
    /// The host has sent DATA_FIN, whose own sequence number this is.
    case finSent(DataSequenceNumber)
    case finAcknowledged
}

/// What ought not to be, and what a reader of a trace wants to know of.
public enum Anomaly: String, Hashable, Sendable, CaseIterable {
    case malformedOption = "malformed option"
    case wrongJoinHMAC = "MP_JOIN with a wrong HMAC"
    case wrongAddressHMAC = "ADD_ADDR with a wrong HMAC"
    case wrongKey = "key that isn't the one announced"
    case misplacedOption = "option that doesn't belong there"
    case joinRefused = "MP_JOIN answered without MP_JOIN"
    case checksumFailed = "MP_FAIL"
    case tooManySubflows = "more subflows than are tracked"

    var index: Int { Self.allCases.firstIndex(of: self)! }
}

/// A set of anomalies.
public struct Anomalies: Hashable, Sendable {
    private var bits: UInt16 = 0

    mutating func insert(_ anomaly: Anomaly) { bits |= Self.bit(anomaly) }

    public func contains(_ anomaly: Anomaly) -> Bool { bits & Self.bit(anomaly) != 0 }

    public var all: [Anomaly] { Anomaly.allCases.filter(contains) }

    private static func bit(_ anomaly: Anomaly) -> UInt16 { 1 << UInt16(anomaly.index) }
}
