/// What an option holds that has no form of its own here: at most 40 bytes, held inline so that nothing is allocated.
public struct OptionBytes: Hashable, Sendable {
    public static let capacity = 40

    public private(set) var count = 0
    // Eight bytes each, the first byte lowest.
    private var words: Words = Words()

    private struct Words: Hashable, Sendable {
        var first: UInt64 = 0
        var second: UInt64 = 0
        var third: UInt64 = 0
        var fourth: UInt64 = 0
        var fifth: UInt64 = 0
    }

    public init() {}

    /// What lies beyond the capacity is left out; no option is as long.
    public init(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { append(byte) }
    }

    init(_ bytes: RawSpan, from offset: Int) {
        for index in offset..<Swift.max(offset, bytes.byteCount) { append(bytes[index]) }
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
        count += 1
    }
}

extension OptionBytes: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { count }

    public subscript(index: Int) -> UInt8 {
        precondition(index >= 0 && index < count)
        let word =
            switch index / 8 {
            case 0: words.first
            case 1: words.second
            case 2: words.third
            case 3: words.fourth
            default: words.fifth
            }
        return UInt8(truncatingIfNeeded: word >> UInt64(index % 8 * 8))
    }
}

extension OptionBytes: CustomStringConvertible {
    /// Two hexadecimal digits a byte.
    public var description: String {
        map { byte in String(UInt16(byte) | 0x100, radix: 16).dropFirst() }.joined()
    }
}
