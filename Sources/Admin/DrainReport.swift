/// `POST /v1/drain`: whether new connections are to pass while those that there are go on, with all that join them.
public struct DrainOrder: Codable, Sendable {
    public var on: Bool

    public init(on: Bool) { self.on = on }
}

/// The answer to a `DrainOrder`.
public struct DrainReport: Codable, Sendable {
    /// As in the status: draining, or running or degraded.
    public var state: String
    /// Converted connections that are left.
    public var open: Int

    public init(state: String, open: Int) {
        self.state = state
        self.open = open
    }
}
