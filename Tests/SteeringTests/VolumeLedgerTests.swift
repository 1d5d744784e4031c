import Foundation
import Steering
import Testing

@Suite("how much paths have carried") struct VolumeLedgerTests {
    static func day(_ year: Int, _ month: Int, _ day: Int) -> CalendarDay {
        // Days from civil, Howard Hinnant.
        let y = month <= 2 ? year - 1 : year
        let era = y / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return CalendarDay(year: year, month: month, day: day, number: era * 146_097 + dayOfEra - 719_468)
    }

    static func cap(_ period: VolumeCap.Period) -> VolumeCap { VolumeCap(bytes: 1000, period: period) }

    struct Row: Sendable, CustomTestStringConvertible {
        var period: VolumeCap.Period
        var first: CalendarDay
        var second: CalendarDay
        var isSame: Bool

        init(_ period: VolumeCap.Period, _ first: CalendarDay, _ second: CalendarDay, isSame: Bool) {
            (self.period, self.first, self.second, self.isSame) = (period, first, second, isSame)
        }

        var testDescription: String {
            let days = [first, second].map { "\($0.year)-\($0.month)-\($0.day)" }.joined(separator: " and ")
            return "\(days) are \(isSame ? "in one" : "not in one") \(period.rawValue)"
        }
    }

    static let rows = [
        Row(.day, day(2026, 5, 4), day(2026, 5, 4), isSame: true),
        Row(.day, day(2026, 5, 4), day(2026, 5, 5), isSame: false),
        Row(.day, day(2026, 12, 31), day(2027, 1, 1), isSame: false),
        // 4 May 2026 is a Monday.
        Row(.week, day(2026, 5, 4), day(2026, 5, 10), isSame: true),
        Row(.week, day(2026, 5, 3), day(2026, 5, 4), isSame: false),
        Row(.week, day(2026, 5, 10), day(2026, 5, 11), isSame: false),
        Row(.week, day(2026, 5, 4), day(2026, 5, 11), isSame: false),
        // 29 December 2025 is one, too.
        Row(.week, day(2025, 12, 29), day(2026, 1, 4), isSame: true),
        Row(.week, day(2025, 12, 28), day(2025, 12, 29), isSame: false),
        Row(.week, day(2024, 2, 26), day(2024, 3, 3), isSame: true),
        Row(.week, day(1970, 1, 1), day(1970, 1, 4), isSame: true),
        Row(.week, day(1970, 1, 4), day(1970, 1, 5), isSame: false),
        Row(.month, day(2026, 5, 1), day(2026, 5, 31), isSame: true),
        Row(.month, day(2026, 5, 31), day(2026, 6, 1), isSame: false),
        Row(.month, day(2025, 5, 7), day(2026, 5, 7), isSame: false),
        Row(.month, day(2024, 2, 1), day(2024, 2, 29), isSame: true),
        Row(.month, day(2026, 1, 12), day(2026, 11, 2), isSame: false),
    ]

    @Test("bytes count for their period, and a new one begins at 0", arguments: rows) func begins(row: Row) {
        let cap = Self.cap(row.period)
        var ledger = VolumeLedger()
        ledger.add(100, to: "wired", cap, on: row.first)
        #expect(ledger.bytes(of: "wired", cap, on: row.first) == 100)
        #expect(ledger.bytes(of: "wired", cap, on: row.second) == (row.isSame ? 100 : 0))
        ledger.add(7, to: "wired", cap, on: row.second)
        #expect(ledger.bytes(of: "wired", cap, on: row.second) == (row.isSame ? 107 : 7))
    }

    @Test("the number of a day is what the rows take it for") func hasNumbers() {
        #expect(Self.day(1970, 1, 1).number == 0)
        #expect(Self.day(2000, 3, 1).number == 11_017)
        #expect(Self.day(2026, 5, 4).number == 20_577)
    }

    @Test("nothing has been carried by a path that isn't there") func knowsNothing() {
        #expect(VolumeLedger().bytes(of: "wired", Self.cap(.day), on: Self.day(2026, 5, 4)) == 0)
    }

    @Test("each path has its own count") func separates() {
        let (cap, day) = (Self.cap(.month), Self.day(2026, 5, 4))
        var ledger = VolumeLedger()
        for (path, bytes) in [("wired", 5), ("mobile", 7), ("wired", 11)] as [(String, UInt64)] {
            ledger.add(bytes, to: path, cap, on: day)
        }
        #expect(ledger.bytes(of: "wired", cap, on: day) == 16)
        #expect(ledger.bytes(of: "mobile", cap, on: day) == 7)
    }

