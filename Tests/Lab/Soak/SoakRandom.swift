import Glibc

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the same draws from the same seed, in each build.
struct SoakRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// `purpose` keeps draws for one thing from shifting those for another.
    init(seed: UInt64, purpose: UInt64) { state = Self.mix(seed ^ purpose << 56) }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return Self.mix(state)
    }

    /// The finaliser: a bijection in which each bit of the result depends on each of the input.
    @inline(__always) static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }

    /// What `mix` has made `mixed` of.
    static func unmix(_ mixed: UInt64) -> UInt64 {
        var z = mixed
        z = (z ^ z >> 31 ^ z >> 62) &* 0x3196_42b2_d24d_8ec3
        z = (z ^ z >> 27 ^ z >> 54) &* 0x96de_1b17_3f11_9089
        return z ^ z >> 30 ^ z >> 60
    }

    /// A whole number from the range, each order of magnitude as likely as the others. The lower bound is at least 1.
    mutating func logarithmic(_ range: ClosedRange<UInt64>) -> UInt64 {
        let (low, high) = (log(Double(range.lowerBound)), log(Double(range.upperBound) + 1))
        let value = UInt64(exp(Double.random(in: low...high, using: &self)))
        return min(max(value, range.lowerBound), range.upperBound)
    }

    mutating func seconds(_ range: ClosedRange<Double>) -> Duration { .seconds(Double.random(in: range, using: &self)) }

    mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &self) < probability }
}
