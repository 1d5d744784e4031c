/// `POST /v1/reload`.
public struct ReloadOrder: Codable, Sendable {
    /// Say what would change, and change nothing.
    public var dryRun: Bool

    public init(dryRun: Bool) { self.dryRun = dryRun }

    enum CodingKeys: String, CodingKey {
        case dryRun = "dry_run"
    }
}

/// The answer to a `ReloadOrder`.
public struct ReloadReport: Codable, Sendable {
    public struct Change: Codable, Sendable, Hashable {
        /// As in the file: `intercept.ports`; of one of several tables with its name, `throttle.evening.download`; the table
        /// itself if it is new or gone.
        public var key: String
        /// What it is; null where the file has had nothing, and there is no default.
        @Nullable public var before: String?
        /// What the file says now; null likewise.
        @Nullable public var after: String?
        /// reload, upgrade or restart: what it takes for this to count
        public var needs: String

        public init(key: String, before: String?, after: String?, needs: String) {
            self.key = key
            self.before = before
            self.after = after
            self.needs = needs
        }

        public static func == (one: Self, other: Self) -> Bool {
            one.key == other.key && one.before == other.before && one.after == other.after && one.needs == other.needs
        }

        public func hash(into hasher: inout Hasher) { hasher.combine(key) }
    }

    /// Have the settings been taken? Not those that need an upgrade or a restart.
    public var applied: Bool
    public var changes: [Change]

    public init(applied: Bool, changes: [Change]) {
        self.applied = applied
        self.changes = changes
    }
}
