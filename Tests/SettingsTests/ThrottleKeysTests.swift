import Settings
import Testing
import Wire

/// The text of a rule with these lines, which begin with its third.
func rule(_ lines: String, name: String = "a") -> String { "[[throttle]]\nname = '\(name)'\n\(lines)\n" }

private func throttle(_ lines: String) throws -> Settings.Throttle {
    try #require(Settings.parse(minimal + rule(lines), file: "t").throttles.first)
}

@Suite struct ThrottleKeysTests {
    @Test func everyKeyReachesItsField() throws {
        let rule = try throttle(
            """
            interface = ["lan1", "lan2"]
            clients = ["10.1.0.0/16"]
            servers = ["2001:db8::/32"]
            ports = [80, "8000-8999"]
            backup = true
            address_id = 7
            min_subflows = 3
            after_bytes = "1GB"
            after_bytes_of = "client"
            hours = ["08:00-18:00", "22:00-06:00"]
            action = "shape"
            download = "10mbit"
            upload = "5mbit"
            per = "subflow"
            take_over = true
            """)
        let expected = Settings.Throttle(
            name: "a", interfaces: ["lan1", "lan2"], clients: [IPPrefix("10.1.0.0/16")!],
            servers: [IPPrefix("2001:db8::/32")!], ports: [80...80, 8000...8999], backup: true, addressID: 7,
            minSubflows: 3, afterBytes: ByteCount(bytes: 1_000_000_000), afterBytesOf: .client,
            hours: [TimeOfDayRange(start: 480, end: 1080)!, TimeOfDayRange(start: 1320, end: 360)!], action: .shape,
            download: BitRate(bitsPerSecond: 10_000_000), upload: BitRate(bitsPerSecond: 5_000_000), per: .subflow,
            takeOver: true)
        #expect(rule == expected)
    }

    @Test func defaults() throws {
        let rule = try throttle("upload = '1mbit'")
        #expect(rule == .init(name: "a", interfaces: ["lan0"], upload: BitRate(bitsPerSecond: 1_000_000)))
        #expect(rule.clients == Settings.Intercept.allAddresses)
        #expect(rule.servers == Settings.Intercept.allAddresses)
        #expect(rule.ports == [1...65535])
        #expect(rule.backup == nil)
        #expect(rule.addressID == nil)
        #expect(rule.minSubflows == 2)
        #expect(rule.afterBytes == nil)
        #expect(rule.afterBytesOf == .connection)
        #expect(rule.hours == [])
        #expect(rule.action == .shape)
        #expect(rule.per == .all)
        #expect(!rule.takeOver)
    }

    @Test func limits() throws {
        #expect(try throttle("upload = '8kbit'\naddress_id = 0\nmin_subflows = 1").minSubflows == 1)
        #expect(try throttle("upload = '400gbit'\naddress_id = 255\nmin_subflows = 32").addressID == 255)
        #expect(try throttle("upload = '1mbit'\nafter_bytes = 1").afterBytes == ByteCount(bytes: 1))
        #expect(try throttle("upload = '1mbit'\nafter_bytes = '1048576GiB'").afterBytes?.bytes == 1 << 50)
        #expect(try throttle("upload = '1mbit'\nbackup = false").backup == false)
        #expect(try throttle("upload = '1mbit'\nper = 'client'").per == .client)
    }

    @Test func rulesKeepTheirOrder() throws {
        let text =
            minimal + rule("interface = 'x'\naction = 'backup'", name: "b")
            + rule("interface = 'y'\ndownload = '1mbit'", name: "a") + "[relay]\nworkers = 2\n"
        let settings = try Settings.parse(text, file: "t")
        #expect(settings.throttles.map(\.name) == ["b", "a"])
        #expect(settings.throttles.map(\.action) == [.backup, .shape])
        #expect(settings.relay.workers == 2)
        let inline = try Settings.parse(minimal + "throttle = [{ name = 'c', action = 'backup' }]", file: "t")
        #expect(inline.throttles.map(\.name) == ["c"])
        #expect(try Settings.parse(minimal + "throttle = []", file: "t").throttles == [])
    }

    @Test(arguments: ["a", "9", "relieve-wired", "A.b_c-d", String(repeating: "x", count: 32)])
    func names(name: String) throws {
        let text = minimal + rule("action = 'backup'", name: name)
        #expect(try Settings.parse(text, file: "t").throttles.map(\.name) == [name])
    }

    @Test(
        arguments: [
            ("00:00-24:00", 0, 1440), ("22:00-06:00", 1320, 360), ("22:00-24:00", 1320, 1440),
            ("22:00-00:00", 1320, 1440),
            ("23:59-00:01", 1439, 1), ("08:05-08:06", 485, 486),
        ] as [(String, Int, Int)])
    func hours(text: String, start: Int, end: Int) throws {
        let hours = try throttle("upload = '1mbit'\nhours = ['\(text)']").hours
        #expect(hours.map(\.start) == [start])
        #expect(hours.map(\.end) == [end])
        #expect(hours.map(\.description) == [text.replacing("-00:00", with: "-24:00")])
    }

    @Test func impossibleTimes() {
        for (start, end) in [(0, 0), (-1, 5), (1440, 5), (5, 1441), (7, 7)] {
            #expect(TimeOfDayRange(start: start, end: end) == nil)
        }
    }
}
