import Crypto
import Wire

// What follows from keys. Version 1 uses SHA-256 (RFC 8684 sections 3.1, 3.2, 3.4.1), version 0 SHA-1 (RFC 6824).

extension MultipathKey {
    /// The token that names the connection at the host whose key this is: the hash's leftmost 32 bits.
    public func token(version: UInt8) -> Token {
        Token(digest(version: version).prefix(4).reduce(0) { $0 << 8 | UInt32($1) })
    }

    /// The data sequence number that comes before the host's first byte: the hash's rightmost 64 bits.
    public func initialDataSequence(version: UInt8) -> DataSequenceNumber {
        DataSequenceNumber(digest(version: version).suffix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }

    private func digest(version: UInt8) -> [UInt8] {
        let bytes = bigEndianBytes(rawValue)
        return version == 0 ? Array(Insecure.SHA1.hash(data: bytes)) : Array(SHA256.hash(data: bytes))
    }
}

/// The keys of both hosts, in the order in which one of them puts them into an HMAC's key: its own first.
public struct KeyPair: Hashable, Sendable {
    public let own: MultipathKey
    public let peer: MultipathKey
    public let version: UInt8

    public init(own: MultipathKey, peer: MultipathKey, version: UInt8) {
        self.own = own
        self.peer = peer
        self.version = version
    }

    /// What an MP_JOIN's third ACK carries: the leftmost 160 bits (RFC 8684 section 3.2).
    public func joinHMAC(ownNonce: UInt32, peerNonce: UInt32) -> MultipathHMAC {
        let code = hmac(bigEndianBytes(ownNonce) + bigEndianBytes(peerNonce))
        return MultipathHMAC(high: word(code[0..<8]), middle: word(code[8..<16]), low: UInt32(word(code[16..<20])))
    }

    /// What an MP_JOIN's SYN-ACK carries: the leftmost 64 bits.
    public func truncatedJoinHMAC(ownNonce: UInt32, peerNonce: UInt32) -> TruncatedHMAC {
        TruncatedHMAC(joinHMAC(ownNonce: ownNonce, peerNonce: peerNonce).high)
    }

    /// What an ADD_ADDR carries: the rightmost 64 bits (RFC 8684 section 3.4.1). A port that isn't there counts as 0.
    public func addressHMAC(_ id: AddressID, _ address: IPAddress, port: UInt16?) -> TruncatedHMAC {
        let bytes = address.isIPv4 ? bigEndianBytes(address.v4Bits) : address.bytes
        return TruncatedHMAC(word(hmac([id.rawValue] + bytes + bigEndianBytes(port ?? 0)).suffix(8)))
    }

    private func hmac(_ message: [UInt8]) -> [UInt8] {
        let key = SymmetricKey(data: bigEndianBytes(own.rawValue) + bigEndianBytes(peer.rawValue))
        if version == 0 { return Array(HMAC<Insecure.SHA1>.authenticationCode(for: message, using: key)) }
        return Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
    }

    private func word(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
}

private func bigEndianBytes(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
}
