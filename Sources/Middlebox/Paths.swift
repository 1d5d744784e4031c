import Admin
import Foundation
import LinuxSystem
import Logging
import Settings
import Steering
import Throttling
import Wire

// Paths and steering rules: from the file, and what is told of them.

extension Rules {
    init(_ settings: Settings) {
        self.init(
            throttles: settings.throttles.map(ThrottleRule.init), paths: settings.paths.map(Path.init),
            steers: settings.steers.map(SteerRule.init))
    }
}

extension Settings {
    /// Does a rule ask clients for backup, so that connections have to be left to a path manager of ours?
    var steersSubflows: Bool {
        throttles.contains { $0.action == .backup } || !steers.isEmpty
    }
}

extension Path {
    init(_ path: Settings.Path) {
        self.init(
            name: path.name, selector: path.interface.map { .interface($0) } ?? .clients(path.clients),
            capacity: PathRates(
                download: path.capacityDownload?.bitsPerSecond, upload: path.capacityUpload?.bitsPerSecond),
            cost: path.cost, cap: path.cap.map(VolumeCap.init), clientCap: path.clientCap.map(VolumeCap.init))
    }
}

extension VolumeCap {
    init(_ cap: Settings.Path.VolumeCap) {
        let period: Period =
            switch cap.period {
            case .day: .day
            case .week: .week
            case .month: .month
            }
        self.init(bytes: UInt64(cap.bytes.bytes), period: period)
    }
}

extension SteerRule {
    init(_ rule: Settings.Steer) {
        let mode: Mode =
            switch rule.mode {
            case .activeStandby(let active, let standby, let noStandby):
                .activeStandby(active: active, standby: standby, noStandby: noStandby)
            case .priorityBased(let high, let low): .priorityBased(high: high, low: low)
            case .smallestDelay(let paths, let margin): .smallestDelay(paths, margin: margin / .microseconds(1))
            case .loadBalancing(let weights): .loadBalancing(weights)
            }
        self.init(
            name: rule.name, mode: mode, clients: rule.clients, servers: rule.servers, ports: rule.ports,
            limits: PathLimits(maxRTT: rule.maxRTT, maxLoss: rule.maxLoss, minHold: rule.minHold))
    }
}

extension PathLimits {
    init(maxRTT: Duration?, maxLoss: Double?, minHold: Duration) {
        self.init(
            roundTripTime: maxRTT.map { $0 / .microseconds(1) }, loss: maxLoss,
            minHold: UInt64(minHold / .nanoseconds(1)))
    }
}

// MARK: - What is told

extension Middlebox {
    func pathsReport() async -> PathsReport {
        let status = await throttler.steering()
        let now = MonotonicTime.now.nanoseconds
        let wall = Double(WallClock.nanoseconds) / 1e9
        return PathsReport(
            paths: status.paths.map { PathsReport.Path($0, at: now) },
            rules: status.rules.map { PathsReport.Rule(name: $0.name, mode: $0.mode.name, paths: $0.paths) },
            decisions: status.decisions.map { decision in
                let age = Double(now &- decision.time) / 1e9
                return PathsReport.Decision(
                    time: ((wall - age) * 1e6).rounded() / 1e6, rule: decision.rule, path: decision.path,
                    effect: decision.effect.rawValue, reason: decision.reason)
            },
            longestTurnUs: status.longestTurn / 1000)
    }
}

extension PathsReport.Path {
    fileprivate init(_ status: PathStatus, at now: UInt64) {
        let figures = status.figures
        var interface: String?
        var clients: [String] = []
        switch status.path.selector {
        case .interface(let name): interface = name
        case .clients(let prefixes): clients = prefixes.map(\.description)
        }
        let direction = { (direction: PathDirection) in
            PathsReport.Direction(
                rate: UInt64(figures.total[direction]), ownRate: UInt64(figures.own[direction]),
                capacity: figures.capacity[direction].map { UInt64($0) })
        }
        let cap = status.path.cap.map { cap in
            PathsReport.Cap(bytes: cap.bytes, period: cap.period.rawValue, used: status.used ?? 0)
        }
        self.init(
            name: status.path.name, interface: interface, clients: clients, cost: status.path.cost,
            state: status.state.rawValue, stateForUs: (now &- status.since) / 1000, reason: status.fault,
            subflows: figures.subflows, activeSubflows: figures.active, download: direction(.download),
            upload: direction(.upload), rttUs: figures.roundTripTime?.rounded(),
            minRttUs: figures.shortestRoundTripTime?.rounded(), loss: (figures.loss * 1e4).rounded() / 1e4, cap: cap,
            clientCap: status.clients.map { PathsReport.ClientCap($0) },
            uses: status.uses.map { use in
                PathsReport.Use(
                    rule: use.rule, use: use.role.use.rawValue, downloadLimit: use.role.limit.download,
                    uploadLimit: use.role.limit.upload)
            })
    }
}

extension PathsReport.ClientCap {
    fileprivate init(_ clients: PathStatus.Clients) {
        self.init(
            bytes: clients.cap.bytes, period: clients.cap.period.rawValue, clients: clients.count, spent: clients.spent,
            uncountedBytes: clients.uncounted,
            largest: clients.largest.map { client in
                Client(client: client.client.description, used: client.bytes, spent: client.isSpent)
            })
    }
}
