public import TraceOutput

extension Settings {
    /// The running trace: what is written of packets, and where.
    public struct Trace: Hashable, Sendable {
        public enum Format: String, CaseIterable, Sendable {
            /// The packets themselves, for Wireshark and others.
            case pcapng
            /// A JSON object a line.
            case json
            /// A line for people.
            case text
        }

        /// Absolute path of the file that is being written. Default nil: there is no trace, whatever the rest says.
        public var file: String?
        /// Default: pcapng.
        public var format: Format
        /// A file that has become as large is put aside for a new one, 64 KiB - 1 TiB. Default 100 MiB.
        public var rotateSize: ByteCount
        /// Files in all, the one that is being written included, 1-1000. Default 10.
        public var rotateCount: Int
        /// Default: all packets.
        public var filter: TraceFilter

        public init(
            file: String? = nil, format: Format = .pcapng, rotateSize: ByteCount = ByteCount(bytes: 100 << 20),
            rotateCount: Int = 10, filter: TraceFilter = .all
        ) {
            self.file = file
            self.format = format
            self.rotateSize = rotateSize
            self.rotateCount = rotateCount
            self.filter = filter
        }
    }
}
