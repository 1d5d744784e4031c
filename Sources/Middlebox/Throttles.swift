import Admin
import Firewall
import Foundation
import LinuxSystem
import Settings
import Steering
import Throttling
import TrafficControl

// The throttles: from the file, at start and at each reload, and over the control socket.

extension Middlebox {
    /// The rules of the file in place of those it had before. One of the orders that pass one at a time.
    func applyThrottles(_ settings: Settings) async throws {
        if settings.steersSubflows || isSteering { try await prepareSteering() }
        try await throttler.make(.file(Rules(settings)))
    }

    /// Connections are left to a path manager in user space from the first rule that steers until the end: those that
    /// were opened meanwhile depend on it.
    private func prepareSteering() async throws {
        try await throttler.prepareSteering()
        steering.store(true, ordering: .relaxed)
        // Before the rules are applied for the first time, they are as the file wants them.
        guard state.withLock({ $0 != .starting }) else { return }
        try await rules.steerSubflows()
    }

    var throttleAnswers: ControlServer.ThrottleAnswers {
        ControlServer.ThrottleAnswers(
            list: { [self] in await throttler.status().map(ThrottleReport.init) },
            add: { [self] in try await addThrottle($0) },
            set: { [self] name, rates in
                try await order(.set(name: name, download: rates.download, upload: rates.upload))
            },
            clear: { [self] name in try await order(.clear(name: name)) })
    }

    private func addThrottle(_ json: Data) async throws {
        try await ordered {
            let throttle = try settings.withLock(\.self).throttle(json: Array(json))
            try await carryOut(.add(name: throttle.name, json: Array(json)), noting: true)
        }
    }

    private func order(_ order: RuntimeOrders.Order) async throws {
        try await ordered { try await carryOut(order, noting: true) }
    }

    /// One of the orders that pass one at a time. `noting`: a successor is to carry it out, too.
    func carryOut(_ order: RuntimeOrders.Order, noting: Bool = false) async throws {
        switch order {
        case .add(_, let json): try await add(json)
        case .set(let name, let download, let upload):
            try await throttler.make(
                .set(name: name, download: try Self.rate(download), upload: try Self.rate(upload)))
        case .clear(let name): try await throttler.make(.clear(name: name))
        }
        if noting { runtimeOrders.withLock { $0.note(order) } }
    }

    private func add(_ json: [UInt8]) async throws {
        let throttle = try settings.withLock(\.self).throttle(json: json)
        for name in throttle.interfaces where NetworkInterface.index(name) == nil {
            throw ControlRefusal(
                .conflict, "there is no interface \(name); `ip -br link` lists those that there are")
        }
        let standing = await throttler.status().map { Settings.Throttle($0.rule) }
        if let conflict = Settings.conflicts(among: standing + [throttle]) {
            throw ControlRefusal(.conflict, conflict)
        }
        let rule = ThrottleRule(throttle)
        if rule.action == .backup { try await prepareSteering() }
        try await throttler.make(.add(rule))
    }

    private static func rate(_ text: String?) throws(SettingsError) -> UInt64? {
        guard let text else { return nil }
        return try Settings.rate(text, file: "request").bitsPerSecond
    }

    /// Carries out an order while no other one is under way; when it can't be, says why in the words of the control socket.
    private func ordered(_ order: () async throws -> Void) async throws {
        do {
            try await orders.run(order)
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
            condition: throttle.condition.map { condition in
                Condition(
                    path: condition.path,
                    limits: PathLimits(
                        maxRTT: condition.maxRTT, maxLoss: condition.maxLoss, minHold: condition.minHold))
            },
            takeOver: throttle.takeOver)
    }
}

extension Settings.Throttle {
    /// A rule that stands, in the words of the file.
    init(_ rule: ThrottleRule) {
        var (action, sharing) = (Action.backup, Sharing.all)
        if case .shape(_, let shared) = rule.action {
            (action, sharing) = (.shape, Sharing(rawValue: shared.rawValue) ?? .all)
        }
        self.init(
            name: rule.name, interfaces: rule.interfaces.sorted(), clients: rule.clients, servers: rule.servers,
            ports: rule.ports, backup: rule.backup, addressID: rule.addressID, minSubflows: rule.minSubflows,
            afterBytes: rule.quota.map { ByteCount(bytes: Int(clamping: $0.bytes)) },
            afterBytesOf: rule.quota?.owner == .client ? .client : .connection,
            hours: rule.hours.compactMap { TimeOfDayRange(start: $0.start, end: $0.end) },
            condition: rule.condition.map { condition in
                Condition(
                    path: condition.path,
                    maxRTT: condition.limits.roundTripTime.map { .microseconds($0) }, maxLoss: condition.limits.loss,
                    minHold: .nanoseconds(Int64(condition.limits.minHold)))
            }, action: action,
            download: rule.rates?.download.map(BitRate.init), upload: rule.rates?.upload.map(BitRate.init),
            per: sharing, takeOver: rule.takeOver)
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
            per: per, download: rule.rates?.download, upload: rule.rates?.upload,
            when: rule.condition == nil ? nil : "congested", on: status.isOn, changed: status.isChanged,
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
