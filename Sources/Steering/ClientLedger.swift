/// How much clients have carried in the running period on paths where each has a volume of its own, as it is kept over
/// restarts.
public struct ClientLedger: Hashable, Sendable {
    fileprivate struct Entry: Hashable, Sendable {
        var period: String
        var bytes: [CappedClient: UInt64] = [:]
    }

    private var paths: [String: Entry] = [:]

    /// Clients of a path that are counted. Those beyond have no volume that could be used up.
    public static let mostClients = 4096

    public init() {}

    /// Adds what a client has carried. A new period begins at 0, without any client.
    ///
    /// - Returns: whether it is counted: there may be too many clients already.
    public mutating func add(
        _ bytes: UInt64, of client: CappedClient, on path: String, _ cap: VolumeCap, on day: CalendarDay
    ) -> Bool {
        let period = day.period(cap.period)
        // In place: a copy of thousands would be made.
        if paths[path]?.period != period { paths[path] = Entry(period: period) }
        let before = paths[path]?.bytes[client]
        guard before != nil || paths[path]?.bytes.count ?? 0 < Self.mostClients else { return false }
        let (sum, isTooLarge) = (before ?? 0).addingReportingOverflow(bytes)
        paths[path]?.bytes[client] = isTooLarge ? .max : sum
        return true
    }

    /// Bytes of the running period.
    public func bytes(of client: CappedClient, on path: String, _ cap: VolumeCap, on day: CalendarDay) -> UInt64 {
        entry(path, cap, day)?.bytes[client] ?? 0
    }

    /// All clients of the running period.
    public func clients(
        on path: String, _ cap: VolumeCap, on day: CalendarDay
    ) -> [(client: CappedClient, bytes: UInt64)] {
        entry(path, cap, day)?.bytes.map { ($0.key, $0.value) } ?? []
    }

    /// Those that have used up their volume.
    public func spent(on path: String, _ cap: VolumeCap, on day: CalendarDay) -> Set<CappedClient> {
        Set((entry(path, cap, day)?.bytes ?? [:]).filter { $0.value >= cap.bytes }.keys)
    }

    /// Forgets paths that there are no more.
    public mutating func keep(_ names: Set<String>) { paths = paths.filter { names.contains($0.key) } }

    private func entry(_ path: String, _ cap: VolumeCap, _ day: CalendarDay) -> Entry? {
        paths[path].flatMap { $0.period == day.period(cap.period) ? $0 : nil }
    }
}

// `{"mobile": {"period": "month 2026-5", "bytes": {"10.2.0.2": 12345}}}`

extension ClientLedger: Codable {
    public init(from decoder: any Decoder) throws {
        paths = try decoder.singleValueContainer().decode([String: Entry].self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(paths)
    }
}

extension ClientLedger.Entry: Codable {
    private enum Key: CodingKey {
        case period, bytes
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        period = try container.decode(String.self, forKey: .period)
        for (text, count) in try container.decode([String: UInt64].self, forKey: .bytes) {
            guard let client = CappedClient(text) else {
                throw DecodingError.dataCorruptedError(
                    forKey: .bytes, in: container, debugDescription: "\(text) is no client's address")
            }
            bytes[client] = count
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(period, forKey: .period)
        let pairs = bytes.map { ($0.key.description, $0.value) }
        try container.encode(Dictionary(uniqueKeysWithValues: pairs), forKey: .bytes)
    }
}
