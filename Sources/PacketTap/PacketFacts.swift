import Base
import Wire

/// Which MPTCP options a segment has, a bit for each subtype (RFC 8684 section 8).
public struct MultipathSubtypes: OptionSet, Hashable, Sendable {
    public let rawValue: UInt16

    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// `number`: 0-15.
    @inlinable public init(subtype number: UInt8) { rawValue = 1 << UInt16(number & 0xf) }

    public static let capable = Self(subtype: 0)
    public static let join = Self(subtype: 1)
    public static let dataSequenceSignal = Self(subtype: 2)
    public static let addAddress = Self(subtype: 3)
    public static let removeAddress = Self(subtype: 4)
    public static let priority = Self(subtype: 5)
    public static let fail = Self(subtype: 6)
    public static let fastClose = Self(subtype: 7)
    public static let reset = Self(subtype: 8)
}

/// What a trace's filter can ask about a packet. Fixed in size: packet threads fill it in for each packet.
public struct PacketFacts: Sendable {
    /// nil when the packet is no TCP segment, or not a whole one; what follows about segments then says nothing.
    public var ends: FourTuple?
    public var isFromClient = false
    public var flags: TCPFlags = []
    /// Bytes of payload.
    public var payloadLength: UInt32 = 0
    public var subtypes: MultipathSubtypes = []
    /// Of its connection, if that is known.
    public var token: Token?
    /// Interface indices; 0: none.
    public var inDevice: UInt32 = 0
    public var outDevice: UInt32 = 0
    public var verdict = Verdict.accept
    /// Something in it can't be read: its headers, or one of its options.
    public var isMalformed = false
    /// Was it held before its verdict?
    public var wasHeld = false

    public init() {}
}
