public import Wire

extension Settings {
    /// `[[throttle]]`: which subflows are throttled, when, and how. Of several rules the first that applies to a
    /// subflow counts.
    public struct Throttle: Hashable, Sendable {
        public enum Action: String, CaseIterable, Sendable {
            /// Held to a rate.
            case shape
            /// The client is asked to use the subflow only when no other works (RFC 8684 section 3.3.8).
            case backup
        }

        /// Who shares one rate.
        public enum Sharing: String, CaseIterable, Sendable {
            /// All that the rule holds on an interface.
            case all = "class"
            /// The subflows of one client.
            case client
            /// Nobody.
            case subflow
        }

        /// Whose bytes count towards `afterBytes`.
        public enum QuotaOwner: String, CaseIterable, Sendable {
            case connection
            case client
        }

        /// What has to be so of a path while the rule applies: it is congested.
        public struct Condition: Hashable, Sendable {
            /// The name of a path. Default nil: the path that has the rule's only interface, or one of that interface
            /// whose capacity is learned.
            public var path: String?
            /// A longer round trip counts as congestion, 1 ms - 1 min. Default nil: no limit.
            public var maxRTT: Duration?
            /// A larger share that is lost counts as congestion, 0.001-1. Default nil: no limit.
            public var maxLoss: Double?
            /// How long the rule stays on, or off, at least, 500 ms - 1 h. Default 5 s.
            public var minHold: Duration

            public init(
                path: String? = nil, maxRTT: Duration? = nil, maxLoss: Double? = nil, minHold: Duration = .seconds(5)
            ) {
                self.path = path
                self.maxRTT = maxRTT
                self.maxLoss = maxLoss
                self.minHold = minHold
            }
        }

        /// More of them are refused.
        public static let mostRules = 64

        /// 1-32 of letters, digits, `_`, `.` and `-`, beginning with a letter or digit; no other rule has the same, and
        /// no steering rule.
        public var name: String
        /// Where the client's packets come in; at least one, none twice. In a file the default is
        /// `intercept.interfaces`.
        public var interfaces: [String]
        /// Default: all of both families.
        public var clients: [IPPrefix]
        /// Default: all of both families.
        public var servers: [IPPrefix]
        /// Of the server; no two overlap. Default: all.
        public var ports: [ClosedRange<UInt16>]
        /// Only subflows that the client asks to be backup, or only those that it doesn't. Default nil: either.
        public var backup: Bool?
        /// Only subflows with this address ID of the client. Default nil: any.
        public var addressID: UInt8?
        /// Only while the connection has so many subflows, 1-32. Default 2.
        public var minSubflows: Int
        /// Only once so many bytes have been moved, both ways, 1 B - 1 PiB. Default nil: from the start.
        public var afterBytes: ByteCount?
        /// Default: connection.
        public var afterBytesOf: QuotaOwner
        /// Only at these times of day, in the router's time zone. Default empty: always.
        public var hours: [TimeOfDayRange]
        /// Only while that is so. Default nil: always. Only to shape.
        public var condition: Condition?
        /// Default: shape.
        public var action: Action
        /// Towards the client. Default nil: not limited; to shape takes one of the two rates.
        public var download: BitRate?
        /// From the client. Default nil: not limited.
        public var upload: BitRate?
        /// Default: all ("class").
        public var per: Sharing
        /// May another's qdisc be replaced, and put back at the end? Default: no.
        public var takeOver: Bool

        public init(
            name: String, interfaces: [String], clients: [IPPrefix] = Intercept.allAddresses,
            servers: [IPPrefix] = Intercept.allAddresses, ports: [ClosedRange<UInt16>] = Intercept.allPorts,
            backup: Bool? = nil, addressID: UInt8? = nil, minSubflows: Int = 2, afterBytes: ByteCount? = nil,
            afterBytesOf: QuotaOwner = .connection, hours: [TimeOfDayRange] = [], condition: Condition? = nil,
            action: Action = .shape, download: BitRate? = nil, upload: BitRate? = nil, per: Sharing = .all,
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
            self.afterBytes = afterBytes
            self.afterBytesOf = afterBytesOf
            self.hours = hours
            self.condition = condition
            self.action = action
            self.download = download
            self.upload = upload
            self.per = per
            self.takeOver = takeOver
        }
    }
}

/// From one minute of the day up to another; past midnight if the end isn't after the start.
public struct TimeOfDayRange: Hashable, Sendable, CustomStringConvertible {
    /// Minutes since midnight, 0-1439.
    public let start: Int
    /// Minutes since midnight, 1-1440; never the start.
    public let end: Int

    /// nil when no such range is.
    public init?(start: Int, end: Int) {
        guard (0..<1440).contains(start), (0...1440).contains(end), start != end else { return nil }
        self.start = start
        // Midnight as an end is the end of the day.
        self.end = end == 0 ? 1440 : end
    }

    /// `08:00-18:00`; nil when it is something else.
    init?(_ text: String) {
        guard let match = text.wholeMatch(of: /([0-9]{2}):([0-5][0-9])-([0-9]{2}):([0-5][0-9])/),
            let startHour = Int(match.1), let startMinute = Int(match.2), let endHour = Int(match.3),
            let endMinute = Int(match.4)
        else { return nil }
        self.init(start: startHour * 60 + startMinute, end: endHour * 60 + endMinute)
    }

    /// As in the file.
    public var description: String {
        [start, end].map { minute in
            let parts = [minute / 60, minute % 60]
            return parts.map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
        }.joined(separator: "-")
    }
}
