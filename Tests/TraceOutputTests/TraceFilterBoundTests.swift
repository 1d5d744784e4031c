import PacketForge
import Testing
import TraceOutput

/// Filters may come over the control socket.
@Suite struct TraceFilterBoundTests {
    @Test func length() {
        let half = String(repeating: "syn or ", count: 584)
        #expect(complaint(half + "fin") == nil)
        let text = String(repeating: " ", count: 4096) + "s"
        #expect(complaint(text)?.hasPrefix("longer than 4096 bytes; write a prefix for many addresses\n…   ") == true)
        #expect(complaint(String(repeating: "a", count: 1 << 20))?.utf8.count ?? .max < 400)
        #expect(complaint("e" + String(repeating: "\u{301}", count: 1 << 16))?.hasPrefix("longer") == true)
    }

    @Test func depth() {
        let nested = { (count: Int) in
            String(repeating: "(", count: count) + "syn" + String(repeating: ")", count: count)
        }
        #expect(complaint(nested(32)) == nil)
        #expect(
            complaint(nested(33))?.hasPrefix("more than 32 parentheses deep; take out those that aren't needed\n")
                == true)
        #expect(complaint(String(repeating: "(", count: 4096))?.hasPrefix("more than 32 parentheses deep") == true)
        // Neither those beside each other nor `not` are depth.
        #expect(complaint(Array(repeating: nested(32), count: 30).joined(separator: " or ")) == nil)
        #expect(complaint(String(repeating: "!", count: 4093) + "syn") == nil)
    }

    /// Whatever comes is a filter, or an error that points into it.
    @Test func anyText() {
        var random = SplitMix64(seed: 5)
        var accepted = 0
        for _ in 0..<5000 {
            let text = random.hostileText()
            do throws(TraceFilterError) {
                let filter = try TraceFilter(text).compiled { devices[$0] }
                _ = filter.matches(facts())
                accepted += 1
            } catch {
                #expect(!error.range.isEmpty && error.range.upperBound <= text.count, "\(text)")
                #expect(
                    error.description.split(separator: "\n", omittingEmptySubsequences: false).count == 3, "\(text)")
            }
        }
        #expect(accepted > 50)
    }
}

extension SplitMix64 {
    /// Bytes, or words in any order, some of them damaged.
    fileprivate mutating func hostileText() -> String {
        if next() % 4 == 0 { return String(decoding: bytes(0...200), as: UTF8.self) }
        let words = [
            "and", "or", "not", "!", "&&", "||", "(", ")", "client", "server", "host", "port", "token", "interface",
            "verdict", "from", "syn", "dss", "ip", "data", "80", "0x10", "10.1.0.0/16", "::/0", "lan0", "drop", "-",
        ]
        let count = Int.random(in: 0...8, using: &self)
        var text = (0..<count).map { _ in words.randomElement(using: &self)! }.joined(separator: " ")
        if !text.isEmpty, next() % 4 == 0 {
            let place = text.indices.randomElement(using: &self)!
            text.insert(Character(Unicode.Scalar(UInt8(truncatingIfNeeded: next()))), at: place)
        }
        return text
    }
}
