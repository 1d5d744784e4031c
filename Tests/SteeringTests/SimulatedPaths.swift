import Steering
import Wire

/// Two access links and what is wanted of them, in steps of a tenth of a second: what a sampler would read of them.
///
/// A crude picture of TCP, enough for a controller: what fits is carried, what doesn't waits in a queue of `buffer`
/// seconds, paths in use share what is wanted in proportion to what they can carry.
struct SimulatedPaths {
    struct Link {
        /// Bits per second, each way.
        var capacity: Double
        /// Microseconds.
        var roundTrip: Double
        var isUp = true
        /// Bits per second of others' traffic.
        var others = 0.0
        var loss = 0.0
        /// Does what is sent arrive?
        var isSilent = false
        /// Known to the monitor?
        var isConfigured = true
        /// Has it carried what it may?
        var isCapUsed = false
        /// Has any client a subflow by it?
        var hasSubflows = true
    }

    static let step: UInt64 = 100_000_000
    static let buffer = 0.1

    var links: [String: Link]
    /// Bits per second that are wanted of the box's connections.
    var demand = 0.0
    private(set) var now: UInt64 = 1_000_000_000
    private(set) var monitors: [String: PathMonitor] = [:]
    private(set) var controller: SteerController
    private(set) var decisions: [SteerDecision] = []
    /// Bits per second in the last step.
    private(set) var carried: [String: Double] = [:]
    /// Bytes.
    private(set) var volumes: [String: Double] = [:]
    private var readings: [String: PathReading] = [:]

    init(
        _ mode: SteerRule.Mode, _ links: [String: Link], minHold: UInt64 = 5_000_000_000,
        maxRoundTripTime: Double? = nil,
        maxLoss: Double? = nil,
        costs: [String: Int] = [:]
    ) {
        self.links = links
        controller = SteerController(
            SteerRule(
                name: "rule", mode: mode,
                limits: PathLimits(roundTripTime: maxRoundTripTime, loss: maxLoss, minHold: minHold)))
        for (name, link) in links {
            let capacity = link.isConfigured ? UInt64(link.capacity) : nil
            let path = Path(
                name: name, selector: .interface(name), capacity: PathRates(download: capacity, upload: capacity),
                cost: costs[name] ?? 1,
                cap: VolumeCap(bytes: 1 << 30, period: .month))
            monitors[name] = PathMonitor(path, at: now)
            readings[name] = PathReading()
        }
    }

    /// What each path would carry of the box's now.
    private func shares() -> [String: Double] {
        var shares: [String: Double] = [:]
        var room: [String: Double] = [:]
        for (name, link) in links where link.isUp && !link.isSilent && link.hasSubflows {
            let role = controller.roles[name] ?? PathRole(.active)
            guard role.use == .active || controller.probed.contains(name) else { continue }
            let limit = role.limit.download.map { Double($0) } ?? .infinity
            // Half of a full link is others', if they want it.
            let free = max(link.capacity - link.others, link.capacity / 2)
            room[name] = min(free, limit) * (1 - link.loss)
        }
        if room.isEmpty {
            // Nothing else works: what is backup is used.
            for (name, link) in links where link.isUp && !link.isSilent && link.hasSubflows {
                room[name] = link.capacity
            }
        }
        var left = demand
        // First in proportion, then what is left to those that have room.
        let whole = room.values.reduce(0, +)
        for (name, free) in room { shares[name] = whole > 0 ? min(free, demand * free / whole) : 0 }
        left -= shares.values.reduce(0, +)
        for (name, free) in room.sorted(by: { $0.key < $1.key }) where left > 0 {
            let more = min(left, free - (shares[name] ?? 0))
            shares[name, default: 0] += more
            left -= more
        }
        return shares
    }

    mutating func run(seconds: Double) {
        for _ in 0..<Int(seconds * 10) { tick() }
    }

    mutating func tick() {
        now += Self.step
        carried = shares()
        var conditions: [String: PathCondition] = [:]
        for (name, link) in links {
            let own = carried[name] ?? 0
            let wanted = own > 0 && demand > own ? demand : own
            let total = min(link.capacity, own + link.others)
            let isFull = wanted + link.others > link.capacity
            volumes[name, default: 0] += own / 80
            var reading = readings[name] ?? PathReading()
            reading.isUp = link.isUp
            reading.total.download &+= UInt64(total / 80)
            reading.own.download &+= UInt64(own / 80)
            reading.subflows = link.hasSubflows ? 1 : 0
            reading.active = own > 0 ? 1 : 0
            reading.stalled = link.isSilent ? 1 : 0
            reading.roundTripTime = own > 0 ? link.roundTrip + (isFull ? Self.buffer * 1e6 : 0) : nil
            reading.shortestRoundTripTime = own > 0 ? link.roundTrip : nil
            reading.sent = UInt64(own / 80)
            reading.retransmitted = UInt64(own / 80 * link.loss)
            readings[name] = reading
            monitors[name]?.note(reading, isCapUsed: link.isCapUsed, at: now)
            conditions[name] = monitors[name]?.condition
        }
        decisions += controller.decide(conditions, at: now)
    }

    func use(_ path: String) -> PathRole.Use? { controller.roles[path]?.use }

    /// The path's share of what has been carried since `before`, in percent.
    func share(_ path: String, since before: [String: Double]) -> Double {
        let moved = volumes.mapValues { $0 }.merging(before) { $0 - $1 }
        return 100 * (moved[path] ?? 0) / max(1, moved.values.reduce(0, +))
    }
}
