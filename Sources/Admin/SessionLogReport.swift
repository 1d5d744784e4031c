extension StatusReport {
    /// The session log, and what has become of its records: starts and ends of sessions.
    public struct SessionLog: Codable, Sendable {
        /// `the journal`, a file's path or a collector; null: there is none.
        @Nullable public var target: String?
        /// off, writing or failing
        public var state: String
        /// Taken by the disk or by journald, or sent to the collector.
        public var written: UInt64
        /// Lost, for they came faster than they could be written.
        public var overflowed: UInt64
        /// Lost, for they could not be written.
        public var failed: UInt64
        /// Not yet written.
        public var waiting: Int
        /// Why it fails; null when it doesn't.
        @Nullable public var error: String?

        public init(
            target: String?, state: String, written: UInt64, overflowed: UInt64, failed: UInt64, waiting: Int,
            error: String?
        ) {
            self.target = target
            self.state = state
            self.written = written
            self.overflowed = overflowed
            self.failed = failed
            self.waiting = waiting
            self.error = error
        }
    }
}
