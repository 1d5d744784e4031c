public import Wire

/// What is to be done with a subflow.
public struct Treatment: Hashable, Sendable {
    /// A class that it shares with others.
    public struct Shaping: Hashable, Sendable {
        /// The throttle or steering rule whose class it is.
        public var rule: String
        public var interface: String
        public var sharing: ThrottleRule.Sharing
        /// Of a new class; those that there are follow their rule.
        public var rates: ThrottleRule.Rates

        public init(
            rule: String, interface: String, sharing: ThrottleRule.Sharing, rates: ThrottleRule.Rates
        ) {
            self.rule = rule
            self.interface = interface
            self.sharing = sharing
            self.rates = rates
        }
    }

    public var shaping: Shaping?
    /// The rule for which the client is asked to use it only when nothing else works.
    public var standby: String?
    /// The rule for which it is reset.
    public var refused: String?

    public init(shaping: Shaping? = nil, standby: String? = nil, refused: String? = nil) {
        self.shaping = shaping
        self.standby = standby
        self.refused = refused
    }

    public static let none = Treatment()
}

/// What is wanted of each subflow, from the rules and from what is decided about the paths. Nothing is remembered:
/// asked again, it says the same, so that whoever carries it out has only to compare.
public struct Planner: Sendable {
    /// A steering rule, and what it wants of its paths now.
    public struct Steering: Hashable, Sendable {
        public var rule: SteerRule
        public var roles: [String: PathRole]
        /// Subflows of standby paths that are active for a moment, so that something is learned of the path.
        public var probes: Set<FourTuple>
        /// Paths that are neither down nor unfit.
        public var fit: Set<String>

        /// - Parameter fit: nil: all that the rule names.
        public init(
            rule: SteerRule, roles: [String: PathRole], probes: Set<FourTuple> = [], fit: Set<String>? = nil
        ) {
            self.rule = rule
            self.roles = roles
            self.probes = probes
            self.fit = fit ?? Set(rule.paths)
        }
    }

    public var throttles: [ThrottleRule]
    public var paths: [Path]
    public var steering: [Steering]
    /// Names of the throttles whose condition isn't met. Those that shape have their classes all the same.
    public var suspended: Set<String>

    public init(
        throttles: [ThrottleRule] = [], paths: [Path] = [], steering: [Steering] = [], suspended: Set<String> = []
    ) {
        self.throttles = throttles
        self.paths = paths
        self.steering = steering
        self.suspended = suspended
    }

    /// What is wanted of a connection's subflows; none for those of which nothing is.
    ///
    /// - Parameters:
    ///   - subflows: those that carry data.
    ///   - first: the connection's first subflow, by which steering rules select.
    ///   - isForwarded: whether the connection goes end to end, so that nobody here can ask for backup.
    ///   - spent: the paths on which its clients have used up their own volumes.
    public func treatments(
        of subflows: [ThrottledSubflow], _ circumstances: ThrottleCircumstances, first: FourTuple, isForwarded: Bool,
        spent: Set<String> = []
    ) -> [FourTuple: Treatment] {
        var treatments: [FourTuple: Treatment] = [:]
        let canMove = isForwarded ? false : isWeighed(subflows, first: first, spent: spent)
        for subflow in subflows {
            let treatment = treatment(
                of: subflow, circumstances, first: first, isForwarded: isForwarded, isWeighed: canMove, spent: spent)
            if treatment != .none { treatments[subflow.tuple] = treatment }
        }
        // Without any subflow there is no connection.
        if treatments.count == subflows.count, treatments.values.allSatisfy({ $0.refused != nil }) {
            for (tuple, treatment) in treatments {
                treatments[tuple]?.standby = treatment.standby ?? treatment.refused
                treatments[tuple]?.refused = nil
            }
        }
        return treatments
    }

