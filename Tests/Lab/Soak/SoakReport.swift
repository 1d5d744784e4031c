/// How a soak went.
public struct SoakReport: Sendable, Encodable {
    public internal(set) var seed: UInt64 = 0
    public internal(set) var hasBox = true
    public internal(set) var seconds = 0.0
    /// Verified bytes of payload, from clients to servers and back.
    public internal(set) var bytesUp: UInt64 = 0
    public internal(set) var bytesDown: UInt64 = 0
    /// Transfers of which both ends have seen everything.
    public internal(set) var transfers = 0
    /// Of these, those whose client spoke MPTCP.
    public internal(set) var transfersByMPTCP = 0
    /// MPTCP connections and joins whose handshake was completed, as the kernel of the box (without it: the server's) counts
    /// them.
    public internal(set) var multipathConnections: UInt64 = 0
    public internal(set) var joins: UInt64 = 0
    public internal(set) var phases = 0
    /// How often each was made.
    public internal(set) var disturbances: [String: Int] = [:]
    public internal(set) var before: SoakResources?
    public internal(set) var after: SoakResources?
    /// The largest of each, asked for once a second.
    public internal(set) var peak: SoakResources?
    /// Seconds between the last transfer's end and `after`.
    public internal(set) var rest = 0.0
    /// What the daemon said of itself at the end (`sluice status`): why which SYNs were converted, or not, above all.
    public internal(set) var status = ""
    /// Those with details; `faultCount` counts all.
    public internal(set) var faults: [SoakFault] = []
    public internal(set) var faultCount = 0
    /// Was it ended from outside?
    public internal(set) var wasInterrupted = false

    public var isClean: Bool { faultCount == 0 }
    public var bytes: UInt64 { bytesUp + bytesDown }
}

extension SoakResources {
    mutating func raise(to other: SoakResources) {
        residentBytes = other.residentBytes.map { max($0, residentBytes ?? 0) } ?? residentBytes
        descriptors = other.descriptors.map { max($0, descriptors ?? 0) } ?? descriptors
        conntrack = max(conntrack, other.conntrack)
        tcpMemory = max(tcpMemory, other.tcpMemory)
        orphans = max(orphans, other.orphans)
    }
}
