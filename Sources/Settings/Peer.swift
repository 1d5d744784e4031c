public import Wire

extension Settings {
    /// `[[peer]]`: another box of the cluster.
    public struct Peer: Hashable, Sendable {
        /// More of them are refused.
        public static let mostPeers = 63

        /// As its own `[cluster] id`; no two have the same.
        public var id: String
        /// Its address on the interface of the cluster, one of each family at most; no two peers have the same.
        public var addresses: [IPAddress]

        public init(id: String, addresses: [IPAddress]) {
            self.id = id
            self.addresses = addresses
        }
    }
}
