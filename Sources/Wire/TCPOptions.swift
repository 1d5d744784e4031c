/// The options of a TCP header, one at a time and without allocation (RFC 9293 section 3.1: kind, and for all kinds but
/// 0 and 1 a length that counts itself and the kind).
public struct TCPOptions: ~Escapable {
    @usableFromInline let bytes: RawSpan
    @usableFromInline var offset: Int
    @usableFromInline let end: Int

    @inlinable
    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, from offset: Int, to end: Int) {
        self.bytes = bytes
        self.offset = offset
        self.end = end
    }

    /// A block of options without its segment; offsets count from its first byte.
    @_lifetime(copy bytes)
    package init(_ bytes: RawSpan) { self.init(bytes, from: 0, to: bytes.byteCount) }

    /// The next option but NOPs; nil at the end of the options. After an error there is no next one.
    @inlinable
    @_lifetime(copy self)
    public mutating func next() throws(WireError) -> TCPOption? {
        while offset < end, bytes[offset] == 1 { offset += 1 }
        guard offset < end, bytes[offset] != 0 else { return nil }
        let start = offset
        let kind = bytes[start]
        offset = end
        guard start + 1 < end else { throw .optionWithoutLength(kind: kind, offset: start) }
        let length = Int(bytes[start + 1])
        guard length >= 2, start + length <= end else {
            throw .badOptionLength(kind: kind, length: length, offset: start)
        }
        offset = start + length
        return TCPOption(kind: kind, offset: start, bytes: bytes.extracting(start..<start + length))
    }
}

/// One TCP option, kind and length included.
public struct TCPOption: ~Escapable {
    /// As assigned by IANA; 30 is Multipath TCP.
    public let kind: UInt8
    /// Where the option begins, counted from the IP header.
    public let offset: Int
    /// The whole option: `bytes[0]` is the kind, `bytes[1]` the length.
    public let bytes: RawSpan

    @inlinable
    @_lifetime(copy bytes)
    init(kind: UInt8, offset: Int, bytes: RawSpan) {
        self.kind = kind
        self.offset = offset
        self.bytes = bytes
    }
}
