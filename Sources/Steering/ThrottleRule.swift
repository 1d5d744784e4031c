public import Wire

/// Which subflows are throttled, when, and how. Of several rules the first that applies to a subflow counts.
public struct ThrottleRule: Hashable, Sendable {
    /// Who shares one rate.
    public enum Sharing: String, Hashable, Sendable {
        /// All subflows that the rule holds on an interface.
        case all = "class"
        /// Those of one client address.
        case client
        /// Nobody.
        case subflow
    }

    public enum Action: Hashable, Sendable {
        case shape(Rates, Sharing)
        /// The client is asked to use the subflow only when no other works (RFC 8684 section 3.3.8).
        case backup
    }

    /// In bits per second; nil: not limited.
    public struct Rates: Hashable, Sendable {
        public var download: UInt64?
        public var upload: UInt64?

        public init(download: UInt64?, upload: UInt64?) {
            self.download = download
            self.upload = upload
        }
    }

    /// The bytes of payload, both ways, after which a rule applies.
    public struct Quota: Hashable, Sendable {
        public enum Owner: Hashable, Sendable {
            case connection
            /// The client, by the address of its connections' first subflows.
            case client
        }

        public var bytes: UInt64
        public var owner: Owner

        public init(bytes: UInt64, owner: Owner) {
            self.bytes = bytes
            self.owner = owner
        }
    }

    /// When a rule is on. While it is off, it still takes its subflows from the rules behind it.
    public struct Condition: Hashable, Sendable {
        /// The path that has to be congested, by its name; nil: that of the interface.
        public var path: String?
        public var limits: PathLimits

        public init(path: String? = nil, limits: PathLimits = PathLimits()) {
            self.path = path
            self.limits = limits
        }
    }

    public var name: String
    /// Where the client's packets come in.
    public var interfaces: Set<String>
    /// Empty: all.
    public var clients: [IPPrefix]
    /// Empty: all.
    public var servers: [IPPrefix]
    /// Of the server. Empty: all.
    public var ports: [ClosedRange<UInt16>]
    /// Only subflows whose client asks for backup, or doesn't.
    public var backup: Bool?
    /// The client's address ID.
    public var addressID: UInt8?
    public var minSubflows: Int
    public var quota: Quota?
    /// Empty: always.
    public var hours: [TimeWindow]
    public var action: Action
    /// nil: always on.
    public var condition: Condition?
    /// May another's qdisc be replaced, and put back afterwards?
    public var takeOver: Bool

    public init(
        name: String, interfaces: Set<String>, clients: [IPPrefix] = [], servers: [IPPrefix] = [],
        ports: [ClosedRange<UInt16>] = [], backup: Bool? = nil, addressID: UInt8? = nil, minSubflows: Int = 2,
        quota: Quota? = nil, hours: [TimeWindow] = [], action: Action, condition: Condition? = nil,
        takeOver: Bool = false
    ) {
        self.name = name
        self.interfaces = interfaces
        self.clients = clients
        self.servers = servers
        self.ports = ports
        self.backup = backup
        self.addressID = addressID
        self.minSubflows = minSubflows
        self.quota = quota
        self.hours = hours
        self.action = action
        self.condition = condition
        self.takeOver = takeOver
    }

    public var rates: Rates? { if case .shape(let rates, _) = action { rates } else { nil } }
}

/// From one minute of the day up to another; past midnight if the end isn't after the start.
public struct TimeWindow: Hashable, Sendable {
    /// Minutes since midnight.
    public let start: Int
    public let end: Int

    public init(start: Int, end: Int) {
        self.start = start
        self.end = end
    }

    public func contains(_ minute: Int) -> Bool {
        start < end ? (start..<end).contains(minute) : minute >= start || minute < end
    }
}

/// What a rule asks about a subflow.
public struct ThrottledSubflow: Hashable, Sendable {
    public let tuple: FourTuple
    /// nil when it isn't known.
    public let interface: String?
    /// Does its client ask for it to be a backup?
    public let asksForBackup: Bool
    /// The client's; nil when it isn't known.
    public let addressID: UInt8?

    public init(tuple: FourTuple, interface: String?, asksForBackup: Bool, addressID: UInt8?) {
        self.tuple = tuple
        self.interface = interface
        self.asksForBackup = asksForBackup
        self.addressID = addressID
    }
}

/// What a rule asks about a subflow's connection, its client and the hour.
public struct ThrottleCircumstances: Hashable, Sendable {
    /// Subflows of the connection that carry data.
    public var subflows: Int
    /// Bytes of payload so far, both ways.
    public var connectionBytes: UInt64
    public var clientBytes: UInt64
    /// Minutes since midnight, in the router's time zone.
    public var minute: Int

    public init(subflows: Int, connectionBytes: UInt64, clientBytes: UInt64, minute: Int) {
        self.subflows = subflows
        self.connectionBytes = connectionBytes
        self.clientBytes = clientBytes
        self.minute = minute
    }
}

extension ThrottleRule {
    /// Is it one of the subflows that the rule is about?
    public func selects(_ subflow: ThrottledSubflow) -> Bool {
        guard let interface = subflow.interface, interfaces.contains(interface) else { return false }
        if let backup, backup != subflow.asksForBackup { return false }
        if let addressID, addressID != subflow.addressID { return false }
        return (ports.isEmpty || ports.contains { $0.contains(subflow.tuple.server.port) })
            && (clients.isEmpty || clients.contains { $0.contains(subflow.tuple.client.address) })
            && (servers.isEmpty || servers.contains { $0.contains(subflow.tuple.server.address) })
    }

    /// Is it time for it, but for the quota?
    func isReady(_ circumstances: ThrottleCircumstances) -> Bool {
        circumstances.subflows >= minSubflows
            && (hours.isEmpty || hours.contains { $0.contains(circumstances.minute) })
    }

    /// Bytes until the quota is used up; 0 from then on, and without a quota.
    func bytesLeft(_ circumstances: ThrottleCircumstances) -> UInt64 {
        guard let quota else { return 0 }
        let used = quota.owner == .client ? circumstances.clientBytes : circumstances.connectionBytes
        return quota.bytes > used ? quota.bytes - used : 0
    }
}

extension [ThrottleRule] {
    /// The place of the first rule that applies.
    public func first(for subflow: ThrottledSubflow, _ circumstances: ThrottleCircumstances) -> Int? {
        firstIndex { $0.isReady(circumstances) && $0.bytesLeft(circumstances) == 0 && $0.selects(subflow) }
    }

    /// Bytes of this owner's until a rule applies that doesn't yet, only for its quota; nil if there is none. Rules
    /// behind the one that applies don't count.
    public func bytesLeft(
        for subflow: ThrottledSubflow, _ circumstances: ThrottleCircumstances, of owner: ThrottleRule.Quota.Owner
    ) -> UInt64? {
        var least: UInt64?
        for rule in self where rule.isReady(circumstances) && rule.selects(subflow) {
            let left = rule.bytesLeft(circumstances)
            if left == 0 { break }
            if rule.quota?.owner == owner { least = Swift.min(least ?? left, left) }
        }
        return least
    }
}
