import Steering
import Testing
import Wire

@testable import Throttling
@testable import Tracking

/// What subflows have carried, counted for their clients.
@Suite struct ClientCapsTests {
    private static let day = CalendarDay(year: 2026, month: 5, day: 4, number: 20_577)
    private static let nextMonth = CalendarDay(year: 2026, month: 6, day: 1, number: 20_605)
    private static let cap = VolumeCap(bytes: 1000, period: .month)
    private let ids = (0..<4).map { ConnectionID(slot: $0, generation: 0) }
    static let id = ConnectionID(slot: 0, generation: 0)
    private let server = Endpoint("192.0.2.1:443")!

    private struct Rig {
        var caps = ClientCaps()
        var ledger = ClientLedger()

        init(_ cap: VolumeCap = ClientCapsTests.cap) {
            caps.install([
                Path(name: "wired", selector: .interface("eth0")),
                Path(name: "mobile", selector: .interface("wwan0"), clientCap: cap),
            ])
        }

        mutating func count(_ id: ConnectionID, _ subflows: ClientCaps.Carried...) -> (
            spent: [ClientCaps.Use], full: [String]
        ) {
            caps.count(id, subflows, &ledger, on: ClientCapsTests.day)
        }

        func bytes(_ client: String) -> UInt64 {
            ledger.bytes(
                of: CappedClient(IPAddress(client)!), on: "mobile", ClientCapsTests.cap, on: ClientCapsTests.day)
        }

        func left(_ id: ConnectionID) -> UInt64? { caps.bytesLeft(of: id, ledger, on: ClientCapsTests.day) }
    }

    private func subflow(_ client: String, _ bytes: UInt64, path: String? = "mobile", port: UInt16 = 4000)
        -> ClientCaps.Carried
    {
        let end = Endpoint(address: IPAddress(client)!, port: port)
        return ClientCaps.Carried(tuple: FourTuple(client: end, server: server), path: path, bytes: bytes)
    }

    private func use(_ client: String) -> ClientCaps.Use {
        ClientCaps.Use(path: "mobile", client: CappedClient(IPAddress(client)!))
    }

    /// Another daemon goes on: what a subflow was counted for isn't counted again.
    @Test func whatAnotherDaemonHasCountedIsNotCountedAgain() {
        var rig = Rig()
        _ = rig.count(ids[0], subflow("10.2.0.2", 250), subflow("fd00::1", 70, port: 4001))
        var next = Rig()
        next.ledger = rig.ledger
        next.caps.goOn(from: rig.caps.counted)
        _ = next.count(ids[1], subflow("10.2.0.2", 260))
        _ = next.count(ids[2], subflow("fd00::1", 70, port: 4001), subflow("fd00::1", 5, port: 4002))
        #expect(next.bytes("10.2.0.2") == 260 && next.bytes("fd00::2") == 75)
        // Once only: a later subflow with the same ports is another one.
        next.caps.forget(ids[1])
        _ = next.count(ids[3], subflow("10.2.0.2", 20))
        #expect(next.bytes("10.2.0.2") == 280)
    }

    @Test func eachByteCountsOnce() {
        var rig = Rig()
        for bytes in [0, 100, 100, 250] as [UInt64] { _ = rig.count(ids[0], subflow("10.2.0.2", bytes)) }
        #expect(rig.bytes("10.2.0.2") == 250)
        // Other ports, other bytes.
        _ = rig.count(ids[0], subflow("10.2.0.2", 250), subflow("10.2.0.2", 30, port: 4001))
        _ = rig.count(ids[1], subflow("10.2.0.2", 7, port: 4002), subflow("fd00::1", 5))
        #expect(rig.bytes("10.2.0.2") == 287 && rig.bytes("fd00::2") == 5)
    }

    @Test func onlyPathsWithACapCount() {
        var rig = Rig()
        let outcome = rig.count(ids[0], subflow("10.1.0.2", 5000, path: "wired"), subflow("10.2.0.2", 5000, path: nil))
        #expect(outcome.spent == [] && rig.ledger == ClientLedger())
        #expect(rig.caps.connections == [] && rig.left(ids[0]) == nil)
    }

    /// The ports are another subflow's, which begins at 0.
    @Test func aCountThatFallsBeginsAnew() {
        var rig = Rig()
        _ = rig.count(ids[0], subflow("10.2.0.2", 200))
        _ = rig.count(ids[0], subflow("10.2.0.2", 30))
        #expect(rig.bytes("10.2.0.2") == 230)
    }

