import SharedTracking
import Testing
import Wire

@testable import Tracking

/// Who follows the connections of a watch.
@Suite struct FollowerTests {
    private let stage = Stage()
    private let priority = MultipathOption.priority(MPPriority(isBackup: true))
    private let noPriority = MultipathOption.priority(MPPriority(isBackup: false))

    @Test func toldFromTheRequiredSubflowsOn() throws {
        stage.follow(from: 2)
        let first = stage.open()
        stage.send(first, .client, .ack, [priority])
        let second = stage.beginJoin()
        #expect(stage.news() == [])
        stage.send(second, .client, .ack, [stage.secrets.joinACK()])
        let told = stage.news()
        #expect(told.count == 1)
        let connection = try #require(stage.watch.connection(told[0]))
        #expect(connection.carryingSubflows == 2 && connection.tuple == first.tuple)
    }

    @Test func thenOfEveryChange() {
        stage.follow(from: 2)
        let first = stage.open()
        let second = stage.join()
        let id = stage.news()[0]
        stage.send(first, .client, .ack, [priority])
        #expect(stage.news() == [id])
        _ = stage.beginJoin("10.3.0.2:40000", id: 2)
        // The SYN opens a subflow; the SYN-ACK is no event.
        #expect(stage.news() == [id])
        // Also with fewer subflows than made it be followed.
        stage.send(second, .server, .rst)
        #expect(stage.watch.connection(id)?.carryingSubflows == 1 && stage.news() == [id])
        stage.send(first, .client, .ack, [noPriority])
        #expect(stage.news() == [id])
    }

    @Test func notOfWhatChangesNothing() {
        stage.follow(from: 1)
        let first = stage.open()
        #expect(stage.news().count == 1)
        stage.data(first, length: 100)
        stage.send(first, .server, .ack, [Signal.acknowledge(stage.secrets.data(.client, 100))])
        #expect(stage.news() == [])
    }

    @Test func ofAnAlarm() {
        stage.follow(from: 1)
        let first = stage.open()
        let id = stage.news()[0]
        stage.watch.setAlarm(id, bytes: 150)
        stage.data(first, length: 100)
        #expect(stage.news() == [] && stage.watch.bytes(of: [id]) == [100])
        stage.data(first, length: 100)
        #expect(stage.news() == [id] && stage.watch.bytes(of: [id]) == [200])
        stage.data(first, length: 100)
        #expect(stage.news() == [])
    }

    @Test func untilItIsForgotten() {
        stage.follow(from: 2)
        let other = stage.open("10.1.0.3:40000", Secrets(3, 4))
        let first = stage.open()
        stage.join()
        let id = stage.news()[0]
        // Nothing is said of the other one, which it hasn't been told of.
        stage.forgetAll()
        #expect(stage.news() == [id] && stage.watch.count == 0)
        #expect(stage.watch.connection(id) == nil && stage.watch.bytes(of: [id]) == [nil])
        for line in [first, other] { stage.send(line, .client, .ack, [priority]) }
        #expect(stage.news() == [])
    }

    /// To a new connection, which is nothing to the follower yet.
    @Test func ofTheOneThatLosesItsPorts() throws {
        stage.follow(from: 2)
        let first = stage.open()
        let second = stage.join()
        let id = stage.news()[0]
        stage.open(second, Secrets(3, 4))
        #expect(stage.news() == [id])
        #expect(stage.watch.connection(id)?.carryingSubflows == 1)
        #expect(stage.watch.connection(of: second.tuple)?.tuple == second.tuple)
        #expect(stage.watch.connection(of: first.tuple)?.tuple == first.tuple)
    }

    @Test func aNewFollowerStartsAfresh() {
        stage.follow(from: 1)
        let first = stage.open()
        stage.join()
        let id = stage.news().last!
        stage.follow(from: 3)
        stage.send(first, .client, .ack, [priority])
        #expect(stage.news() == [])
        stage.join("10.3.0.2:40000", id: 2)
        #expect(stage.news() == [id])
        stage.send(first, .client, .ack, [noPriority])
        #expect(stage.news() == [id])
    }

    @Test func whatTheFormerFollowerKnewIsForgottenInSilence() {
        stage.follow(from: 1)
        _ = stage.open()
        #expect(stage.news().count == 1)
        stage.follow(from: 2)
        stage.forgetAll()
        #expect(stage.news() == [] && stage.watch.count == 0)
    }

    @Test func allForAFollowerWhoComesLater() {
        let first = stage.open("10.1.0.3:40000", Secrets(3, 4))
        let other = stage.open()
        let second = stage.join()
        stage.follow(from: 2)
        let all = stage.watch.allForFollower()
        #expect(all.map(\.1.tuple) == [other.tuple] && stage.news() == [])
        // It is told of those from now on.
        stage.send(first, .client, .ack, [priority])
        stage.send(second, .server, .rst)
        #expect(stage.news() == all.map(\.0))
        #expect(stage.watch.allForFollower().map(\.0) == all.map(\.0))
    }

    /// More than are copied at a time.
    @Test func allOfMany() {
        let stage = Stage(connections: 400)
        for number in 0..<200 { _ = stage.open("10.1.0.2:\(40000 + number)", Secrets(UInt64(number), 9)) }
        stage.follow(from: 1)
        let all = stage.watch.allForFollower()
        #expect(Set(all.map(\.0)).count == 200 && all.count == 200)
        #expect(Set(all.map(\.1.tuple.client.port)) == Set(40000..<40200))
    }

    @Test func nobodyIsToldWithoutAFollower() {
        stage.follow(from: 1)
        let first = stage.open()
        let id = stage.news()[0]
        stage.watch.follow(nil)
        stage.watch.setAlarm(id, bytes: 10)
        stage.data(first, length: 10)
        stage.join()
        #expect(stage.news() == [] && stage.watch.allForFollower().isEmpty)
        // What it was doesn't come back with the next one, unless it is asked for.
        stage.follow(from: 3)
        stage.send(first, .client, .ack, [priority])
        #expect(stage.news() == [] && stage.watch.allForFollower().isEmpty)
    }
}
