import PacketForge
import Settings
import Testing

@Suite struct RateTests {
    private func message(_ text: String) -> String? {
        do {
            _ = try Settings.rate(text, file: "--download")
            return nil
        } catch {
            return error.description
        }
    }

    @Test(
        arguments: [
            ("8000bit", 8000), ("8kbit", 8000), ("10mbit", 10_000_000), ("10MBit", 10_000_000),
            ("1gbit", 1_000_000_000),
            ("0.4tbit", 400_000_000_000), ("8kibit", 8192), ("1mibit", 1 << 20), ("1Gibit", 1 << 30),
            ("0.25tibit", 1 << 38), ("1000bps", 8000), ("1kbps", 8000), ("2mbps", 16_000_000), ("1gbps", 8_000_000_000),
            ("0.05tbps", 400_000_000_000), ("1kibps", 8192), ("1MiBps", 8 << 20), ("1gibps", 8 << 30),
            ("0.03125tibps", 1 << 38), ("1.5mbit", 1_500_000), ("1.1mbit", 1_100_000), ("0010.50mbit", 10_500_000),
            ("8.0001kbit", 8000),
        ] as [(String, UInt64)])
    func units(text: String, bits: UInt64) throws {
        #expect(try Settings.rate(text, file: "t") == BitRate(bitsPerSecond: bits))
    }

    @Test func descriptionsAreReadBack() throws {
        var random = SplitMix64(seed: 7)
        for _ in 0..<2000 {
            let bits = 8000 + random.next() % 399_999_992_001 >> (random.next() % 28)
            let factor: UInt64 = [1, 1000, 1_000_000].randomElement(using: &random)!
            let rate = BitRate(bitsPerSecond: min(max(8000, bits / factor * factor), 400_000_000_000))
            #expect(try Settings.rate(rate.description, file: "t") == rate)
        }
        let texts = [(8000, "8kbit"), (8001, "8001bit"), (1_500_000, "1500kbit"), (400_000_000_000, "400gbit")]
        for (bits, text) in texts { #expect(BitRate(bitsPerSecond: UInt64(bits)).description == text) }
    }

    @Test(
        arguments: [
            "", "mbit", "10 mbit", " 10mbit", "10mbit ", "-10mbit", "+10mbit", "10mb", "10mib", "1e3mbit", "1_0mbit",
            ".5mbit", "5.mbit", "1.2.3mbit", "0x10mbit", "10mbit/s", "50%", "٣mbit", "10\u{212A}bit", "10m\u{0}bit",
        ] as [String])
    func malformed(text: String) {
        #expect(
            message(text)?.contains(" is not a rate; give a rate from \"8kbit\" to \"400gbit\" (bit, kbit,") == true)
    }

    @Test(
        arguments: [
            "7999bit", "7.9kbit", "0.0001mbit", "400.1gbit", "1tbit", "999bps", "1tibps",
            String(repeating: "9", count: 5000) + "gbit",
        ] as [String])
    func outOfRange(text: String) {
        #expect(
            message(text)?.contains(" is out of range; give a rate from \"8kbit\" to \"400gbit\" (") == true)
    }

    @Test func noUnitAndZero() {
        let prefix = "--download: \"10\" has no unit, which to tc means bit/s; give a rate from "
        #expect(message("10")?.hasPrefix(prefix) == true)
        #expect(message("10")?.contains("tbit, kibit, mibit, gibit, tibit; bytes per second: bps, kbps") == true)
        for text in ["0", "0mbit", "0.0kbps"] {
            #expect(
                message(text) == "--download: \"\(text)\" would stop the subflow altogether; "
                    + "use action = \"backup\", or the firewall, to keep traffic off it")
        }
    }
}
