// The numbers that MPTCP options carry, a type for each role.

/// Names an MPTCP connection at the host that made the token (RFC 8684 section 3.1).
public struct Token: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt32

    @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }

    /// `0x90cd00d7`
    public var description: String { hexadecimal(rawValue) }
}

/// A host's key of one connection (RFC 8684 section 3.1): 64 bits in host order.
public struct MultipathKey: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt64

    @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// `0x0102030405060708`
    public var description: String { hexadecimal(rawValue) }
}

/// Names an address of one host within one connection (RFC 8684 section 3.2). 0 is the first subflow's.
public struct AddressID: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt8

    @inlinable public init(_ rawValue: UInt8) { self.rawValue = rawValue }

    public var description: String { String(rawValue) }
}

/// The leftmost 160 bits of the HMAC in an MP_JOIN's third ACK (RFC 8684 section 3.2; all of it in version 0).
public struct MultipathHMAC: Hashable, Sendable, CustomStringConvertible {
    public let high: UInt64
    public let middle: UInt64
    public let low: UInt32

    @inlinable
    public init(high: UInt64, middle: UInt64, low: UInt32) {
        self.high = high
        self.middle = middle
        self.low = low
    }

    /// Forty hexadecimal digits.
    public var description: String {
        hexadecimal(high) + hexadecimal(middle).dropFirst(2) + hexadecimal(low).dropFirst(2)
    }
}

/// The leftmost 64 bits of an HMAC, as in MP_JOIN's SYN-ACK (RFC 8684 section 3.2); in ADD_ADDR it is the rightmost
/// (section 3.4.1).
public struct TruncatedHMAC: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt64

    @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    public var description: String { hexadecimal(rawValue) }
}

/// A TCP sequence number: it wraps around, so that "before" and "after" hold within 2^31 (RFC 9293 section 3.4).
public struct SequenceNumber: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt32

    @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }

    /// Bytes from `other` to this one; negative when this one comes first.
    @inlinable
    public func distance(from other: Self) -> Int { Int(Int32(bitPattern: rawValue &- other.rawValue)) }

    @inlinable
    public func advanced(by bytes: Int) -> Self { Self(rawValue &+ UInt32(truncatingIfNeeded: bytes)) }

    public var description: String { String(rawValue) }
}

/// A data sequence number (RFC 8684 section 3.3): 64 bits that wrap around.
public struct DataSequenceNumber: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt64

    @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// The number nearest to `reference` whose lower half is `low` (RFC 8684 section 3.3.1).
    @inlinable
    public init(low: UInt32, near reference: Self) {
        let difference = Int32(bitPattern: low &- UInt32(truncatingIfNeeded: reference.rawValue))
        self.init(reference.rawValue &+ UInt64(bitPattern: Int64(difference)))
    }

    /// Bytes from `other` to this one; negative when this one comes first.
    @inlinable
    public func distance(from other: Self) -> Int64 { Int64(bitPattern: rawValue &- other.rawValue) }

    @inlinable
    public func advanced(by bytes: Int) -> Self { Self(rawValue &+ UInt64(truncatingIfNeeded: bytes)) }

    public var description: String { String(rawValue) }
}

/// `0x` and all digits, leading zeros included.
func hexadecimal(_ value: some FixedWidthInteger & UnsignedInteger) -> String {
    let digits = String(value, radix: 16)
    return "0x" + String(repeating: "0", count: value.bitWidth / 4 - digits.count) + digits
}
