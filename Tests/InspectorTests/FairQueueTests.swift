import PacketForge
import Testing
import Wire

@testable import Inspector

/// Who waits in a data queue, and for how long.
@Suite struct FairQueueTests {
    private let small = 100
    private let large = 64 << 10

    @Test func whoSendsLittleWaitsForNobody() {
        let queue = Waiting(capacity: 1024)
        for id in 0..<200 { _ = queue.passes(UInt32(id), flow: UInt64(id % 20), .incoming, length: large) }
        #expect(queue.count == 200)
        for id in 200..<203 {
            #expect(queue.passes(UInt32(id), flow: 77, .incoming, length: small))
            #expect(queue.passes(UInt32(id), flow: 78, .outgoing, length: small))
        }
        #expect(!queue.passes(203, flow: 77, .incoming, length: small), "a fourth is more than a turn's credit")
    }

    @Test func creditComesAnewWithATurn() {
        let queue = Waiting(capacity: 16)
        for turn in 0..<10 {
            for id in 0..<3 { #expect(queue.passes(UInt32(turn * 3 + id), flow: 1, .outgoing, length: small)) }
            #expect(queue.endTurn() == [])
        }
    }

    /// Also when it sends little by now, and has credit.
    @Test func nothingPassesWhatWaitsOfItsFlow() {
        let queue = Waiting(capacity: 16)
        #expect(!queue.passes(1, flow: 1, .incoming, length: large))
        #expect(!queue.passes(2, flow: 1, .incoming, length: large))
        #expect(!queue.passes(3, flow: 1, .incoming, length: small))
        #expect(queue.endTurn() == [1])
        #expect(!queue.passes(4, flow: 1, .incoming, length: small))
        #expect(queue.endTurn() == [2])
        #expect(queue.endTurn() == [3, 4])
        #expect(queue.passes(5, flow: 1, .incoming, length: small))
    }

    /// A relay is brought no more of a subflow than a packet of the largest, however much of the turn is left.
    @Test func whatComesInIsServedOnceInATurn() {
        let queue = Waiting(capacity: 64)
        for id in 0..<4 { _ = queue.passes(UInt32(id), flow: 1, .incoming, length: large) }
        for id in 10..<14 { _ = queue.passes(UInt32(id), flow: 2, .outgoing, length: large) }
        #expect(queue.endTurn() == [0, 10, 11, 12])
        #expect(queue.endTurn() == [1, 13])
    }

    @Test func bothDirectionsHaveAHalfOfATurn() {
        let queue = Waiting(capacity: 1024)
        for id in 0..<400 {
            let direction: FairQueue.Direction = id < 200 ? .incoming : .outgoing
            _ = queue.passes(UInt32(id), flow: UInt64(id % 20 + (id < 200 ? 0 : 100)), direction, length: large)
        }
        var served: Set<UInt32> = []
        for _ in 0..<10 {
            let ids = queue.endTurn()
            #expect(ids.contains { $0 < 200 } && ids.contains { $0 >= 200 })
            #expect(
                ids.count * (large + FairQueue.packetCost) <= FairQueue.turnCost + 2 * (large + FairQueue.packetCost))
            served.formUnion(ids)
        }
        // Two packets of each direction in a turn, each of another flow.
        #expect(served == Set(0..<20).union(200..<220))
    }

    /// Thirty busy ones and a hundred others: none of these shares a place with one of those.
    @Test func fewFlowsShareAPlace() {
        let queue = Waiting(capacity: 1024)
        for id in 0..<300 { _ = queue.passes(UInt32(id), flow: hash(port: id % 30), .incoming, length: large) }
        for port in 100..<200 {
            #expect(queue.passes(UInt32(port + 1000), flow: hash(port: port), .incoming, length: small))
        }
    }

