import Settings
import Testing

/// `[sessions]`: what is read, and what is refused.
@Suite struct SessionsErrorTests {
    @Test(
        arguments: [
            ("journal", .journal), ("/var/log/sluice/sessions.jsonl", .file("/var/log/sluice/sessions.jsonl")),
            ("ipfix://192.0.2.1:4739", .ipfix(host: "192.0.2.1", port: 4739)),
            ("ipfix://[2001:db8::1]:1", .ipfix(host: "2001:db8::1", port: 1)),
            ("ipfix://[2001:DB8:0::1]:65535", .ipfix(host: "2001:db8::1", port: 65535)),
            ("ipfix://flows-1.example.net:4739", .ipfix(host: "flows-1.example.net", port: 4739)),
        ] as [(String, Settings.Sessions.Log)])
    func places(_ text: String, _ log: Settings.Sessions.Log) throws {
        let settings = try Settings.parse(minimal + "[sessions]\nlog = '\(text)'\n", file: "f")
        #expect(settings.sessions == .init(log: log))
    }

    private static let expected =
        "\"journal\", an absolute path of a file, or a collector such as \"ipfix://192.0.2.1:4739\""
    private static let collectors = "\"ipfix://192.0.2.1:4739\", \"ipfix://[2001:db8::1]:4739\" or a name"

    @Test(
        arguments: [
            ("'syslog'", "\"syslog\" is no place for a log; give \(expected)"),
            ("'sessions.jsonl'", "\"sessions.jsonl\" is no place for a log; give \(expected)"),
            ("''", "\"\" is no place for a log; give \(expected)"),
            ("'/var/log/'", "\"/var/log/\" can't be a file's path; give \(expected)"),
            ("'udp://192.0.2.1:4739'", "\"udp://192.0.2.1:4739\" has the unknown scheme \"udp\"; give \(expected)"),
            (
                "'IPFIX://192.0.2.1:4739'",
                "\"IPFIX://192.0.2.1:4739\" has the unknown scheme \"IPFIX\"; give \(expected)"
            ),
            ("7", "7 is an integer; give \(expected)"),
        ]
            + [
                "192.0.2.1", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:x", "192.0.2.1:+1", "192.0.2:4739",
                "[192.0.2.1]:4739", "[2001:db8::]", "2001:db8::1:4739", "a b:4739", "-a:4739", ":4739", "a/b:1",
                "192.0.2.1:4739/", "",
            ].map { ("'ipfix://\($0)'", "\"ipfix://\($0)\" is not ipfix://HOST:PORT; give \(collectors)") })
    func refusals(_ value: String, _ words: String) {
        #expect(message(minimal + "[sessions]\nlog = \(value)\n") == "f:3: sessions.log: \(words)")
    }

    @Test func limits() {
        let text = minimal + "[sessions]\nrotate_size = '63KiB'\nrotate_count = 1001\nlogs = 'journal'\n"
        #expect(
            message(text) == """
                f:3: sessions.rotate_size: "63KiB" is out of range; give a size from "64KiB" to "1024GiB" (B, kB, MB, GB, KiB, MiB, \
                GiB; without a unit: bytes)
                f:4: sessions.rotate_count: 1001 is out of range; give an integer from 1 to 1000
                f:5: sessions.logs: unknown key; did you mean log?
                """)
    }

    /// Who takes out `log` has switched it off.
    @Test func withoutLogTheRestWaits() throws {
        let text = minimal + "[sessions]\nrotate_size = '1MiB'\nrotate_count = 2\n"
        let expected = Settings.Sessions(rotateSize: ByteCount(bytes: 1 << 20), rotateCount: 2)
        #expect(try Settings.parse(text, file: "f").sessions == expected)
    }
}
