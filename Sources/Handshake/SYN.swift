import Wire

/// What the decision needs of a SYN that is on its way through the router.
public struct SYN: Sendable {
    public let identity: SYNIdentity
    /// nil without an MPTCP option.
    public let multipath: MultipathSYN?
    /// The IP header's, DSCP and ECN.
    public let typeOfService: UInt8
    /// Another box of the cluster has led it here.
    public let isFromPeer: Bool
    /// The way that it is on, which the box's own connection takes.
    public let way: Way

    /// Reads it.
    ///
    /// - Parameters:
    ///   - mark: the packet's.
    ///   - inDevice: the index of the interface that it came in by.
    ///   - outDevice: the index of the interface that it is about to leave by.
    ///   - isFromPeer: another box of the cluster has led it here.
    /// - Throws: what is wrong with an option of it.
    public init(
        _ segment: borrowing Segment, mark: UInt32, inDevice: UInt32, outDevice: UInt32, isFromPeer: Bool = false
    ) throws(WireError) {
        identity = SYNIdentity(
            tuple: FourTuple(client: segment.source, server: segment.destination), sequence: segment.sequence)
        self.isFromPeer = isFromPeer
        multipath = try segment.multipathSYN()
        let typeOfService = segment.trafficClass
        self.typeOfService = typeOfService
        way = Way(
            mark: mark, inDevice: inDevice, outDevice: outDevice, dscp: DSCP(trafficClass: typeOfService),
            maximumSegmentSize: segment.maximumSegmentSize)
    }

    public var tuple: FourTuple { identity.tuple }
}
