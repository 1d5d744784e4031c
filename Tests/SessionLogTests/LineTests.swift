import Foundation
import Testing
import Wire

@testable import SessionLog

/// Records as lines and as journald's fields.
@Suite struct LineTests {
    private func line(_ record: SessionRecord) -> String {
        var line = SessionLine()
        line.append(record, Samples.names)
        return String(decoding: line.bytes, as: UTF8.self)
    }

    @Test func starts() {
        #expect(
            line(Samples.start4) == """
                {"time":"2026-11-30T07:00:00.123456Z","event":"start","session":7,"client":"10.1.0.2:50630",\
                "server":"10.9.0.2:80","upstream":"10.1.0.2:14022","token":"0x31b268da","interface":"lan1"}

                """)
        #expect(
            line(Samples.start6) == """
                {"time":"2026-11-30T07:00:00.123456Z","event":"start","session":8,"client":"[2001:db8::2]:50631",\
                "server":"[2001:db8:9::2]:443","upstream":"[2001:db8::2]:14023","token":null,"interface":null}

                """)
    }

    @Test func ends() {
        let subflows = [
            SessionRecord.Subflow(
                client: Endpoint("[2001:db8::2]:50631")!, server: Endpoint("[2001:db8:9::2]:443")!, interface: 1,
                bytesToClient: 19, bytesToServer: 75),
            SessionRecord.Subflow(
                client: Endpoint("10.2.0.2:60751")!, server: Endpoint("10.9.0.2:443")!, interface: 0, bytesToClient: 6,
                bytesToServer: 0),
        ]
        #expect(
            line(Samples.end(Samples.start6, .serverReset, subflows: subflows)) == """
                {"time":"2026-11-30T07:00:02.123456Z","event":"end","session":8,"start":"2026-11-30T07:00:00.123456Z",\
                "client":"[2001:db8::2]:50631","server":"[2001:db8:9::2]:443","upstream":"[2001:db8::2]:14023",\
                "token":null,"interface":null,"reason":"server reset","bytes_to_client":30000000,"bytes_to_server":75,\
                "subflows":[{"client":"[2001:db8::2]:50631","server":"[2001:db8:9::2]:443","interface":"lan1",\
                "bytes_to_client":19,"bytes_to_server":75},{"client":"10.2.0.2:60751","server":"10.9.0.2:443",\
                "interface":null,"bytes_to_client":6,"bytes_to_server":0}]}

                """)
    }

    @Test func marks() {
        var line = SessionLine()
        line.append(.daemonStarted, at: Samples.time, version: "1.2.3")
        #expect(
            String(decoding: line.bytes, as: UTF8.self) == """
                {"time":"2026-11-30T07:00:00.123456Z","event":"daemon start","version":"1.2.3"}

                """)
    }

    /// Whatever an interface is called, the line is JSON, and says that name.
    @Test func namesAreEscaped() throws {
        var record = Samples.start4
        record.interface = 9
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(line(record).utf8)) as? [String: Any])
        #expect(object["interface"] as? String == Samples.names(9))
    }

    @Test(arguments: SessionEnd.allCases)
    func eachReasonIsSaid(_ reason: SessionEnd) throws {
        let text = line(Samples.end(Samples.start4, reason))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["reason"] as? String == reason.rawValue)
        #expect((1...5).contains(reason.flowEndReason))
    }

    @Test func journalFields() {
        let start = String(decoding: JournalEntry(Samples.start4, Samples.names).bytes, as: UTF8.self)
        #expect(
            start == """
                MESSAGE=session 7: 10.1.0.2:50630 > 10.9.0.2:80, which sees port 14022
                PRIORITY=6
                SYSLOG_IDENTIFIER=sluice
                MESSAGE_ID=be4f43c8434140b593f63343967dba72
                SESSION=7
                STARTED=2026-11-30T07:00:00.123456Z
                CLIENT=10.1.0.2:50630
                SERVER=10.9.0.2:80
                UPSTREAM=10.1.0.2:14022
                TOKEN=0x31b268da
                INTERFACE=lan1

                """)
        let end = String(decoding: JournalEntry(Samples.end(Samples.start6), Samples.names).bytes, as: UTF8.self)
        for field in [
            "MESSAGE_ID=e8022cb354304863804e0bfc4739c69c", "CLIENT=[2001:db8::2]:50631", "REASON=closed",
            "ENDED=2026-11-30T07:00:02.123456Z", "BYTES_TO_CLIENT=30000000", "BYTES_TO_SERVER=75",
        ] { #expect(end.split(separator: "\n").contains(Substring(field)), "\(field)") }
        #expect(!end.contains("TOKEN=") && !end.contains("INTERFACE="))
        #expect(end.contains("\nSUBFLOWS=[{\"client\":\"[2001:db8::2]:50631\""))
        // Each line is a field of a name that journald takes.
        for line in end.split(separator: "\n") { #expect(line.firstMatch(of: /^[A-Z][A-Z_]*=/) != nil, "\(line)") }
    }

    @Test(
        arguments: [
            ("2026-11-30T07:00:00.123456Z", 1_796_022_000_123_456_000),
            ("2026-11-30t07:00:00z", 1_796_022_000_000_000_000),
            ("2026-11-30 08:00:00+01:00", 1_796_022_000_000_000_000),
            ("2026-11-30T01:30:00-05:30", 1_796_022_000_000_000_000),
            ("1796022000", 1_796_022_000_000_000_000), ("1796022000.5", 1_796_022_000_500_000_000),
            ("1796022000.1234567891", 1_796_022_000_123_456_789), ("1970-01-01T00:00:00Z", 0),
            ("2028-02-29T00:00:00Z", 1_835_395_200_000_000_000), ("2027-02-29T00:00:00Z", nil),
            ("2026-11-31T00:00:00Z", nil),
            ("2026-11-30T07:00:00", nil), ("2026-11-30", nil), ("2026-13-01T00:00:00Z", nil),
            ("2026-11-30T24:00:00Z", nil),
            ("2026-11-30T07:60:00Z", nil), ("2026-11-30T07:00:00+25:00", nil), ("yesterday", nil), ("", nil),
            ("-5", nil),
            ("99999999999", nil),
        ] as [(String, Int64?)])
    func times(_ text: String, _ time: Int64?) { #expect(LogTime.parse(text) == time) }

    @Test func timesAreReadAsTheyAreWritten() {
        for time in [0, Samples.time, 4_102_444_799_999_999_000] as [Int64] {
            #expect(LogTime.parse(LogTime.text(time)) == time / 1000 * 1000)
        }
    }
}
