import Admin
import Firewall
import Foundation
import LinuxSystem
import Policy
import Settings
import Throttling
import TrafficControl

// The throttles: from the file, at start and at each reload, and over the control socket.

extension Middlebox {
    /// The rules of the file in place of those it had before.
    func applyThrottles(_ settings: Settings) async throws {
        let rules = settings.throttles.map(ThrottleRule.init)
        try await prepareSteering(for: rules)
        try await throttler.make(.file(rules))
        throttleSettings.withLock { known in
            for throttle in settings.throttles { known[throttle.name] = throttle }
        }
    }

    /// Connections are left to a path manager in user space from the first rule that steers until the end: those that
    /// were opened meanwhile depend on it.
    private func prepareSteering(for throttles: [ThrottleRule]) async throws {
        guard throttles.contains(where: { $0.action == .backup }) else { return }
        try await throttler.prepareSteering()
        guard let steering = rules.withLock(\.steering) else { return }
        do {
            try await steering.firewall.apply()
        } catch {
            // What fails to be applied is removed whole: the rules as they were stand again.
            _ = try? await rules.withLock(\.firewall).apply()
            throw error
        }
        rules.withLock { $0 = steering }
    }

    var throttleAnswers: ControlServer.ThrottleAnswers {
        ControlServer.ThrottleAnswers(
            list: { [self] in await throttler.status().map(ThrottleReport.init) },
            add: { [self] in try await addThrottle($0) },
            set: { [self] name, rates in
                try await refusing {
                    let (download, upload) = (try Self.rate(rates.download), try Self.rate(rates.upload))
                    try await throttler.make(.set(name: name, download: download, upload: upload))
                }
            },
            clear: { [self] name in try await refusing { try await throttler.make(.clear(name: name)) } })
    }

    private func addThrottle(_ json: Data) async throws {
        try await refusing {
            let throttle = try settings.throttle(json: Array(json))
            for name in throttle.interfaces where NetworkInterface.index(name) == nil {
                throw ControlRefusal(
                    .conflict, "there is no interface \(name); `ip -br link` lists those that there are")
            }
            let standing = await throttler.status().map(\.rule.name)
            let others = throttleSettings.withLock { known in standing.compactMap { known[$0] } }
            if let conflict = Settings.conflicts(among: others + [throttle]) {
                throw ControlRefusal(.conflict, conflict)
            }
            let rule = ThrottleRule(throttle)
            try await prepareSteering(for: [rule])
            try await throttler.make(.add(rule))
            throttleSettings.withLock { $0[throttle.name] = throttle }
        }
    }

    private static func rate(_ text: String?) throws(SettingsError) -> UInt64? {
        guard let text else { return nil }
        return try Settings.rate(text, file: "request").bitsPerSecond
    }

    private func refusing(_ order: () async throws -> Void) async throws {
        do {
            try await order()
        } catch let refusal as ControlRefusal {
            throw refusal
        } catch let error as SettingsError {
            throw ControlRefusal(.invalid, "\(error)")
        } catch let error as RuleRefusal {
            if case .unknown = error { throw ControlRefusal(.unknown, "\(error)") }
            throw ControlRefusal(.conflict, "\(error)")
        } catch {
            throw ControlRefusal(.conflict, "\(error)")
        }
    }
}

/// The rules of iptables as they stand, which change when the first throttle steers.
struct StandingRules {
    private let setting: RuleSetting

    init(_ setting: RuleSetting) { self.setting = setting }

    var firewall: Firewall { Firewall(setting) }

    /// As they have to be so that subflows can be steered; nil if they are so already.
    var steering: StandingRules? {
        guard !setting.steersSubflows else { return nil }
        var other = setting
        other.steersSubflows = true
        return StandingRules(other)
    }
}

extension ThrottleRule {
    init(_ throttle: Settings.Throttle) {
        let quota = throttle.afterBytes.map { bytes in
            Quota(bytes: UInt64(bytes.bytes), owner: throttle.afterBytesOf == .client ? .client : .connection)
        }
        let rates = Rates(
            download: throttle.download?.bitsPerSecond, upload: throttle.upload?.bitsPerSecond)
        self.init(
            name: throttle.name, interfaces: Set(throttle.interfaces), clients: throttle.clients,
            servers: throttle.servers, ports: throttle.ports, backup: throttle.backup, addressID: throttle.addressID,
            minSubflows: throttle.minSubflows, quota: quota,
            hours: throttle.hours.map { TimeWindow(start: $0.start, end: $0.end) },
            action: throttle.action == .backup ? .backup : .shape(rates, Sharing(throttle.per)),
            takeOver: throttle.takeOver)
    }
}

extension ThrottleRule.Sharing {
    fileprivate init(_ sharing: Settings.Throttle.Sharing) {
        switch sharing {
        case .all: self = .all
        case .client: self = .client
        case .subflow: self = .subflow
        }
    }
}

extension ThrottleReport {
    fileprivate init(_ status: ThrottleStatus) {
        let rule = status.rule
        var (action, per) = ("backup", String?.none)
        if case .shape(_, let sharing) = rule.action { (action, per) = ("shape", sharing.rawValue) }
        self.init(
            name: rule.name, action: action, interfaces: rule.interfaces.sorted(), minSubflows: rule.minSubflows,
            per: per, download: rule.rates?.download, upload: rule.rates?.upload, changed: status.isChanged,
            obstacle: status.obstacle, subflows: status.subflows, matched: status.matched, refused: status.refused,
            classes: status.classes.map { Class($0) })
    }
}

extension ThrottleReport.Class {
    fileprivate init(_ status: ThrottleStatus.Class) {
        let handle = String(TrafficControl.handle, radix: 16)
        self.init(
            class: "\(handle):\(String(status.number, radix: 16))", direction: status.direction.rawValue,
            interface: status.interface, client: status.client?.description,
            subflow: status.subflow?.client.description, subflows: status.subflows, rate: status.rate,
            recentRate: status.recent, bytes: status.counters.bytes, packets: status.counters.packets,
            drops: status.counters.drops, overlimits: status.counters.overlimits, backlog: status.counters.backlog)
    }
}
