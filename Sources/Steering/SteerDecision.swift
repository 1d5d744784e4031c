/// Something that was decided about a path, and why.
public struct SteerDecision: Hashable, Sendable {
    public enum Effect: String, Hashable, Sendable {
        /// As the roles of the same names (`PathRole.Use`).
        case active, standby, refused
        /// A throttle is on because the path is congested, or off again.
        case throttled, released
        /// A client has used up its own volume on the path.
        case spent
    }

    /// Nanoseconds.
    public var time: UInt64
    public var rule: String
    public var path: String
    public var effect: Effect
    /// In an operator's words, with the figures that it rests on.
    public var reason: String

    public init(time: UInt64, rule: String, path: String, effect: Effect, reason: String) {
        self.time = time
        self.rule = rule
        self.path = path
        self.effect = effect
        self.reason = reason
    }
}

extension SteerDecision.Effect {
    init(_ use: PathRole.Use) {
        self =
            switch use {
            case .active: .active
            case .standby: .standby
            case .refused: .refused
            }
    }
}
