/// A differentiated services code point, six bits (RFC 2474): how routers are asked to treat a packet.
public struct DSCP: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt8

    /// From an IPv4 TOS byte or an IPv6 traffic class, whose other two bits are ECN's (RFC 3168 section 5).
    @inlinable public init(trafficClass: UInt8) { rawValue = trafficClass >> 2 }

    /// The byte, with ECN's bits clear.
    @inlinable public var trafficClass: UInt8 { rawValue << 2 }

    /// Nothing is asked for.
    public static let standard = DSCP(trafficClass: 0)

    public var description: String { "DSCP \(rawValue)" }
}
