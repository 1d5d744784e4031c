/// An IPv4 or IPv6 address as 128 bits in host order; IPv4 is held in its mapped form, ::ffff:a.b.c.d
/// (RFC 4291 section 2.5.5.2), so that comparing and hashing need no case distinction.
public struct IPAddress: Hashable, Sendable {
    public let high: UInt64
    public let low: UInt64

    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// An IPv4 address from its 32 bits in host order.
    @inlinable
    public init(v4 bits: UInt32) {
        self.init(high: 0, low: 0xffff_0000_0000 | UInt64(bits))
    }

    @inlinable public var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }

    /// The 32 bits of an IPv4 address in host order; meaningless for IPv6.
    @inlinable public var v4Bits: UInt32 { UInt32(truncatingIfNeeded: low) }

    /// The number of bits of the address's own family: 32 or 128.
    @inlinable public var bitWidth: Int { isIPv4 ? 32 : 128 }

    /// The sixteen bytes in network order (IPv4 in its mapped form).
    public var bytes: [UInt8] {
        [high, low].flatMap { word in stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
        }
    }
}

/// A TCP endpoint: an address and a port in host order.
public struct Endpoint: Hashable, Sendable {
    public let address: IPAddress
    public let port: UInt16

    @inlinable
    public init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }
}

/// The client's and the server's endpoint of a TCP connection as the client dialled it.
public struct FourTuple: Hashable, Sendable {
    public let client: Endpoint
    /// The original destination.
    public let server: Endpoint

    @inlinable
    public init(client: Endpoint, server: Endpoint) {
        self.client = client
        self.server = server
    }

    /// By whole words, of IPv4 addresses two at once: half the time, and each SYN is looked up in several tables.
    @inlinable
    public func hash(into hasher: inout Hasher) {
        Self.hash(client, server, into: &hasher)
    }

    /// The hash of two endpoints in this order.
    @inlinable
    public static func hash(_ one: Endpoint, _ other: Endpoint, into hasher: inout Hasher) {
        if one.address.isIPv4, other.address.isIPv4 {
            hasher.combine(UInt64(one.address.v4Bits) << 32 | UInt64(other.address.v4Bits))
        } else {
            hasher.combine(one.address)
            hasher.combine(other.address)
        }
        hasher.combine(UInt64(one.port) << 16 | UInt64(other.port))
    }
}

/// An address prefix in CIDR notation, e.g. `10.0.0.0/8` or `2001:db8::/32`.
public struct IPPrefix: Hashable, Sendable {
    public let address: IPAddress
    /// Bits of the address's own family: 0-32 or 0-128.
    public let length: Int

    /// Bits of `address` beyond `length` are cleared; nil when `length` is out of range for the family.
    public init?(address: IPAddress, length: Int) {
        guard (0...address.bitWidth).contains(length) else { return nil }
        let mapped = address.isIPv4 ? length + 96 : length
        self.address = IPAddress(high: address.high & Self.mask(mapped), low: address.low & Self.mask(mapped - 64))
        self.length = length
    }

    /// Does the prefix hold this address? A prefix of one family holds no address of the other.
    @inlinable
    public func contains(_ other: IPAddress) -> Bool {
        guard other.isIPv4 == address.isIPv4 else { return false }
        let mapped = address.isIPv4 ? length + 96 : length
        return (other.high ^ address.high) & Self.mask(mapped) == 0
            && (other.low ^ address.low) & Self.mask(mapped - 64) == 0
    }

    /// A 64-bit word whose first `bits` bits are set; anything below 0 counts as 0, above 64 as 64.
    @usableFromInline
    static func mask(_ bits: Int) -> UInt64 {
        bits <= 0 ? 0 : bits >= 64 ? .max : ~(UInt64.max >> UInt64(bits))
    }
}
