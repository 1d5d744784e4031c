import Admin

/// What links and clients carried between two looks at all connections. Rates in bits per second.
struct TopReport: Codable, Equatable {
    /// A client-facing interface.
    struct Link: Codable, Equatable {
        /// null: no interface leads to those clients now.
        @Nullable var interface: String?
        var subflows = 0
        var download = 0.0
        var upload = 0.0

        static func == (one: Self, other: Self) -> Bool {
            one.interface == other.interface && one.subflows == other.subflows && one.download == other.download
                && one.upload == other.upload
        }
    }

    /// A client, by the address of its connections' first subflows.
    struct Client: Codable, Equatable {
        var address: String
        var connections = 0
        var subflows = 0
        var download = 0.0
        var upload = 0.0
        /// What each link carried of it.
        var links: [Link] = []
    }

    /// Between the looks.
    var seconds: Double
    var connections: Int
    /// The busiest first.
    var links: [Link]
    var clients: [Client]

    /// `seconds`: between the looks. What began in between counts from its beginning; what ended in between isn't seen.
    init(from before: [ConnectionReport], to after: [ConnectionReport], seconds: Double) {
        let known = Dictionary(
            before.flatMap { connection in connection.subflows.map { (Key(connection, $0), $0) } },
            uniquingKeysWith: { first, _ in first })
        var links: [String?: Link] = [:]
        var clients: [String: Client] = [:]
        for connection in after {
            let address = Self.address(connection.client)
            var client = clients[address] ?? Client(address: address)
            var shares = Dictionary(uniqueKeysWithValues: client.links.map { ($0.interface, $0) })
            client.connections += 1
            for subflow in connection.subflows {
                let old = known[Key(connection, subflow)]
                let download = Self.rate(old?.bytesToClient, subflow.bytesToClient, seconds)
                let upload = Self.rate(old?.bytesToServer, subflow.bytesToServer, seconds)
                client.subflows += 1
                client.download += download
                client.upload += upload
                shares[subflow.interface, default: Link(interface: subflow.interface)].add(download, upload)
                links[subflow.interface, default: Link(interface: subflow.interface)].add(download, upload)
            }
            client.links = Self.ranked(Array(shares.values))
            clients[address] = client
        }
        self.seconds = seconds
        self.connections = after.count
        self.links = Self.ranked(Array(links.values))
        self.clients = clients.values.sorted {
            ($0.download + $0.upload, $1.address) > ($1.download + $1.upload, $0.address)
        }
    }

    private struct Key: Hashable {
        let client: String
        let server: String
        let remote: String
        let id: UInt32

        init(_ connection: ConnectionReport, _ subflow: ConnectionReport.Subflow) {
            (client, server) = (connection.client, connection.server)
            (remote, id) = (subflow.remote, subflow.id)
        }
    }

    private static func ranked(_ links: [Link]) -> [Link] {
        links.sorted { ($0.download + $0.upload, $1.interface ?? "") > ($1.download + $1.upload, $0.interface ?? "") }
    }

    /// A count that has fallen is another subflow's, which began in between.
    private static func rate(_ before: UInt64?, _ after: UInt64, _ seconds: Double) -> Double {
        let before = before ?? 0
        let moved = after >= before ? after - before : after
        return seconds > 0 ? (Double(moved) * 8 / seconds).rounded() : 0
    }

    /// `10.1.0.2` of `10.1.0.2:80`, `fd00::2` of `[fd00::2]:80`.
    static func address(_ endpoint: String) -> String {
        let address = endpoint[..<(endpoint.lastIndex(of: ":") ?? endpoint.endIndex)]
        return address.hasPrefix("[") ? String(address.dropFirst().dropLast()) : String(address)
    }
}

extension TopReport.Link {
    fileprivate mutating func add(_ download: Double, _ upload: Double) {
        subflows += 1
        self.download += download
        self.upload += upload
    }
}
