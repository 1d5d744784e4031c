import Testing
import Wire

@testable import Tracking

/// Connections that go on behind the death of the daemon that has followed them.
@Suite struct ResumeTests {
    private let tuple = FourTuple(
        client: Endpoint("10.1.0.2:50000")!, server: Endpoint("10.9.0.2:80")!)
    private let second = Endpoint("10.2.0.2:50001")!

    private func subflow(_ client: Endpoint, isBackup: Bool = false) -> Tracker.ResumedSubflow {
        .init(client: client, server: tuple.server, isBackup: isBackup)
    }

    @Test func itIsFollowedAsTheKernelHasIt() throws {
        var tracker = Tracker(.init(connections: 8))
        // Whatever their order.
        let resumed = tracker.resume(
            tuple, Token(7), [subflow(second, isBackup: true), subflow(tuple.client)], at: 5)
        let id = try #require(resumed)
        let found = tracker[id]
        let connection = try #require(found)
        #expect(connection.state == .established && connection.token == Token(7) && !connection.isForwarded)
        #expect(connection.subflows.map(\.endpoints.client) == [tuple.client, second])
        #expect(connection.subflows.map(\.isBackup) == [false, true])
        #expect(connection.carryingSubflows == 2)
        let (events, isConverted) = (tracker.events.count, tracker.isConverted(Token(7), at: tuple.server.address))
        #expect(events == 0 && isConverted)
        for client in [tuple.client, second] {
            let sighting = tracker.find(FourTuple(client: client, server: tuple.server))
            #expect(sighting?.connection == id)
        }
    }

    /// Its first subflow may be gone.
    @Test func oneThatHasLostItsFirstSubflow() throws {
        var tracker = Tracker(.init(connections: 8))
        let resumed = tracker.resume(tuple, Token(7), [subflow(second)], at: 5)
        let id = try #require(resumed)
        let connection = tracker[id]
        #expect(connection?.carryingSubflows == 1 && connection?.tuple == tuple)
    }

    /// Those that are there for certain push out no more than their share.
    @Test func thereAreMoreThanFit() {
        var tracker = Tracker(.init(connections: 8))
        var kept = 0
        for number in 0..<20 {
            let client = Endpoint(address: tuple.client.address, port: UInt16(1000 + number))
            let tuple = FourTuple(client: client, server: tuple.server)
            if tracker.resume(tuple, Token(UInt32(number)), [subflow(client)], at: UInt64(number)) != nil { kept += 1 }
        }
        let count = tracker.count
        #expect(kept == 20 && count <= 8)
    }
}
