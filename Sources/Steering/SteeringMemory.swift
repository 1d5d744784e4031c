/// What a daemon has found out about paths, and what it has made of that, as its successor goes on from it. Times are those of
/// the machine's steady clock, in nanoseconds.
///
/// What is learned again within a second, rates and round trips, isn't in it.
public struct SteeringMemory: Codable, Hashable, Sendable {
    /// Of a steering rule.
    public struct Rule: Codable, Hashable, Sendable {
        /// Of another one by the same name nothing counts.
        var identity: String
        var uses: [String: PathRole.Use]
        var lastSwitch: UInt64?
    }

    /// Of a throttle with `when = "congested"`.
    public struct Gate: Codable, Hashable, Sendable {
        var identity: String
        var isOn: Bool
        var since: UInt64?
        var reason: String?
        var failures: Int
    }

    /// What a path can carry, in bits per second; nil: that isn't known.
    public struct Capacity: Codable, Hashable, Sendable {
        var identity: String
        var download: Double?
        var upload: Double?
    }

    /// What a client has been counted for on a path with a subflow, since that was opened.
    public struct Counted: Codable, Hashable, Sendable {
        public var client: String
        public var server: String
        public var bytes: UInt64

        public init(client: String, server: String, bytes: UInt64) {
            self.client = client
            self.server = server
            self.bytes = bytes
        }
    }

    public var rules: [String: Rule] = [:]
    public var gates: [String: Gate] = [:]
    public var capacities: [String: Capacity] = [:]
    public var volumes = VolumeLedger()
    public var counted: [Counted] = []
    /// Bytes of connections that are over, by client.
    public var finished: [String: UInt64] = [:]

    public init() {}
}

extension SteerController {
    /// Goes on from what another daemon made of the same rule, if it did.
    public init(_ rule: SteerRule, _ memory: SteeringMemory.Rule?) {
        self.init(rule)
        guard let memory, memory.identity == Self.identity(of: rule), Set(memory.uses.keys) == Set(roles.keys) else {
            return
        }
        goOn(memory.uses, lastSwitch: memory.lastSwitch)
    }

    public var memory: SteeringMemory.Rule {
        SteeringMemory.Rule(
            identity: Self.identity(of: rule), uses: roles.mapValues(\.use), lastSwitch: lastSwitch)
    }

    /// What its roles mean.
    private static func identity(of rule: SteerRule) -> String {
        switch rule.mode {
        case .loadBalancing(let weights):
            "load-balancing \(weights.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" })"
        case .activeStandby, .priorityBased, .smallestDelay: "\(rule.mode)"
        }
    }
}

extension ThrottleGate {
    /// Goes on from what another daemon made of the same condition, if it did.
    public init(_ condition: ThrottleRule.Condition, _ memory: SteeringMemory.Gate?) {
        self.init(condition)
        guard let memory, memory.identity == "\(condition)" else { return }
        goOn(isOn: memory.isOn, since: memory.since, reason: memory.reason, failures: memory.failures)
    }

    public var memory: SteeringMemory.Gate {
        SteeringMemory.Gate(
            identity: "\(condition)", isOn: isOn, since: since, reason: reason, failures: failures)
    }
}

extension PathMonitor {
    /// Goes on from what another daemon has learned of the same path, if it has.
    public init(_ path: Path, _ memory: SteeringMemory.Capacity?, at now: UInt64) {
        self.init(path, at: now)
        guard let memory, memory.identity == "\(path.selector)" else { return }
        goOn(PathRates(download: memory.download, upload: memory.upload))
    }

    public var memory: SteeringMemory.Capacity {
        SteeringMemory.Capacity(
            identity: "\(path.selector)", download: figures.capacity.download, upload: figures.capacity.upload)
    }
}
