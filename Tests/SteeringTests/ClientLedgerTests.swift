import Foundation
import Steering
import Testing
import Wire

@Suite("how much clients have carried") struct ClientLedgerTests {
    static let cap = VolumeCap(bytes: 1000, period: .month)
    static let today = VolumeLedgerTests.day(2026, 5, 4)

    static func client(_ text: String) -> CappedClient { CappedClient(IPAddress(text)!) }

    @Test(
        "a client is an IPv4 address, or the /64 of an IPv6 one",
        arguments: [
            ("10.1.0.2", "10.1.0.2", true, "10.1.0.2"), ("10.1.0.2", "10.1.0.3", false, "10.1.0.2"),
            ("::ffff:10.1.0.2", "10.1.0.2", true, "10.1.0.2"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:ffff::", true, "2001:db8:1:2::/64"),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false, "2001:db8:1:2::/64"), ("::1", "::2", true, "::/64"),
            ("fe80::1", "10.1.0.2", false, "fe80::/64"),
        ] as [(String, String, Bool, String)])
    func clients(one: String, other: String, isSame: Bool, text: String) {
        let client = Self.client(one)
        #expect((client == Self.client(other)) == isSame)
        #expect(client.description == text)
        #expect(CappedClient(text) == client)
    }

    @Test(
        "what is no client's text is refused",
        arguments: ["", "x", "10.1.0.2/32", "10.1.0.0/16", "2001:db8::1", "2001:db8::1/64", "2001:db8::/48", "::"])
    func refuses(text: String) { #expect(CappedClient(text) == nil) }

    @Test("each client has its own count on each path") func separates() {
        var ledger = ClientLedger()
        for (path, client, bytes) in [
            ("mobile", "10.2.0.2", 5), ("mobile", "10.2.0.3", 7), ("mobile", "10.2.0.2", 11), ("wired", "10.2.0.2", 13),
            ("mobile", "fd00::1", 100), ("mobile", "fd00::2", 200),
        ] as [(String, String, UInt64)] {
            let isCounted = ledger.add(bytes, of: Self.client(client), on: path, Self.cap, on: Self.today)
            #expect(isCounted)
        }
        let bytes = { (path: String, client: String) in
            ledger.bytes(of: Self.client(client), on: path, Self.cap, on: Self.today)
        }
        #expect(bytes("mobile", "10.2.0.2") == 16 && bytes("mobile", "10.2.0.3") == 7)
        #expect(bytes("wired", "10.2.0.2") == 13 && bytes("wired", "10.2.0.3") == 0)
        #expect(bytes("mobile", "fd00::9") == 300)
        let all = ledger.clients(on: "mobile", Self.cap, on: Self.today)
        #expect(
            Dictionary(uniqueKeysWithValues: all.map { ($0.client.description, $0.bytes) })
                == ["10.2.0.2": 16, "10.2.0.3": 7, "fd00::/64": 300])
    }

    @Test("a volume is used up by its last byte, and not by the one before", arguments: [(999, false), (1000, true)])
    func spends(bytes: UInt64, isSpent: Bool) {
        var ledger = ClientLedger()
        _ = ledger.add(bytes, of: Self.client("10.2.0.2"), on: "mobile", Self.cap, on: Self.today)
        _ = ledger.add(1, of: Self.client("10.2.0.3"), on: "mobile", Self.cap, on: Self.today)
        let spent = ledger.spent(on: "mobile", Self.cap, on: Self.today)
        #expect(spent == (isSpent ? [Self.client("10.2.0.2")] : []))
        // A larger cap begins no new period.
        let larger = VolumeCap(bytes: 2000, period: .month)
        #expect(ledger.spent(on: "mobile", larger, on: Self.today) == [])
        #expect(ledger.bytes(of: Self.client("10.2.0.2"), on: "mobile", larger, on: Self.today) == bytes)
    }

    @Test("a new period begins at 0, without any client", arguments: VolumeLedgerTests.rows)
    func begins(row: VolumeLedgerTests.Row) {
        let cap = VolumeLedgerTests.cap(row.period)
        var ledger = ClientLedger()
        let (one, other) = (Self.client("10.2.0.2"), Self.client("10.2.0.3"))
        _ = ledger.add(1000, of: one, on: "mobile", cap, on: row.first)
        #expect(ledger.spent(on: "mobile", cap, on: row.second) == (row.isSame ? [one] : []))
        _ = ledger.add(7, of: other, on: "mobile", cap, on: row.second)
        #expect(ledger.bytes(of: one, on: "mobile", cap, on: row.second) == (row.isSame ? 1000 : 0))
        #expect(ledger.clients(on: "mobile", cap, on: row.second).count == (row.isSame ? 2 : 1))
    }

    @Test("clients beyond the bound aren't counted, those within it go on") func bound() {
        var ledger = ClientLedger()
        let clients = (0...UInt32(ClientLedger.mostClients)).map { CappedClient(IPAddress(v4: 0x0a00_0000 + $0)) }
        for (place, client) in clients.enumerated() {
            let isCounted = ledger.add(1, of: client, on: "mobile", Self.cap, on: Self.today)
            #expect(isCounted == (place < ClientLedger.mostClients))
        }
        let goesOn = ledger.add(1, of: clients[0], on: "mobile", Self.cap, on: Self.today)
        let isOnAnother = ledger.add(1, of: clients.last!, on: "wired", Self.cap, on: Self.today)
        #expect(goesOn && isOnAnother)
        #expect(ledger.clients(on: "mobile", Self.cap, on: Self.today).count == ClientLedger.mostClients)
        #expect(ledger.bytes(of: clients.last!, on: "mobile", Self.cap, on: Self.today) == 0)
        // The next period has room again.
        let isNext = ledger.add(
            1, of: clients.last!, on: "mobile", Self.cap, on: VolumeLedgerTests.day(2026, 6, 1))
        #expect(isNext)
    }

    @Test("more than can be counted is the most that can be counted") func saturates() {
        var ledger = ClientLedger()
        for _ in 0..<2 {
            _ = ledger.add(.max - 5, of: Self.client("10.2.0.2"), on: "mobile", Self.cap, on: Self.today)
        }
        #expect(ledger.bytes(of: Self.client("10.2.0.2"), on: "mobile", Self.cap, on: Self.today) == .max)
    }

    @Test("paths that there are no more are forgotten") func forgets() {
        var ledger = ClientLedger()
        for path in ["wired", "mobile"] {
            _ = ledger.add(9, of: Self.client("10.2.0.2"), on: path, Self.cap, on: Self.today)
        }
        ledger.keep(["mobile"])
        #expect(ledger.clients(on: "wired", Self.cap, on: Self.today).isEmpty)
        #expect(ledger.clients(on: "mobile", Self.cap, on: Self.today).count == 1)
        ledger.keep([])
        #expect(ledger == ClientLedger())
    }

    @Test("a restart keeps the counts, beside those of paths") func restarts() throws {
        var ledger = VolumeLedger()
        ledger.add(5, to: "wired", Self.cap, on: Self.today)
        for client in ["10.2.0.2", "fd00:1:2:3::4"] {
            _ = ledger.clients.add(.max - 9, of: Self.client(client), on: "mobile", Self.cap, on: Self.today)
        }
        let read = try JSONDecoder().decode(VolumeLedger.self, from: JSONEncoder().encode(ledger))
        #expect(read == ledger)
        let bytes = read.clients.bytes(of: Self.client("fd00:1:2:3::9"), on: "mobile", Self.cap, on: Self.today)
        #expect(bytes == UInt64.max - 9)
    }

    @Test("a file from before there were clients is read") func readsOldFiles() throws {
        let text = #"{"paths": {"wired": {"period": "month 2026-5", "bytes": 7}}, "counters": {}}"#
        let ledger = try JSONDecoder().decode(VolumeLedger.self, from: Data(text.utf8))
        #expect(ledger.bytes(of: "wired", Self.cap, on: Self.today) == 7)
        #expect(ledger.clients == ClientLedger())
    }

    @Test(
        "what is wrong in a file is no ledger",
        arguments: [#"{"x": 5}"#, #"{"mobile": {"period": "a", "bytes": {"nobody": 5}}}"#, "[]"])
    func refusesFiles(text: String) {
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(ClientLedger.self, from: Data(text.utf8))
        }
    }
}
