import Wire

extension RandomNumberGenerator {
    /// Any value; one in four is at an edge, where arithmetic goes wrong.
    public mutating func word<Word: FixedWidthInteger & UnsignedInteger>() -> Word {
        let edges: [Word] = [0, 1, .max, .max - 1, .max / 2, .max / 2 + 1]
        return UInt8.random(in: 0..<4, using: &self) == 0
            ? edges.randomElement(using: &self)! : Word.random(in: .min ... .max, using: &self)
    }

    /// nil every other time.
    mutating func perhaps<Word: FixedWidthInteger & UnsignedInteger>() -> Word? {
        Bool.random(using: &self) ? word() : nil
    }

    public mutating func bytes(_ counts: ClosedRange<Int>) -> [UInt8] {
        (0..<Int.random(in: counts, using: &self)).map { _ in UInt8.random(in: 0...255, using: &self) }
    }

    /// IPv4 or IPv6, but no IPv4-mapped one.
    public mutating func address() -> IPAddress {
        // The upper half of an IPv6 address must not be zero, lest it be a mapped one.
        Bool.random(using: &self) ? IPAddress(v4: word()) : IPAddress(high: word() | 1, low: word())
    }
}

extension AddressID {
    static func random(using generator: inout some RandomNumberGenerator) -> AddressID { AddressID(generator.word()) }
}

extension MultipathKey {
    static func random(using generator: inout some RandomNumberGenerator) -> MultipathKey {
        MultipathKey(generator.word())
    }
}

extension SACKBlocks {
    static func random(using generator: inout some RandomNumberGenerator) -> SACKBlocks {
        let count = Int.random(in: 1...4, using: &generator)
        return SACKBlocks(
            (0..<count).map { _ in
                Block(left: SequenceNumber(generator.word()), right: SequenceNumber(generator.word()))
            })!
    }
}
