// From bytes to options: lengths and flags decide about an option's form (RFC 8684 section 3, RFC 6824 section 3).

extension MultipathOption {
    @usableFromInline
    init(_ option: borrowing TCPOption) throws(WireError) {
        let bytes = option.bytes
        guard bytes.byteCount >= 3 else {
            throw .badOptionLength(kind: option.kind, length: bytes.byteCount, offset: option.offset)
        }
        switch bytes[2] >> 4 {
        case 0: if let capable = Self.capable(bytes) { self = capable; return }
        case 1: if let join = MPJoin(bytes) { self = .join(join); return }
        case 2: if let signal = DataSequenceSignal(bytes) { self = .dataSequenceSignal(signal); return }
        case 3: if let announcement = AddAddress(bytes) { self = .addAddress(announcement); return }
        case 4: if let ids = RemovedAddresses(bytes) { self = .removeAddress(ids); return }
        case 5: if let priority = MPPriority(bytes) { self = .priority(priority); return }
        case 6: if let word = Self.word(bytes) { self = .fail(DataSequenceNumber(word)); return }
        case 7: if let word = Self.word(bytes) { self = .fastClose(MultipathKey(word)); return }
        case 8: if let reset = MPReset(bytes) { self = .reset(reset); return }
        default: self = .unknown(OptionBytes(bytes, from: 2)); return
        }
        throw .badMultipathOption(subtype: bytes[2] >> 4, length: bytes.byteCount, offset: option.offset)
    }

    private static func capable(_ bytes: RawSpan) -> MultipathOption? {
        guard bytes.byteCount >= 4 else { return nil }
        if bytes[2] & 0x0f > 1 { return .unknown(OptionBytes(bytes, from: 2)) }
        return MPCapable(bytes).map(MultipathOption.capable)
    }

    /// The 64 bits of an option of twelve bytes.
    private static func word(_ bytes: RawSpan) -> UInt64? { bytes.byteCount == 12 ? bytes.uint64(at: 4) : nil }
}

// Each takes a whole option of at least three bytes; nil when its length fits no form of it.

extension MPCapable {
    fileprivate init?(_ bytes: RawSpan) {
        let version = bytes[2] & 0x0f
        let form: Form
        switch (version, bytes.byteCount) {
        case (1, 4): form = .bare
        case (_, 12): form = .key(sender: Self.key(bytes, 4))
        case (_, 20): form = .keys(sender: Self.key(bytes, 4), receiver: Self.key(bytes, 12))
        case (1, 22), (1, 24):
            form = .data(
                sender: Self.key(bytes, 4), receiver: Self.key(bytes, 12), length: bytes.uint16(at: 20),
                checksum: bytes.byteCount == 24 ? bytes.uint16(at: 22) : nil)
        default: return nil
        }
        self.init(version: version, flags: Flags(rawValue: bytes[3]), form: form)
    }

    private static func key(_ bytes: RawSpan, _ offset: Int) -> MultipathKey { MultipathKey(bytes.uint64(at: offset)) }
}

extension MPJoin {
    fileprivate init?(_ bytes: RawSpan) {
        let isBackup = bytes[2] & 1 == 1
        switch bytes.byteCount {
        case 12:
            self = .syn(
                isBackup: isBackup, addressID: AddressID(bytes[3]), token: Token(bytes.uint32(at: 4)),
                nonce: bytes.uint32(at: 8))
        case 16:
            self = .synAck(
                isBackup: isBackup, addressID: AddressID(bytes[3]), hmac: TruncatedHMAC(bytes.uint64(at: 4)),
                nonce: bytes.uint32(at: 12))
        case 24:
            self = .ack(
                hmac: MultipathHMAC(
                    high: bytes.uint64(at: 4), middle: bytes.uint64(at: 12), low: bytes.uint32(at: 20)))
        default: return nil
        }
    }
}

extension DataSequenceSignal {
    fileprivate init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= 4 else { return nil }
        let flags = bytes[3]
        let acknowledgementLength = flags & 0x01 == 0 ? 0 : flags & 0x02 == 0 ? 4 : 8
        let sequenceLength = flags & 0x08 == 0 ? 4 : 8
        let mappingAt = 4 + acknowledgementLength
        let end = mappingAt + (flags & 0x04 == 0 ? 0 : sequenceLength + 6)
        let hasChecksum = flags & 0x04 != 0 && bytes.byteCount == end + 2
        guard bytes.byteCount == end || hasChecksum else { return nil }
        var mapping: Mapping?
        if flags & 0x04 != 0 {
            let rest = mappingAt + sequenceLength
            mapping = Mapping(
                sequence: Number(bytes, mappingAt, length: sequenceLength), subflowSequence: bytes.uint32(at: rest),
                length: bytes.uint16(at: rest + 4), checksum: hasChecksum ? bytes.uint16(at: rest + 6) : nil)
        }
        self.init(
            acknowledgement: acknowledgementLength == 0 ? nil : Number(bytes, 4, length: acknowledgementLength),
            mapping: mapping, hasFinFlag: flags & 0x10 != 0)
    }
}

extension DataSequenceSignal.Number {
    fileprivate init(_ bytes: RawSpan, _ offset: Int, length: Int) {
        self = length == 4 ? .short(bytes.uint32(at: offset)) : .long(DataSequenceNumber(bytes.uint64(at: offset)))
    }
}

extension AddAddress {
    fileprivate init?(_ bytes: RawSpan) {
        let length = bytes.byteCount
        let field = bytes[2] & 0x0f
        let isEcho = field & 1 == 1
        // Version 0 has the IP version where version 1 has the echo flag, whose bit is 0 in both 4 and 6.
        let isVersion0 = field == 4 && (8...10).contains(length) || field == 6 && (20...22).contains(length)
        let hmacLength = isVersion0 || isEcho ? 0 : 8
        let portAt: Int
        switch length - 4 - hmacLength {
        case 4, 6: portAt = 8
        case 16, 18: portAt = 20
        default: return nil
        }
        let address =
            portAt == 8
            ? IPAddress(v4: bytes.uint32(at: 4)) : IPAddress(high: bytes.uint64(at: 4), low: bytes.uint64(at: 12))
        // An IPv4-mapped one has no business here, and would be taken for IPv4.
        guard address.isIPv4 == (portAt == 8) else { return nil }
        let hmacAt = length - hmacLength
        self.init(
            kind: isVersion0 ? .version0 : isEcho ? .echo : .announcement(TruncatedHMAC(bytes.uint64(at: hmacAt))),
            addressID: AddressID(bytes[3]), address: address, port: hmacAt > portAt ? bytes.uint16(at: portAt) : nil)
    }
}

extension RemovedAddresses {
    fileprivate init?(_ bytes: RawSpan) {
        guard bytes.byteCount > 3 else { return nil }
        self.init(bytes: OptionBytes(bytes, from: 3))
    }
}

extension MPPriority {
    fileprivate init?(_ bytes: RawSpan) {
        guard (3...4).contains(bytes.byteCount) else { return nil }
        self.init(isBackup: bytes[2] & 1 == 1, addressID: bytes.byteCount == 4 ? AddressID(bytes[3]) : nil)
    }
}

extension MPReset {
    fileprivate init?(_ bytes: RawSpan) {
        guard bytes.byteCount == 4 else { return nil }
        self.init(flags: bytes[2] & 0x0f, reason: bytes[3])
    }
}
