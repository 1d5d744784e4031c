/// A day of the router's calendar.
public struct CalendarDay: Hashable, Sendable {
    public var year: Int
    /// 1-12.
    public var month: Int
    /// 1-31.
    public var day: Int
    /// Days since 1 January 1970.
    public var number: Int

    public init(year: Int, month: Int, day: Int, number: Int) {
        self.year = year
        self.month = month
        self.day = day
        self.number = number
    }

    /// The same for all days of a period. Weeks begin on Monday.
    func period(_ period: VolumeCap.Period) -> String {
        switch period {
        case .day: "day \(number)"
        // 1 January 1970 was a Thursday.
        case .week: "week \((number + 3) / 7)"
        case .month: "month \(year)-\(month)"
        }
    }
}

/// How much paths have carried in the running period, as it is kept over restarts.
public struct VolumeLedger: Hashable, Sendable, Codable {
    private struct Entry: Hashable, Sendable, Codable {
        var period: String
        var bytes: UInt64
    }

    private struct Counter: Hashable, Sendable, Codable {
        var source: String
        var value: UInt64
    }

    private var paths: [String: Entry] = [:]
    /// What was counted when it was last looked at.
    private var counters: [String: Counter] = [:]
    /// How much each client has, on paths where clients have volumes of their own.
    public var clients = ClientLedger()

    public init() {}

    /// `clients` may be missing: files that were written before there were any lack it.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        paths = try container.decode([String: Entry].self, forKey: .paths)
        counters = try container.decode([String: Counter].self, forKey: .counters)
        clients = try container.decodeIfPresent(ClientLedger.self, forKey: .clients) ?? ClientLedger()
    }

    /// Adds what a counter has grown by since it was last looked at, also if that was before a restart.
    ///
    /// - Parameters:
    ///   - counter: bytes that count up; one that is smaller than before has begun anew, and adds nothing.
    ///   - source: what has the counter, an interface say; another one adds nothing.
    public mutating func note(
        counter: UInt64, from source: String, of path: String, _ cap: VolumeCap, on day: CalendarDay
    ) {
        let before = counters.updateValue(Counter(source: source, value: counter), forKey: path)
        guard let before, before.source == source, counter > before.value else { return }
        add(counter - before.value, to: path, cap, on: day)
    }

    /// Adds what a path has carried. A new period begins at 0.
    public mutating func add(_ bytes: UInt64, to path: String, _ cap: VolumeCap, on day: CalendarDay) {
        let period = day.period(cap.period)
        var entry = paths[path] ?? Entry(period: period, bytes: 0)
        if entry.period != period { entry = Entry(period: period, bytes: 0) }
        let (sum, isTooLarge) = entry.bytes.addingReportingOverflow(bytes)
        entry.bytes = isTooLarge ? .max : sum
        paths[path] = entry
    }

    /// Bytes of the running period.
    public func bytes(of path: String, _ cap: VolumeCap, on day: CalendarDay) -> UInt64 {
        guard let entry = paths[path], entry.period == day.period(cap.period) else { return 0 }
        return entry.bytes
    }

    /// Forgets paths that there are no more.
    public mutating func keep(_ names: Set<String>) {
        paths = paths.filter { names.contains($0.key) }
        counters = counters.filter { names.contains($0.key) }
    }
}
