import PacketForge
import Settings
import Testing

@Suite struct SyntaxTests {
    @Test(arguments: [
        ("[intercept]\ninterfaces = [\"a\"\n", "f:2:19: not TOML: "), ("a = 1\n  a = 2\n", "f:2:"),
        ("= 1", "f:1:1: not TOML: "), ("a = \"b\nc = [d]\n", "f:1:7: not TOML: "),
        (minimal + "\n\u{0}", "f:3: a zero byte; give a TOML text file"),
    ])
    func place(text: String, start: String) {
        #expect(message(text)?.hasPrefix(start) == true)
    }

    @Test(arguments: ["a = " + repeated("["), "a = " + repeated("{b="), repeated("a."), "[" + repeated("a.")])
    func depthIsBounded(text: String) {
        #expect(message(text)?.contains(": nested too deeply; ") == true)
    }

    private static func repeated(_ text: String) -> String { String(repeating: text, count: 100_000) }

    /// What the TOML library would end the process for.
    @Test(arguments: [("\n[ !relay]", "2:3"), ("[[[relay]]]", "1:3"), ("[.a]", "1:2"), ("[", "1:2")])
    func headers(text: String, place: String) {
        #expect(message(text) == "f:\(place): not a table's name; write it as in [relay]")
    }

    @Test(arguments: [
        ("relay.workers =", "1:16"), ("intercept.connect = split", "1:21"), ("\na = [1,\n}]", "3:1"),
        ("a = 'é' \nb = {c = }", "2:10"), ("a = 1979-05-27T:", "1:5"), ("a = 07:32:00", "1:5"),
        ("a = [\"é\", 1 2]", "1:11"),
    ])
    func values(text: String, place: String) {
        let mend = "give a number, true, false, a string in quotes, or a list in brackets"
        #expect(message(text) == "f:\(place): not a value; \(mend)")
    }

    /// Whatever the text, it is taken or refused; nothing ends the process.
    @Test func randomTexts() {
        var random = SplitMix64(seed: 1)
        for _ in 0..<5000 {
            let count = Int(random.next() % 14)
            let text = (0..<count).map { _ in fragments.randomElement(using: &random)! }.joined()
            for text in [text, "a = " + text, minimal + text] {
                #expect(message(text)?.hasPrefix("f:") != false)
            }
        }
    }

    private let fragments = [
        "[", "]", "{", "}", "\"", "'", "\"\"\"", "'''", "=", ".", ",", "\n", " ", "\t", "#", "a", "b", "1", "0", "-",
        "+", "_", "0x", "0b", "0o", "e", "inf", "nan", "true", "f", "T", "Z", ":", "1979-05-27", "07:32:00", "\\",
        "\\u0041", "\\u0000", "é", "\r", "\r\n", "!", "$", "/", "\u{1}", "\u{7f}", "\u{0}", "\u{feff}", "a = ",
        "[a]\n", "[[a]]\n", "[[throttle]]\n", "relay", "\"a\"",
    ]
}
