public import Wire

extension Settings {
    /// `[[path]]`: a way that clients' subflows take, which rules call by its name. A subflow is on the first path that
    /// it belongs to.
    public struct Path: Hashable, Sendable {
        /// How much a path, or a client on it, may carry in a period, both ways.
        public struct VolumeCap: Hashable, Sendable, CustomStringConvertible {
            /// Of the router's calendar.
            public enum Period: String, CaseIterable, Sendable {
                case day, week, month
            }

            /// 1 B - 1 PiB.
            public var bytes: ByteCount
            public var period: Period

            public init(bytes: ByteCount, period: Period) {
                self.bytes = bytes
                self.period = period
            }

            /// As in the file: `50GB/month`.
            public var description: String { "\(bytes)/\(period.rawValue)" }
        }

        /// More of them are refused.
        public static let mostPaths = 16

        /// 1-32 of letters, digits, `_`, `.` and `-`, beginning with a letter or digit; no two paths have the same.
        public var name: String
        /// Where the client's packets come in, 1-15 bytes; no two paths have the same. nil: `clients` says it.
        public var interface: String?
        /// Of the clients' addresses of the subflows; of two paths none overlap. Empty: `interface` says it.
        public var clients: [IPPrefix]
        /// Towards the clients, 8 kbit/s - 400 Gbit/s. Default nil: learned.
        public var capacityDownload: BitRate?
        /// From the clients, 8 kbit/s - 400 Gbit/s. Default nil: learned.
        public var capacityUpload: BitRate?
        /// Of two paths that serve equally well, the one of less cost is preferred; 0-1000. Default 1.
        public var cost: Int
        /// Default nil: it may carry as much as it can.
        public var cap: VolumeCap?
        /// Of each client. Default nil: it may carry as much as it can.
        public var clientCap: VolumeCap?

        public init(
            name: String, interface: String? = nil, clients: [IPPrefix] = [], capacityDownload: BitRate? = nil,
            capacityUpload: BitRate? = nil, cost: Int = 1, cap: VolumeCap? = nil, clientCap: VolumeCap? = nil
        ) {
            self.name = name
            self.interface = interface
            self.clients = clients
            self.capacityDownload = capacityDownload
            self.capacityUpload = capacityUpload
            self.cost = cost
            self.cap = cap
            self.clientCap = clientCap
        }
    }
}
