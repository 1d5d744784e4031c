import Wire

/// What a SYN and its retransmissions have in common, and no other.
public struct SYNIdentity: Hashable, Sendable {
    public let tuple: FourTuple
    public let sequence: SequenceNumber

    /// `tuple`: as the client dials it. `sequence`: the SYN's own.
    public init(tuple: FourTuple, sequence: SequenceNumber) {
        self.tuple = tuple
        self.sequence = sequence
    }
}