    /// - Parameters:
    ///   - first: the connection's first subflow, by which steering rules select.
    ///   - isForwarded: whether the connection goes end to end, so that nobody here can ask for backup.
    private func treatment(
        of subflow: ThrottledSubflow, _ circumstances: ThrottleCircumstances, first: FourTuple, isForwarded: Bool,
        isWeighed: Bool, spent: Set<String>
    ) -> Treatment {
        var treatment = Treatment.none
        if let place = throttles.first(for: subflow, circumstances), let interface = subflow.interface {
            let rule = throttles[place]
            switch rule.action {
            case .shape(let rates, let sharing):
                treatment.shaping = Treatment.Shaping(
                    rule: rule.name, interface: interface, sharing: sharing, rates: rates)
            case .backup where suspended.contains(rule.name): break
            case .backup:
                treatment.standby = rule.name
            }
        }
        guard !isForwarded, let (steering, path) = steering(of: subflow, first: first),
            let role = steering.roles(sparing: spent)[path.name]
        else { return treatment }
        let name = steering.rule.name
        switch role.use {
        case .active: break
        case .standby where steering.probes.contains(subflow.tuple) && !spent.contains(path.name): break
        case .standby: treatment.standby = treatment.standby ?? name
        case .refused where subflow.tuple == first:
            treatment.standby = treatment.standby ?? name
        case .refused: treatment.refused = name
        }
        // A throttle has been asked for by name: its class comes first.
        if isWeighed, treatment.shaping == nil, let interface = subflow.interface,
            let rates = steering.rates(of: path.name)
        {
            treatment.shaping = Treatment.Shaping(rule: name, interface: interface, sharing: .all, rates: rates)
        }
        return treatment
    }

    /// Can weights move anything of the connection? Not where it has subflows by a single path in use: a limit would only hold
    /// it up.
    private func isWeighed(_ subflows: [ThrottledSubflow], first: FourTuple, spent: Set<String>) -> Bool {
        guard let rule = steering.first(where: { $0.rule.selects(first) }), case .loadBalancing = rule.rule.mode else {
            return false
        }
        let paths = subflows.compactMap { path(of: $0.tuple, interface: $0.interface)?.name }
        let roles = rule.roles(sparing: spent)
        return Set(paths.filter { roles[$0]?.use == .active }).count > 1
    }

    /// The path that a subflow takes.
    public func path(of tuple: FourTuple, interface: String?) -> Path? {
        paths.first { $0.carries(tuple, interface: interface) }
    }

    /// The first rule that is about the connection and has the subflow's path.
    private func steering(of subflow: ThrottledSubflow, first: FourTuple) -> (Steering, Path)? {
        guard !steering.isEmpty, let path = path(of: subflow.tuple, interface: subflow.interface) else { return nil }
        let rule = steering.first { $0.rule.selects(first) }
        guard let rule, rule.rule.paths.contains(path.name) else { return nil }
        return (rule, path)
    }
}

extension Planner.Steering {
    /// What the rule wants of its paths for a client that has used up its volume on some: others are used instead, if
    /// one is fit.
    func roles(sparing spent: Set<String>) -> [String: PathRole] {
        guard !spent.isEmpty, !spent.isDisjoint(with: rule.paths) else { return roles }
        var others = rule.paths.filter { fit.contains($0) && !spent.contains($0) }
        // A weight of 0 is a path for the time when no other works.
        if case .loadBalancing(let weights) = rule.mode, others.contains(where: { weights[$0] != 0 }) {
            others = others.filter { weights[$0] != 0 }
        }
        guard !others.isEmpty else { return roles }
        var roles = roles
        for path in spent where roles[path]?.use == .active { roles[path]?.use = .standby }
        if !others.contains(where: { roles[$0]?.use == .active }) {
            for path in others { roles[path]?.use = .active }
        }
        return roles
    }

    /// Of the path's class, by which a rule keeps its weights; nil for rules of other modes. There is one from the
    /// start, so that later only rates change.
    public func rates(of path: String) -> ThrottleRule.Rates? {
        guard case .loadBalancing = rule.mode, let role = roles[path] else { return nil }
        return ThrottleRule.Rates(
            download: role.limit.download ?? PathRole.unlimited, upload: role.limit.upload ?? PathRole.unlimited)
    }
}

extension PathRole {
    /// Bits per second that no link carries: 1 Tbit/s.
    public static let unlimited: UInt64 = 1_000_000_000_000
}
