/// Bytes of ASCII and UTF-8 text that are appended to, taken away and appended to again. Once it has grown, nothing
/// allocates.
public struct TextBuffer: ~Copyable, Sendable {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    mutating func append(text: String) { bytes.append(contentsOf: text.utf8) }

    mutating func append(byte: UInt8) { bytes.append(byte) }

    /// In decimal, with leading zeros up to so many digits.
    mutating func append(decimal value: some FixedWidthInteger, digits: Int = 1) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        append(magnitude: UInt64(value.magnitude), digits: digits)
    }

    private mutating func append(magnitude: UInt64, digits: Int) {
        var count = 1
        var limit: UInt64 = 10
        // 10^19 is the largest power of ten that 64 bits hold.
        while count < 20, magnitude >= limit {
            count += 1
            limit = count < 20 ? limit * 10 : limit
        }
        for _ in 0..<max(count, digits) { bytes.append(UInt8(ascii: "0")) }
        var rest = magnitude
        var index = bytes.count - 1
        while rest > 0 {
            bytes[index] += UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
            index -= 1
        }
    }

    /// All digits, leading zeros included, without `0x`.
    mutating func append(hexadecimal value: some FixedWidthInteger & UnsignedInteger) {
        for shift in stride(from: value.bitWidth - 4, through: 0, by: -4) { append(digit: UInt8(value >> shift & 0xf)) }
    }

    /// Without leading zeros.
    mutating func append(shortHexadecimal value: UInt16) {
        let digits = max(1, (value.bitWidth - value.leadingZeroBitCount + 3) / 4)
        for position in (0..<digits).reversed() { append(digit: UInt8(value >> (4 * position) & 0xf)) }
    }

    private mutating func append(digit: UInt8) {
        bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }
}
