/// How an interface counts time: if_tsresol and if_tsoffset (draft-ietf-opsawg-pcapng section 4.2).
struct CaptureClock: Hashable, Sendable {
    /// As in if_tsresol: units of 10^-n seconds, or, with the highest bit set, of 2^-n.
    var resolution: UInt8 = 6
    /// Seconds to add.
    var offset: Int64 = 0

    /// Nanoseconds since 1970 of a count of units; rounded down, clamped to what fits.
    func nanoseconds(_ units: UInt64) -> Int64 {
        let exponent = Int(resolution & 0x7f)
        // 64 bits times a billion are below 2^94: nothing here overflows 128.
        let time: Int128
        if resolution & 0x80 != 0 {
            time = (Int128(units) * 1_000_000_000) >> exponent
        } else if exponent <= 9 {
            time = Int128(units) * Self.powerOfTen(9 - exponent)
        } else {
            // 2^64 is below 10^20.
            time = Int128(units) / Self.powerOfTen(min(exponent - 9, 20))
        }
        return Int64(clamping: time + Int128(offset) * 1_000_000_000)
    }

    private static func powerOfTen(_ exponent: Int) -> Int128 {
        (0..<exponent).reduce(1) { power, _ in power * 10 }
    }
}