    @Test func theClientThatHasUsedUpItsVolumeIsToldOnce() {
        var rig = Rig()
        let outcome1 = rig.count(ids[0], subflow("10.2.0.2", 999))
        #expect(outcome1.spent == [])
        #expect(rig.caps.spentPaths(of: ids[0]) == [])
        let outcome2 = rig.count(ids[1], subflow("10.2.0.2", 1, port: 4001))
        #expect(outcome2.spent == [use("10.2.0.2")])
        let outcome3 = rig.count(ids[1], subflow("10.2.0.2", 9, port: 4001))
        #expect(outcome3.spent == [])
        _ = rig.count(ids[2], subflow("10.2.0.3", 5))
        // All connections of the client, and no other's.
        #expect(ids.prefix(3).map { rig.caps.spentPaths(of: $0) } == [["mobile"], ["mobile"], []])
        #expect(rig.caps.connections(of: [use("10.2.0.2")]) == [ids[0], ids[1]])
        #expect(rig.caps.spentConnections(on: ["mobile", "wired"]) == [ids[0], ids[1]])
        #expect(rig.caps.spentConnections(on: ["wired"]) == [])
    }

    /// One that opens a connection later, also after a restart.
    @Test func aVolumeStaysUsedUp() {
        var rig = Rig()
        _ = rig.count(ids[0], subflow("fd00::1", 1000))
        rig.caps.forget(ids[0])
        #expect(rig.caps.connections == [])
        _ = rig.count(ids[1], subflow("fd00::2", 0))
        #expect(rig.caps.spentPaths(of: ids[1]) == ["mobile"])
        var next = Rig()
        next.ledger = rig.ledger
        next.caps.refresh(next.ledger, on: Self.day)
        _ = next.count(ids[2], subflow("fd00::3", 0))
        #expect(next.caps.spentPaths(of: ids[2]) == ["mobile"])
    }

    @Test func aNewPeriodAndAnotherCapGiveItBack() {
        var rig = Rig()
        _ = rig.count(ids[0], subflow("10.2.0.2", 1500))
        let changed7 = rig.caps.refresh(rig.ledger, on: Self.day)
        #expect(changed7 == [])
        rig.caps.install([
            Path(name: "mobile", selector: .interface("wwan0"), clientCap: VolumeCap(bytes: 2000, period: .month))
        ])
        let changed8 = rig.caps.refresh(rig.ledger, on: Self.day)
        #expect(changed8 == [use("10.2.0.2")])
        #expect(rig.caps.spentPaths(of: ids[0]) == [])
        _ = rig.count(ids[0], subflow("10.2.0.2", 2000))
        #expect(rig.caps.spentPaths(of: ids[0]) == ["mobile"])
        let changed9 = rig.caps.refresh(rig.ledger, on: Self.nextMonth)
        #expect(changed9 == [use("10.2.0.2")])
        #expect(rig.caps.spentPaths(of: ids[0]) == [])
    }

    /// So that connections that use up a volume together don't get far beyond it.
    @Test func aConnectionIsLookedAtAgainBeforeItsPartIsUsedUp() {
        var rig = Rig()
        _ = rig.count(ids[0], subflow("10.2.0.2", 0))
        #expect(rig.left(ids[0]) == 1000)
        _ = rig.count(ids[1], subflow("10.2.0.2", 600, port: 4001))
        #expect(rig.left(ids[0]) == 200 && rig.left(ids[1]) == 200)
        _ = rig.count(ids[1], subflow("10.2.0.2", 999, port: 4001))
        // Half a percent of the cap, by two.
        #expect(rig.left(ids[0]) == 2)
        _ = rig.count(ids[1], subflow("10.2.0.2", 1000, port: 4001))
        #expect(rig.left(ids[0]) == nil)
    }

    @Test func whatThereIsNoRoomForIsCountedAndToldOnce() {
        var rig = Rig()
        for number in 0..<UInt32(ClientLedger.mostClients) {
            let client = CappedClient(IPAddress(v4: 0x0a80_0000 + number))
            _ = rig.ledger.add(1, of: client, on: "mobile", Self.cap, on: Self.day)
        }
        let outcome4 = rig.count(ids[0], subflow("10.2.0.2", 600))
        #expect(outcome4.full == ["mobile"])
        let outcome5 = rig.count(ids[0], subflow("10.2.0.2", 700))
        #expect(outcome5.full == [])
        let outcome6 = rig.count(ids[1], subflow("10.2.0.3", 5000))
        #expect(outcome6.full == [])
        #expect(rig.caps.uncounted == ["mobile": 5700])
        #expect(rig.caps.spentPaths(of: ids[1]) == [])
    }

    @Test func theLargestAreListedThoseBeyondTheCapInAnyCase() {
        let clients = (0..<400).map { number in
            (client: CappedClient(IPAddress(v4: 0x0a00_0000 + UInt32(number))), bytes: UInt64(number))
        }
        let few = PathStatus.Clients(all: clients, cap: VolumeCap(bytes: 397, period: .day), uncounted: 5)
        #expect(few.count == 400 && few.spent == 3 && few.uncounted == 5)
        #expect(few.largest.map(\.bytes) == (380..<400).reversed())
        #expect(few.largest.map(\.isSpent) == (0..<20).map { $0 < 3 })
        let many = PathStatus.Clients(all: clients, cap: VolumeCap(bytes: 1, period: .day), uncounted: 0)
        #expect(many.spent == 399 && many.largest.count == 256)
        #expect(PathStatus.Clients(all: [], cap: Self.cap, uncounted: 0).largest.isEmpty)
    }
}