    /// More than there are places for: those without one go at once, and the others keep their order.
    @Test func manyFlowsKeepTheirOrder() {
        var random = SplitMix64(seed: 1)
        let queue = Waiting(capacity: 100_000)
        var next: [UInt32] = Array(repeating: 0, count: 4000)
        var expected = next
        func leave(_ id: UInt32) {
            let flow = Int(id >> 8)
            #expect(id & 0xff == expected[flow])
            expected[flow] += 1
        }
        for _ in 0..<20_000 {
            let flow = Int.random(in: 0..<4000, using: &random)
            let id = UInt32(flow << 8) | next[flow]
            next[flow] += 1
            if queue.passes(id, flow: hash(port: flow), .outgoing, length: large) { leave(id) }
            if Int.random(in: 0..<20, using: &random) == 0 { for id in queue.endTurn() { leave(id) } }
        }
        for id in queue.releaseAll() { leave(id) }
        #expect(expected == next)
    }

    @Test func whatFindsNoRoomGoes() {
        let queue = Waiting(capacity: 2)
        #expect(!queue.passes(1, flow: 1, .incoming, length: large))
        #expect(!queue.passes(2, flow: 2, .outgoing, length: large))
        #expect(queue.passes(3, flow: 1, .incoming, length: large))
        #expect(Set(queue.releaseAll()) == [1, 2] && queue.count == 0)
    }

    /// Against what it promises: all ids come out once, those of a flow in their order, and no flow waits for ever.
    @Test(arguments: 1...20) func keepsItsPromises(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let queue = Waiting(capacity: 512)
        var next: [UInt32] = Array(repeating: 0, count: 40)
        var expected = next
        var waiting = 0
        // The flow's number above, the packet's in its flow below.
        func leave(_ id: UInt32) {
            let flow = Int(id >> 20)
            #expect(id & 0xfffff == expected[flow])
            expected[flow] = id & 0xfffff + 1
        }
        for _ in 0..<300 {
            for _ in 0..<Int.random(in: 0...40, using: &random) where waiting < 500 {
                let flow = Int.random(in: 0..<40, using: &random)
                let id = UInt32(flow << 20) | next[flow]
                next[flow] += 1
                let length = Bool.random(using: &random) ? small : Int.random(in: small...large, using: &random)
                if queue.passes(id, flow: hash(port: flow), flow % 2 == 0 ? .incoming : .outgoing, length: length) {
                    leave(id)
                } else {
                    waiting += 1
                }
            }
            for id in queue.endTurn() {
                leave(id)
                waiting -= 1
            }
            #expect(queue.count == waiting)
        }
        for _ in 0..<500 where waiting > 0 {
            for id in queue.endTurn() {
                leave(id)
                waiting -= 1
            }
        }
        #expect(waiting == 0 && expected == next)
    }

    @Test func aFlowIsOneDirection() throws {
        for (client, server) in [("10.1.0.2:40000", "10.9.0.2:"), ("[fd00::2]:40000", "[fd00:9::2]:")] {
            let up = try hash(from: client, to: server + "80")
            let down = try hash(from: server + "80", to: client)
            #expect(up == (try hash(from: client, to: server + "80")) && up != down)
            #expect(up != (try hash(from: client, to: server + "81")))
        }
    }

    private func hash(port: Int) -> UInt64 {
        (try? hash(from: "10.1.0.2:\(20000 + port)", to: "10.9.0.2:80")) ?? 0
    }

    private func hash(from source: String, to destination: String) throws -> UInt64 {
        let bytes = PacketDraft(
            source: try #require(Endpoint(source)), destination: try #require(Endpoint(destination))
        ).bytes
        return try Segment(bytes.span.bytes).flowHash(seed: 7)
    }
}

/// A fair queue that can be asked in a test's expectations.
private final class Waiting {
    private var queue: FairQueue

    init(capacity: Int) { queue = FairQueue(capacity: capacity) }

    var count: Int { queue.count }

    func passes(_ id: UInt32, flow: UInt64, _ direction: FairQueue.Direction, length: Int) -> Bool {
        queue.passes(id, flow: flow, direction, length: length)
    }

    func endTurn() -> [UInt32] {
        var ids: [UInt32] = []
        queue.endTurn { ids.append($0) }
        return ids
    }

    func releaseAll() -> [UInt32] {
        var ids: [UInt32] = []
        queue.releaseAll { ids.append($0) }
        return ids
    }
}
