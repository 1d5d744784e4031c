import Settings
import Testing
import Wire

/// A rule as a JSON object.
@Suite struct ThrottleRequestTests {
    private let settings = Settings(intercept: .init(interfaces: ["lan0", "wifi0"]))

    private func message(_ json: String) -> String? {
        do {
            _ = try settings.throttle(json: Array(json.utf8))
            return nil
        } catch {
            return error.description
        }
    }

    @Test func everyKey() throws {
        let json = """
            {"name": "a", "interface": "lan7", "clients": ["10.1.0.0\\/16"], "servers": ["\\u003a:/0"],
             "ports": [80, "8000-8999"], "backup": false, "address_id": 1, "min_subflows": 3, "after_bytes": 5000000000,
             "after_bytes_of": "client", "hours": ["08:00-18:00"], "action": "shape", "download": "10mbit",
             "upload": "1.5mbit", "per": "client", "take_over": true}
            """
        let expected = Settings.Throttle(
            name: "a", interfaces: ["lan7"], clients: [IPPrefix("10.1.0.0/16")!], servers: [IPPrefix("::/0")!],
            ports: [80...80, 8000...8999], backup: false, addressID: 1, minSubflows: 3,
            afterBytes: ByteCount(bytes: 5_000_000_000), afterBytesOf: .client,
            hours: [TimeOfDayRange(start: 480, end: 1080)!], download: BitRate(bitsPerSecond: 10_000_000),
            upload: BitRate(bitsPerSecond: 1_500_000), per: .client, takeOver: true)
        #expect(try settings.throttle(json: Array(json.utf8)) == expected)
    }

    @Test func interfacesAreThoseOfTheFile() throws {
        let rule = try settings.throttle(json: Array(#"{"name": "a", "action": "backup"}"#.utf8))
        #expect(rule.interfaces == ["lan0", "wifi0"])
    }

    @Test(
        arguments: [
            (#"{"action": "backup"}"#, "throttle.name: missing; give "),
            (#"{"name": "a", "download": 10}"#, "throttle.a.download: 10 has no unit"),
            (
                #"{"name": "a", "dowload": "1mbit", "upload": "1mbit"}"#,
                "throttle.a.dowload: unknown key; did you mean download?"
            ),
            (#"{"name": "a", "action": null}"#, "throttle.a.action: null is not expected here; give \"shape\" or "),
            (#"{"name": "a", "upload": {"a": "1mbit"}}"#, "throttle.a.upload: a table is not expected here; "),
            (#"{"name": "a", "upload": [["1mbit"]]}"#, "throttle.a.upload: an array is not expected here; "),
            (
                #"{"name": "a", "action": "backup", "ports": [[80]]}"#,
                "throttle.a.ports: an array is not expected here; "
            ),
            (#"{"name": "a", "action": "backup", "ports": [{}]}"#, "throttle.a.ports: a table is not expected here; "),
            (
                #"{"name": "a", "action": "backup", "ports": [1.5]}"#,
                "throttle.a.ports: 1.5 is a floating-point number; "
            ),
            (
                #"{"name": "a", "action": "backup", "address_id": 1e999}"#,
                "throttle.a.address_id: inf is a floating-point"
            ),
            (
                #"{"name": "a", "action": "backup", "address_id": 99999999999999999999}"#,
                "throttle.a.address_id: 1e+20 is a"
            ),
            (#"{"name": "a", "action": "backup", "backup": 1}"#, "throttle.a.backup: 1 is an integer; "),
            (#"{"name": "a", "action": "backup", "address_id": true}"#, "throttle.a.address_id: true is a boolean; "),
            (
                #"{"name": "a", "action": "backup", "interface": "sluice1"}"#,
                "throttle.a.interface: sluice1 is Sluice's own device"
            ),
            (#"{"name": "a\"\n[log]", "action": "backup"}"#, #"throttle."a\"\n[log]".name: "a\"\n[log]" can't be "#),
            (
                #"{"name": "a", "interface": "lan0\u0000", "action": "backup"}"#,
                #"throttle.a.interface: "lan0\0" can't be "#
            ),
            (#"{"name": "a", "action": "backup", "x\u001b[1m": 1}"#, #"throttle.a."x\u{1B}[1m": unknown key; "#),
        ] as [(String, String)])
    func refused(json: String, problem: String) {
        let text = message(json)
        #expect(text?.hasPrefix("request: \(problem)") == true, "\(text ?? "taken")")
        #expect(text?.contains("\n") == false)
    }

    @Test(
        arguments: [
            "", "[]", "5", "\"a\"", "null", "{", "{}}", "{\"name\": }", "name = 'a'", "\u{0}",
            String(repeating: "[", count: 16000), String(repeating: "{\"a\":", count: 3000),
            "{\"name\": " + String(repeating: "[", count: 16000),
            "{\"name\": \"" + String(repeating: "x", count: 16 << 10) + "\"}",
        ] as [String])
    func notJSON(text: String) {
        #expect(
            message(text) == "request: not a JSON object; give an object with the keys of [[throttle]], in 16 KiB")
    }

    @Test func whatIsDeepIsNotLookedAt() {
        let deep = String(repeating: "[", count: 400) + String(repeating: "]", count: 400)
        #expect(message("{\"name\": \"a\", \"ports\": \(deep)}")?.contains("an array is not expected here") == true)
        #expect(message("{\"name\": \"a\", \"ports\": [\(deep)]}")?.contains("an array is not expected here") == true)
    }

    /// Whatever is given, it is taken or refused; nothing ends the process.
    @Test func cutAndBentTexts() {
        let bytes = Array(
            #"{"name": "é", "ports": [80, "1-2", [{}]], "backup": null, "upload": 1e9, "x": {"y": -1}}"#.utf8)
        for index in bytes.indices {
            for bent in [Array(bytes[..<index]), Array(bytes[index...])] { _ = try? settings.throttle(json: bent) }
            for byte in [0, 0x22, 0x5b, 0x7d, 0x80, 0xff] as [UInt8] {
                var bent = bytes
                bent[index] = byte
                #expect(throws: SettingsError.self) { try settings.throttle(json: bent) }
            }
        }
    }
}
