/// Where the connection with a token is, as far as the directory says.
public enum TokenLocation: Hashable, Sendable {
    /// At the peer with this number, which lives.
    case peer(Int)
    /// At no box that is known and lives.
    case nobody
    /// It could not be asked, or didn't answer in time.
    case unknown
}

/// What has become of a question to the directory.
public enum LookupOutcome: String, CaseIterable, Sendable {
    case found
    /// Nobody has the token.
    case absent
    /// Nobody had it a moment ago.
    case remembered
    /// This box is said to have it, and hasn't: it has ended, or the box was started anew.
    case own
    /// The box that has it doesn't live.
    case down
    /// What is said to have it is none of the peers that are configured.
    case stranger
    case late
    /// There is no connection to the directory.
    case unreachable
    /// Too many others are asked about.
    case crowded

    func location(_ peer: Int) -> TokenLocation {
        switch self {
        case .found: .peer(peer)
        case .absent, .remembered, .own, .down, .stranger: .nobody
        case .late, .unreachable, .crowded: .unknown
        }
    }
}
