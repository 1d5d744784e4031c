/// The source ports of a cluster's boxes towards servers: each has a slice of the range, by the place of its id among all of them,
/// so that all have the same slices without a word between them.
public struct PortSlices: Hashable, Sendable {
    /// Fewer ports for a box are refused.
    static let smallest = 64

    private let range: ClosedRange<UInt16>
    private let ids: [String]

    /// `boxes`: the ids of all, in any order.
    public init(_ range: ClosedRange<UInt16>, boxes: [String]) {
        self.range = range
        ids = Set(boxes).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Ports that each box has at least.
    public var size: Int { range.count / max(ids.count, 1) }

    /// nil: it is none of them, or there are more boxes than ports.
    public subscript(_ id: String) -> ClosedRange<UInt16>? {
        guard let place = ids.firstIndex(of: id), size > 0 else { return nil }
        let start = range.lowerBound + UInt16(place * size)
        // What can't be parted is the last one's.
        let end = place == ids.count - 1 ? range.upperBound : start + UInt16(size - 1)
        return start...end
    }
}

extension Settings {
    /// From which ports the boxes of the cluster connect to servers; nil: this box is alone.
    public var slices: PortSlices? {
        guard let id = cluster.id, !peers.isEmpty else { return nil }
        return PortSlices(advanced.upstreamPorts, boxes: [id] + peers.map(\.id))
    }

    /// From which ports this box connects to servers.
    public var ownUpstreamPorts: ClosedRange<UInt16> {
        cluster.id.flatMap { slices?[$0] } ?? advanced.upstreamPorts
    }
}
