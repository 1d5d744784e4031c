/// What an option holds that has no form of its own here: at most 40 bytes, held inline so that nothing is allocated.
public struct OptionBytes: Hashable, Sendable {
    public static let capacity = 40

    @inlinable public var count: Int { Int(length) }
    @usableFromInline var length: UInt8 = 0
    // Eight bytes each, the first byte lowest.
    @usableFromInline var words: Words = Words()

    @usableFromInline struct Words: Hashable, Sendable {
        @usableFromInline var first: UInt64 = 0
        @usableFromInline var second: UInt64 = 0
        @usableFromInline var third: UInt64 = 0
        @usableFromInline var fourth: UInt64 = 0
        @usableFromInline var fifth: UInt64 = 0
    }

    public init() {}

    /// What lies beyond the capacity is left out; no option is as long.
    public init(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { append(byte) }
    }

    /// Whole words at once: what is copied here is copied for each packet of some connections.
    @usableFromInline
    init(_ bytes: RawSpan, from offset: Int) {
        let count = Swift.min(bytes.byteCount - offset, Self.capacity)
        guard count > 0 else { return }
        words.first = Self.word(bytes, offset, count)
        if count > 8 { words.second = Self.word(bytes, offset + 8, count - 8) }
        if count > 16 { words.third = Self.word(bytes, offset + 16, count - 16) }
        if count > 24 { words.fourth = Self.word(bytes, offset + 24, count - 24) }
        if count > 32 { words.fifth = Self.word(bytes, offset + 32, count - 32) }
        length = UInt8(count)
    }

    /// The next `count` bytes, eight at most.
    private static func word(_ bytes: RawSpan, _ offset: Int, _ count: Int) -> UInt64 {
        if count >= 8 { return bytes.uint64(at: offset).byteSwapped }
        var word: UInt64 = 0
        for index in 0..<count { word |= UInt64(bytes[offset + index]) << UInt64(index * 8) }
        return word
    }

    private mutating func append(_ byte: UInt8) {
        guard count < Self.capacity else { return }
        let bits = UInt64(byte) << UInt64(count % 8 * 8)
        switch count / 8 {
        case 0: words.first |= bits
        case 1: words.second |= bits
        case 2: words.third |= bits
        case 3: words.fourth |= bits
        default: words.fifth |= bits
        }
        length += 1
    }
}

extension OptionBytes: RandomAccessCollection {
    @inlinable public var startIndex: Int { 0 }
    @inlinable public var endIndex: Int { count }

    @inlinable
    public subscript(index: Int) -> UInt8 {
        precondition(index >= 0 && index < count)
        return UInt8(truncatingIfNeeded: word(at: index) >> UInt64(index % 8 * 8))
    }

    /// In network order; the offset is a multiple of four.
    @inlinable
    func uint32(at offset: Int) -> UInt32 {
        precondition(offset >= 0 && offset % 4 == 0 && offset + 4 <= count)
        return UInt32(truncatingIfNeeded: word(at: offset) >> UInt64(offset % 8 * 8)).byteSwapped
    }

    /// The word that holds this byte.
    @inlinable
    func word(at index: Int) -> UInt64 {
        switch index / 8 {
        case 0: words.first
        case 1: words.second
        case 2: words.third
        case 3: words.fourth
        default: words.fifth
        }
    }
}

extension OptionBytes: CustomStringConvertible {
    /// Two hexadecimal digits a byte.
    public var description: String {
        map { byte in String(UInt16(byte) | 0x100, radix: 16).dropFirst() }.joined()
    }
}
