/// How a path fares, for those who decide about it.
public struct PathCondition: Hashable, Sendable {
    public var state: PathState
    public var fault: PathFault?
    public var figures: PathFigures
    /// As `Path.cost`.
    public var cost: Int

    public init(state: PathState, fault: PathFault? = nil, figures: PathFigures = PathFigures(), cost: Int = 1) {
        self.state = state
        self.fault = fault
        self.figures = figures
        self.cost = cost
    }

    /// Can it carry anything?
    var works: Bool { state != .down }
}

extension PathMonitor {
    public var condition: PathCondition {
        PathCondition(state: state, fault: fault, figures: figures, cost: path.cost)
    }
}
