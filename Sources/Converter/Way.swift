import Policy
import Wire

/// Where a client's SYN was going when it was taken.
struct Way: Hashable, Sendable {
    /// Its mark, which is that of the router's other software: none of ours is on a packet that is forwarded.
    let mark: UInt32
    /// The index of the interface that it was about to leave by.
    let outDevice: UInt32
    let dscp: DSCP
}

extension Way {
    init(_ request: DialRequest) { self.init(mark: request.mark, outDevice: request.outDevice, dscp: request.dscp) }
}
