/// What a rule wants of a path now.
public struct PathRole: Hashable, Sendable {
    public enum Use: String, Hashable, Sendable, Codable {
        /// Data may take it.
        case active
        /// Only when nothing else works: backup (RFC 8684 section 3.3.8).
        case standby
        /// Subflows by it are reset.
        case refused
    }

    public var use: Use
    /// Bits per second that the rule's subflows on it share; nil: not limited.
    public var limit: PathRates<UInt64?>

    public init(_ use: Use, limit: PathRates<UInt64?> = PathRates(download: nil, upload: nil)) {
        self.use = use
        self.limit = limit
    }
}
