/// A number of bytes.
public struct ByteCount: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let bytes: Int

    public init(bytes: Int) {
        self.bytes = bytes
    }

    public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }

    /// As in the file: `720KiB`.
    public var description: String { UnitScale.size.text(bytes) }
}

/// Whole numbers with a unit, as text: `720KiB`, `500ms`.
struct UnitScale {
    /// From the largest to the smallest, the latter being 1.
    let units: [(name: String, factor: Int)]

    static let size = UnitScale(units: [
        ("GiB", 1 << 30), ("GB", 1_000_000_000), ("MiB", 1 << 20), ("MB", 1_000_000), ("KiB", 1 << 10), ("kB", 1000),
        ("B", 1),
    ])
    /// In bits per second, as tc prints them.
    static let rate = UnitScale(units: [
        ("tbit", 1_000_000_000_000), ("gbit", 1_000_000_000), ("mbit", 1_000_000), ("kbit", 1000), ("bit", 1),
    ])
    /// In milliseconds.
    static let duration = UnitScale(units: [("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1)])

    /// nil when it isn't digits followed by a unit of this scale, or too large.
    func value(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text[digits.endIndex...]
        guard let number = Int(digits), let factor = units.first(where: { $0.name == unit })?.factor else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : product
    }

    /// In the largest unit that leaves no remainder.
    func text(_ value: Int) -> String {
        let unit = units.first { value.isMultiple(of: $0.factor) }!
        return "\(value / unit.factor)\(unit.name)"
    }
}
