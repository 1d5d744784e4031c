/// How Sluice shares the 32-bit packet mark and connmark with the router's other software: it owns the bits of one
/// mask of twelve adjacent bits, and never touches the others.
///
///     mask 0x0fff0000:   0x0 o r c c ....
///                            | | `---- a client's traffic class, or an upstream's exit, 8 bits (0 = none)
///                            | `------ role, 3 bits
///                            `-------- offloaded, 1 bit above the role
///
/// On a conntrack entry, the role says which of the two connections of a session it is, or that it goes end to end. A
/// packet has one on its way from PREROUTING to INPUT alone.
public struct PacketMark: Hashable, Sendable {
    public enum Role: UInt32, CaseIterable, Sendable {
        /// A SYN opens anew what was a client's connection, whose entry the kernel still keeps (connmark).
        case reopened = 1
        /// The connection from the client, ended at the box (connmark); also the mark of its SYN as it re-enters by the
        /// TUN device.
        case client = 2
        /// The connection from the box to the server (connmark).
        case upstream = 3
        /// To be delivered to the box itself, by policy routing (packet mark only).
        case local = 4
        /// An MPTCP connection that is forwarded (connmark).
        case endToEnd = 5
        /// As `client`, once the box has answered with more than its SYN-ACK (connmark). From then on there is a socket
        /// for it, or was.
        case establishedClient = 6
        /// A client's or an upstream, not yet known which: the entry is new in mid-stream (connmark).
        case adopted = 7
    }

    /// All bits that Sluice owns.
    public let mask: UInt32
    private let shift: UInt32

    /// nil unless `mask` is twelve adjacent bits.
    public init?(mask: UInt32) {
        let shift = UInt32(mask.trailingZeroBitCount)
        guard shift <= 20, mask >> shift == 0xfff else { return nil }
        self.mask = mask
        self.shift = shift
    }

    public static let standard = PacketMark(mask: 0x0fff_0000)!

    /// The bits that hold the role.
    public var roleMask: UInt32 { 0x700 << shift }

    /// The bits that `client` and `establishedClient` have in common, and nothing else has; likewise `upstream` and
    /// `adopted`.
    public var pairMask: UInt32 { 0x300 << shift }

    /// The bit that says of an established client's subflow that its data need not be inspected any more, and of one
    /// that isn't established yet that it has answered the box's SYN-ACK (connmark); of an upstream, that its SYN asks
    /// whether the server speaks MPTCP (connmark).
    public var offloaded: UInt32 { 0x800 << shift }

    /// The bits that hold the traffic class.
    public var classMask: UInt32 { 0xff << shift }

    /// The traffic class's number, 0 for none, as it stands in a mark.
    public func value(class number: UInt8) -> UInt32 { UInt32(number) << shift }

    public func value(_ role: Role) -> UInt32 { role.rawValue << (8 + shift) }

    public func role(of mark: UInt32) -> Role? { Role(rawValue: (mark & roleMask) >> (8 + shift)) }

    /// `mark` with the role exchanged and every bit of other software kept.
    public func setting(_ role: Role?, in mark: UInt32) -> UInt32 { mark & ~roleMask | (role.map(value) ?? 0) }

    /// `mark` with all our bits cleared.
    public func cleared(_ mark: UInt32) -> UInt32 { mark & ~mask }
}
