/// `GET /v1/throttles`: an array of these, in the order in which they are tried. Rates in bits per second.
public struct ThrottleReport: Codable, Sendable {
    public struct Class: Codable, Sendable {
        /// As tc(8) writes it, e.g. `7700:1`.
        public var `class`: String
        /// download or upload
        public var direction: String
        public var interface: String
        /// null unless the class is one client's.
        @Nullable public var client: String?
        /// The client's end; null unless the class is one subflow's.
        @Nullable public var subflow: String?
        public var subflows: Int
        public var rate: UInt64
        /// Of the last seconds.
        public var recentRate: UInt64
        public var bytes: UInt64
        public var packets: UInt64
        public var drops: UInt64
        public var overlimits: UInt64
        /// Bytes that wait.
        public var backlog: UInt64

        public init(
            class: String, direction: String, interface: String, client: String?, subflow: String?, subflows: Int,
            rate: UInt64, recentRate: UInt64, bytes: UInt64, packets: UInt64, drops: UInt64, overlimits: UInt64,
            backlog: UInt64
        ) {
            self.class = `class`
            self.direction = direction
            self.interface = interface
            self.client = client
            self.subflow = subflow
            self.subflows = subflows
            self.rate = rate
            self.recentRate = recentRate
            self.bytes = bytes
            self.packets = packets
            self.drops = drops
            self.overlimits = overlimits
            self.backlog = backlog
        }
    }

    public var name: String
    /// shape or backup
    public var action: String
    public var interfaces: [String]
    public var minSubflows: Int
    /// class, client or subflow; null for backup.
    @Nullable public var per: String?
    @Nullable public var download: UInt64?
    @Nullable public var upload: UInt64?
    /// congested: it is on only while its path is; null: always.
    @Nullable public var when: String?
    /// Does it hold anybody now? Else its classes have no limit.
    public var on: Bool
    /// Was it added or changed at run time, so that it isn't as the file has it?
    public var changed: Bool
    /// Why it does nothing now, or not everywhere.
    @Nullable public var obstacle: String?
    /// Subflows held now.
    public var subflows: Int
    /// Subflows held so far.
    public var matched: UInt64
    /// How often a subflow could not be held.
    public var refused: UInt64
    public var classes: [Class]

    public init(
        name: String, action: String, interfaces: [String], minSubflows: Int, per: String?, download: UInt64?,
        upload: UInt64?, when: String?, on: Bool, changed: Bool, obstacle: String?, subflows: Int, matched: UInt64,
        refused: UInt64,
        classes: [Class]
    ) {
        self.name = name
        self.action = action
        self.interfaces = interfaces
        self.minSubflows = minSubflows
        self.per = per
        self.download = download
        self.upload = upload
        self.when = when
        self.on = on
        self.changed = changed
        self.obstacle = obstacle
        self.subflows = subflows
        self.matched = matched
        self.refused = refused
        self.classes = classes
    }
}

/// `PATCH /v1/throttles/NAME`: rates in tc's units; what is absent stays as it is.
public struct ThrottleRates: Codable, Sendable {
    public var download: String?
    public var upload: String?

    public init(download: String?, upload: String?) {
        self.download = download
        self.upload = upload
    }
}

/// Why the daemon doesn't do what it is asked; the body of the answer is `{"error": "…"}`.
public struct ControlRefusal: Error, Sendable {
    public enum Kind: Sendable {
        /// The request itself is wrong.
        case invalid
        case unknown
        /// It can't be done now, or here.
        case conflict
    }

    public let kind: Kind
    public let message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
}
