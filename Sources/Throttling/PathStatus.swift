public import Steering

/// How a path fares, and what the rules make of it.
public struct PathStatus: Sendable {
    public struct Use: Sendable {
        public let rule: String
        public let role: PathRole
    }

    public let path: Path
    public let state: PathState
    /// When the state began, in nanoseconds of the monotonic clock.
    public let since: UInt64
    /// What is held against it; nil while it is fit.
    public let fault: String?
    public let figures: PathFigures
    /// Bytes of the running period, where the path has a cap.
    public let used: UInt64?
    /// What each steering rule that names it wants of it.
    public let uses: [Use]
}

/// The paths, the steering rules and what was decided of late.
public struct SteeringStatus: Sendable {
    public let paths: [PathStatus]
    public let rules: [SteerRule]
    /// The oldest first.
    public let decisions: [SteerDecision]
    /// How many there were so far, by rule.
    public let counts: [String: UInt64]
    /// Of the turns so far, the longest, in nanoseconds.
    public let longestTurn: UInt64
}
