/// A number of bits per second, in tc's units (tc(8), PARAMETERS, RATES).
public struct BitRate: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let bitsPerSecond: UInt64

    public init(bitsPerSecond: UInt64) {
        self.bitsPerSecond = bitsPerSecond
    }

    /// What a rule may hold a subflow to: below, TCP can hardly send a segment in a second.
    static let allowed = BitRate(bitsPerSecond: 8000)...BitRate(bitsPerSecond: 400_000_000_000)

    public static func < (left: BitRate, right: BitRate) -> Bool { left.bitsPerSecond < right.bitsPerSecond }

    /// As in the file: `10mbit`.
    public var description: String { UnitScale.rate.text(Int(clamping: bitsPerSecond)) }
}

extension Settings {
    /// One rate, such as `10mbit`; `file` is what messages call its place.
    public static func rate(_ text: String, file: String) throws(SettingsError) -> BitRate {
        let form = Form<BitRate>.rate
        do throws(Mismatch) {
            return try form.read(.string(text))
        } catch {
            throw SettingsError(
                file: file,
                findings: error.problems.map { .init(problem: $0, mend: error.mend ?? "give \(form.expected)") })
        }
    }
}

extension Form where Value == BitRate {
    /// `"10mbit"`, `"1.5MBit"`, `"2mbps"` (bytes).
    static var rate: Form {
        rate(
            zero: "would stop the subflow altogether",
            mend: "use action = \"backup\", or the firewall, to keep traffic off it")
    }

    /// The same, of what a path can carry.
    static var capacity: Form {
        rate(zero: "is no capacity", mend: "leave it out to have it learned, or leave out the path")
    }

    /// `zero`: what is wrong with a rate of 0.
    private static func rate(zero: String, mend: String) -> Form {
        let limits = "from \"\(BitRate.allowed.lowerBound)\" to \"\(BitRate.allowed.upperBound)\""
        let units = "bit, kbit, mbit, gbit, tbit, kibit, mibit, gibit, tibit; bytes per second: bps, kbps, and so on"
        return Form("a rate \(limits) (\(units))") { node throws(Mismatch) in
            guard let text = node.string ?? node.int.map({ "\($0)" }) else { throw .type(of: node) }
            guard let match = text.wholeMatch(of: /([0-9]+(?:\.[0-9]+)?)([A-Za-z]*)/), let number = Double(match.1),
                let factor = match.2.isEmpty ? 1 : factors[match.2.lowercased()]
            else { throw Mismatch(node, "is not a rate") }
            guard number > 0 else { throw Mismatch(node, zero, mend: mend) }
            guard !match.2.isEmpty else { throw Mismatch(node, "has no unit, which to tc means bit/s") }
            let bits = (number * factor).rounded()
            // Exact up to 2⁵³, far beyond the limit.
            guard bits < 0x1p53, BitRate.allowed.contains(BitRate(bitsPerSecond: UInt64(bits))) else {
                throw .range(of: node)
            }
            return BitRate(bitsPerSecond: UInt64(bits))
        }
    }
}

/// tc's units, in lower case, and how many bits per second they are.
private let factors: [String: Double] = {
    var factors: [String: Double] = [:]
    for (base, infix) in [(1000.0, ""), (1024.0, "i")] {
        var factor = 1.0
        for prefix in ["", "k", "m", "g", "t"] {
            let prefix = prefix.isEmpty ? "" : prefix + infix
            factors[prefix + "bit"] = factor
            factors[prefix + "bps"] = factor * 8
            factor *= base
        }
    }
    return factors
}()