    @Test("a restart keeps the counts", arguments: VolumeCap.Period.allCases) func restarts(period: VolumeCap.Period)
        throws
    {
        let (cap, day) = (Self.cap(period), Self.day(2026, 5, 5))
        var ledger = VolumeLedger()
        ledger.add(UInt64.max / 2, to: "wired", cap, on: day)
        ledger.add(1, to: "Mobilfunk \"ö\"", cap, on: day)
        var read = try JSONDecoder().decode(VolumeLedger.self, from: JSONEncoder().encode(ledger))
        #expect(read == ledger)
        read.add(1, to: "wired", cap, on: day)
        #expect(read.bytes(of: "wired", cap, on: day) == UInt64.max / 2 + 1)
        #expect(read.bytes(of: "wired", cap, on: Self.day(2026, 6, 5)) == 0)
    }

    @Test("an empty ledger can be kept, too") func keepsEmpty() throws {
        let read = try JSONDecoder().decode(VolumeLedger.self, from: JSONEncoder().encode(VolumeLedger()))
        #expect(read == VolumeLedger())
    }

    @Test("a cap of another period begins at 0") func changesPeriod() {
        let day = Self.day(2026, 5, 4)
        for old in VolumeCap.Period.allCases {
            for new in VolumeCap.Period.allCases where new != old {
                var ledger = VolumeLedger()
                ledger.add(100, to: "wired", Self.cap(old), on: day)
                #expect(ledger.bytes(of: "wired", Self.cap(new), on: day) == 0)
                ledger.add(3, to: "wired", Self.cap(new), on: day)
                #expect(ledger.bytes(of: "wired", Self.cap(new), on: day) == 3)
            }
        }
    }

    @Test("a cap of other bytes goes on counting") func changesBytes() {
        let day = Self.day(2026, 5, 4)
        var ledger = VolumeLedger()
        ledger.add(100, to: "wired", VolumeCap(bytes: 50, period: .week), on: day)
        #expect(ledger.bytes(of: "wired", VolumeCap(bytes: 500, period: .week), on: day) == 100)
    }

    @Test("paths that there are no more are forgotten") func forgets() {
        let (cap, day) = (Self.cap(.month), Self.day(2026, 5, 4))
        var ledger = VolumeLedger()
        for path in ["wired", "mobile", "radio"] { ledger.add(9, to: path, cap, on: day) }
        ledger.keep(["mobile", "new"])
        #expect(["wired", "mobile", "radio", "new"].map { ledger.bytes(of: $0, cap, on: day) } == [0, 9, 0, 0])
        ledger.keep([])
        #expect(ledger == VolumeLedger())
    }

    @Test("more than can be counted is the most that can be counted, and not little") func saturates() {
        let (cap, day) = (Self.cap(.month), Self.day(2026, 5, 4))
        var ledger = VolumeLedger()
        for bytes in [UInt64.max - 5, 10, 10] { ledger.add(bytes, to: "wired", cap, on: day) }
        #expect(ledger.bytes(of: "wired", cap, on: day) == .max)
    }

    @Test("a counter adds what it has grown by, also over a restart") func countersGoOn() throws {
        let (cap, today) = (Self.cap(.month), Self.day(2026, 5, 4))
        var ledger = VolumeLedger()
        ledger.note(counter: 5000, from: "eth0", of: "wired", cap, on: today)
        #expect(ledger.bytes(of: "wired", cap, on: today) == 0)
        ledger.note(counter: 5300, from: "eth0", of: "wired", cap, on: today)
        ledger = try JSONDecoder().decode(VolumeLedger.self, from: JSONEncoder().encode(ledger))
        ledger.note(counter: 5400, from: "eth0", of: "wired", cap, on: today)
        #expect(ledger.bytes(of: "wired", cap, on: today) == 400)
    }

    @Test("a counter that begins anew adds nothing, and neither does another one") func countersBeginAnew() {
        let (cap, today) = (Self.cap(.month), Self.day(2026, 5, 4))
        var ledger = VolumeLedger()
        ledger.note(counter: 5000, from: "eth0", of: "wired", cap, on: today)
        ledger.note(counter: 10, from: "eth0", of: "wired", cap, on: today)
        ledger.note(counter: 9000, from: "eth1", of: "wired", cap, on: today)
        #expect(ledger.bytes(of: "wired", cap, on: today) == 0)
        ledger.note(counter: 9001, from: "eth1", of: "wired", cap, on: today)
        #expect(ledger.bytes(of: "wired", cap, on: today) == 1)
    }
}
