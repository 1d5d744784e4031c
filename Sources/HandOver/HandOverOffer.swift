/// What a daemon has from its start to its end, as it tells its successor before anything stands still.
///
/// Its descriptors come with it, in this order: the guard's, if there is one, that of the ways to peers, if there is one, the TUN
/// device, the SYN queues, the data queues.
public struct HandOverOffer: Hashable, Sendable {
    public var hasGuard: Bool
    /// Are subflows led to other boxes of a cluster?
    public var hasPeers: Bool
    /// By which this box's sign of life in the cluster's directory is told from another's with the same id; nil: there is no
    /// cluster.
    public var clusterNonce: UInt64?
    /// How many data queues there are, and as many SYN queues.
    public var dataQueues: Int
    /// Settings that the successor has to have alike, by the keys of the configuration file.
    public var fixed: [String: String]

    /// Have connections been left to a path manager in user space?
    public var steersSubflows: Bool

    public init(
        hasGuard: Bool, hasPeers: Bool = false, clusterNonce: UInt64? = nil, dataQueues: Int, fixed: [String: String],
        steersSubflows: Bool
    ) {
        self.hasGuard = hasGuard
        self.hasPeers = hasPeers
        self.clusterNonce = clusterNonce
        self.dataQueues = dataQueues
        self.fixed = fixed
        self.steersSubflows = steersSubflows
    }

    public var descriptors: Int { (hasGuard ? 1 : 0) + (hasPeers ? 1 : 0) + 1 + 2 * dataQueues }

    public var encoded: [UInt8] {
        var writer = RecordWriter()
        writer.write(hasGuard)
        writer.write(hasPeers)
        writer.write(clusterNonce) { $0.write($1) }
        writer.write(UInt16(dataQueues))
        writer.write(all: fixed.sorted { $0.key < $1.key }) { writer, pair in
            writer.write(pair.key)
            writer.write(pair.value)
        }
        writer.write(steersSubflows)
        return writer.bytes
    }

    /// `descriptors`: how many have come with it.
    public init(decoding bytes: [UInt8], descriptors: Int) throws(RecordError) {
        var reader = RecordReader(bytes)
        hasGuard = try reader.flag()
        hasPeers = try reader.flag()
        clusterNonce = try reader.optional { (reader) throws(RecordError) in try reader.number() }
        dataQueues = Int(try reader.number(UInt16.self))
        let pairs = try reader.all { (reader) throws(RecordError) in (try reader.text(), try reader.text()) }
        fixed = Dictionary(pairs) { _, last in last }
        steersSubflows = try reader.flag()
        try reader.finish()
        guard self.descriptors == descriptors else {
            throw .descriptors(expected: self.descriptors, found: descriptors)
        }
    }

    /// The keys that differ, in order.
    public func differences(from own: [String: String]) -> [String] {
        Set(fixed.keys).union(own.keys).filter { fixed[$0] != own[$0] }.sorted()
    }
}
