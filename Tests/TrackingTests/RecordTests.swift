import HandOver
import PacketForge
import Testing
import Wire

@testable import Tracking

/// A tracker whose connections go over to another one.
@Suite struct TrackerRecordTests {
    private func written(_ tracker: borrowing Tracker) -> [UInt8] {
        var writer = RecordWriter()
        tracker.write(to: &writer)
        return writer.bytes
    }

    /// Whatever traffic has made of it: what was written is what would be written again.
    @Test(arguments: 0..<8 as Range<UInt64>) func allComesBack(seed: UInt64) throws {
        var generator = SplitMix64(seed: 0x4ec0 + seed)
        let scene = Scene(TrafficScript.limits)
        var connections = 0
        for _ in 0..<12 {
            var script = TrafficScript(generator.bytes(300...900), scene)
            script.play { _ in }
            let before = written(scene.tracker)
            var other = Tracker(TrafficScript.limits)
            var reader = RecordReader(before)
            let ids = try other.adopt(from: &reader)
            try reader.finish()
            let (after, broken) = (written(other), other.brokenInvariants())
            let all = scene.tracker.chunk(from: 0, limit: scene.tracker.count + 1024).connections
            // What is over is over.
            let count = all.count { Tracker.kind($0) != .over }
            #expect(after == before && broken == [] && ids.count == count)
            connections += ids.count
        }
        #expect(connections > 20)
    }

    /// It goes on as if nothing had been.
    @Test(arguments: Family.allCases) func aConnectionGoesOn(_ family: Family) throws {
        let conversation = Conversation.established(Secrets(), family)
        conversation.data(.client)
        var reader = RecordReader(written(conversation.scene.tracker))
        var other = Tracker()
        let ids = try other.adopt(from: &reader)
        let id = try #require(ids.first)
        let isConverted = other.isConverted(conversation.connection.token!, at: family.server.address)
        #expect(isConverted)
        swap(&other, &conversation.scene.tracker)
        conversation.data(.client)
        conversation.line.send(.client, .rst)
        let state = conversation.scene.tracker[id]?.subflows.first?.state
        #expect(state == .closed(.reset(by: .client)))
    }

    @Test func whatIsCutShortIsRefused() {
        let conversation = Conversation.established()
        conversation.data(.client)
        let bytes = written(conversation.scene.tracker)
        for length in bytes.indices {
            #expect(throws: RecordError.self) {
                var reader = RecordReader(Array(bytes[..<length]))
                var other = Tracker()
                _ = try other.adopt(from: &reader)
            }
        }
    }

    /// Where there is less room, what has been idle for longest stays behind.
    @Test func aSmallerTrackerTakesTheLatest() throws {
        let scene = Scene()
        for number in 0..<20 {
            scene.now += 1000
            Conversation.established(
                Secrets(UInt64(number) << 8 | 1, UInt64(number) << 8 | 2), in: scene,
                client: .init(address: .init(v4: 0x0a01_0000 + UInt32(number)), port: 40000)
            ).data(.client)
        }
        var reader = RecordReader(written(scene.tracker))
        var other = Tracker(.init(connections: 8))
        _ = try other.adopt(from: &reader)
        let (count, broken) = (other.count, other.brokenInvariants())
        #expect(count == 6 && broken == [])
        let latest = (14..<20).map { IPAddress(v4: 0x0a01_0000 + UInt32($0)) }
        let left = other.chunk(from: 0, limit: 100).connections.map(\.tuple.client.address)
        #expect(Set(left) == Set(latest))
    }
}
