extension Settings {
    /// The session log: who had which address and port, and when.
    public struct Sessions: Hashable, Sendable {
        public enum Log: Hashable, Sendable {
            /// journald's fields.
            case journal
            /// JSON lines: the absolute path.
            case file(String)
            /// An IPFIX collector: an address or a name, and its UDP port.
            case ipfix(host: String, port: UInt16)
        }

        /// Default nil: sessions aren't logged, whatever the rest says.
        public var log: Log?
        /// A file that would become larger is put aside for a new one, 64 KiB - 1 TiB. Default 100 MiB.
        public var rotateSize: ByteCount
        /// Files in all, the one that is being written included, 1-1000. Default 10.
        public var rotateCount: Int

        public init(
            log: Log? = nil, rotateSize: ByteCount = ByteCount(bytes: 100 << 20), rotateCount: Int = 10
        ) {
            self.log = log
            self.rotateSize = rotateSize
            self.rotateCount = rotateCount
        }
    }
}
