/// What `GET /v1/events` tells of, each by an event of this name.
enum PageSection: String, CaseIterable, Sendable {
    /// When it was looked, and how long that took: `LookReport`.
    case look
    /// As `GET /v1/status`.
    case status
    /// As `GET /v1/paths`, with the last decisions alone.
    case paths
    /// As `GET /v1/throttles`.
    case throttles
    /// `BusiestReport`.
    case connections
    /// As `sluice check --json`.
    case findings
}

/// The event `look`: what comes behind it was found then.
public struct LookReport: Codable, Sendable {
    /// Seconds since 1970.
    public var time: Double
    /// Microseconds that the look before this one took.
    public var tookUs: UInt64
}

/// The event `connections`: those with the most traffic.
public struct BusiestReport: Codable, Sendable {
    /// All that there are.
    public var total: Int
    /// The busiest of them, as `GET /v1/connections` has them: those that have moved the most bytes since the last look come
    /// first, then those that have moved the most at all.
    public var connections: [ConnectionReport]
    /// What those that aren't shown have moved so far.
    public var otherBytesToClient: UInt64
    public var otherBytesToServer: UInt64

    public init(
        total: Int, connections: [ConnectionReport], otherBytesToClient: UInt64, otherBytesToServer: UInt64
    ) {
        self.total = total
        self.connections = connections
        self.otherBytesToClient = otherBytesToClient
        self.otherBytesToServer = otherBytesToServer
    }
}

/// One thing that `sluice check` has found.
public struct FindingReport: Codable, Sendable {
    /// error, warning or note
    public var severity: String
    /// What was looked at.
    public var check: String
    public var message: String
    /// Empty for a note.
    public var mend: String

    public init(severity: String, check: String, message: String, mend: String) {
        self.severity = severity
        self.check = check
        self.message = message
        self.mend = mend
    }
}
