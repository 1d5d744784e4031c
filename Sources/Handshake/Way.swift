import Wire

/// Where a client's held SYN was going, and how: the upstream connection goes the same way.
public struct Way: Hashable, Sendable {
    /// Its mark, which is that of the router's other software: none of ours is on a packet that is forwarded.
    public let mark: UInt32
    /// The index of the interface that it came in by.
    public let inDevice: UInt32
    /// The index of the interface that it was about to leave by.
    public let outDevice: UInt32
    public let dscp: DSCP
    /// What it announces, in bytes, after the router's own rules have had their say about it (TCPMSS). The server is to see no
    /// more. nil without the option.
    public let maximumSegmentSize: UInt16?

    public init(mark: UInt32, inDevice: UInt32, outDevice: UInt32, dscp: DSCP, maximumSegmentSize: UInt16?) {
        self.mark = mark
        self.inDevice = inDevice
        self.outDevice = outDevice
        self.dscp = dscp
        self.maximumSegmentSize = maximumSegmentSize
    }
}
