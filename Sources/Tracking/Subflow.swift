import Wire

/// A value for each of a connection's hosts.
public struct PerHost<Value> {
    public var client: Value
    public var server: Value

    public init(client: Value, server: Value) {
        self.client = client
        self.server = server
    }

    init(both value: Value) { self.init(client: value, server: value) }

    public subscript(host: Host) -> Value {
        get { host == .client ? client : server }
        _modify {
            if host == .client { yield &client } else { yield &server }
        }
    }
}

extension PerHost: Sendable where Value: Sendable {}
extension PerHost: Equatable where Value: Equatable {}

/// A subflow (RFC 8684 section 2): a TCP connection that carries part of an MPTCP connection's data.
public struct Subflow: Sendable {
    /// Counts the connection's subflows from 0.
    public let number: Int
    public let endpoints: PerHost<Endpoint>
    /// Which of the connection's hosts opened this subflow.
    public let initiator: Host
    /// Where the initiator's segments come in, as whoever feeds the tracker counts interfaces; 0: not known.
    public internal(set) var interface: UInt32
    public let openedAt: UInt64
    public internal(set) var state: SubflowState
    /// Does this host ask for the subflow to be used only when no other works (section 3.3.8)?
    public internal(set) var asksForBackup = PerHost(both: false)
    /// nil as long as the host hasn't told.
    public internal(set) var addressID: PerHost<AddressID?>
    public internal(set) var streams = PerHost(both: SubflowStream())
    /// Of the MP_JOIN handshake.
    var nonces = PerHost<UInt32?>(both: nil)
    /// Has it been established, as far as it is a join?
    var hasJoined = false
    /// The initiator's HMAC was wrong, so that its peer resets the subflow.
    var hasWrongHMAC = false

    public var isBackup: Bool { asksForBackup.client || asksForBackup.server }
    /// May data go over it, either way?
    public var isCarrying: Bool {
        switch state {
        case .established, .halfClosed: !isUnproven
        case .synSent, .synReceived, .closed: false
        }
    }

    public var isInitial: Bool { number == 0 }
    /// A join that has not proved by its HMAC that it belongs to the connection, and doesn't speak for it.
    var isUnproven: Bool { !isInitial && !hasJoined }
    /// Is the connection still there as long as this subflow is? An unanswered join doesn't keep it.
    var holdsConnection: Bool { !state.isClosed && !isUnproven }

    /// The host at this end.
    func host(at endpoint: Endpoint) -> Host { endpoints.client == endpoint ? .client : .server }
}
