import LinuxSystem
import PacketForge
import Testing
import Wire

@testable import Converter

@Suite struct SessionTableTests {
    private func tuple(_ number: Int) -> FourTuple {
        FourTuple(
            client: Endpoint(address: IPAddress("10.1.0.2")!, port: UInt16(number)),
            server: Endpoint("10.9.0.2:80")!)
    }

    /// Random sessions come and go, some with the same 4-tuple; each that is there is found, and no other.
    @Test func whatIsThereIsFound() {
        var random = SplitMix64(seed: 6)
        var table = SessionTable()
        var sessions: [Session] = []
        for step in 0..<20_000 {
            // Grows for a while, then shrinks to nothing, again and again.
            let wanted = (step / 2000) % 2 == 0 ? 3 : 1
            if Int(random.next() % 4) < wanted {
                let number = Int(random.next() % 700)
                let now = MonotonicTime(nanoseconds: UInt64(step))
                sessions.append(table.insert(tuple(number), phase: .awaitingClient, now: now))
            } else if !sessions.isEmpty {
                table.remove(sessions.remove(at: Int(random.next() % UInt64(sessions.count))))
            }
            #expect(table.count == sessions.count)
            let asked = tuple(Int(random.next() % 700))
            let there = sessions.filter { $0.tuple == asked }
            var found: [Session] = []
            table.forEach(asked) { found.append($0) }
            #expect(Set(found.map(ObjectIdentifier.init)) == Set(there.map(ObjectIdentifier.init)))
            #expect(found.count == there.count && table.latest(asked) { _ in true } === there.last)
        }
        for session in sessions {
            #expect(table.session(slot: session.slot, generation: session.generation) === session)
            table.remove(session)
            #expect(table.latest(session.tuple) { $0 === session } == nil)
            #expect(table.session(slot: session.slot, generation: session.generation) == nil)
        }
        #expect(table.count == 0)
    }

    /// A late event of a session that is gone finds none, also when all were gone meanwhile.
    @Test func generationsTellSessionsApart() {
        var table = SessionTable()
        let old = (0..<1000).map { table.insert(tuple($0), phase: .relaying, now: .now) }
        old.forEach { table.remove($0) }
        let new = (0..<1000).map { table.insert(tuple($0), phase: .relaying, now: .now) }
        for session in old { #expect(table.session(slot: session.slot, generation: session.generation) == nil) }
        for session in new { #expect(table.session(slot: session.slot, generation: session.generation) === session) }
    }

    /// Chunk by chunk, all are there once.
    @Test func chunksHaveAll() {
        var table = SessionTable()
        let sessions = (0..<100).map { table.insert(tuple($0), phase: .relaying, now: .now) }
        for session in sessions where session.slot % 3 == 0 { table.remove(session) }
        var seen: [Int] = []
        var slot: Int? = 0
        while let from = slot {
            let (part, next) = table.chunk(from: from, limit: 32)
            seen += part.map(\.slot)
            slot = next
        }
        #expect(seen == (0..<100).filter { $0 % 3 != 0 })
        #expect(table.chunk(from: 1000, limit: 32).next == nil)
        var visited: [Int] = []
        slot = 0
        while let from = slot { slot = table.forEach(from: from, limit: 32) { visited.append($0.slot) } }
        #expect(visited == seen)
        #expect(table.forEach(from: 1000, limit: 32) { _ in Issue.record("there is none") } == nil)
    }

    @Test func eventTagsKeepWhatTheySay() {
        for slot in [0, 1, 19_999, 1 << 29 - 1] {
            for generation in [0, 1, UInt32(1) << 29 - 1] {
                for side in [Session.Side.client, .server] {
                    let tag = EventTag.session(slot: slot, generation: generation, side)
                    guard case .session(slot, generation, side) = EventTag(tag.bits) else {
                        Issue.record("\(tag)")
                        continue
                    }
                    #expect(tag.bits < 1 << 61)
                }
            }
        }
        let key = ListenerTable.Key(port: 65535, isIPv4: true)
        if case .listener(key) = EventTag(EventTag.listener(key).bits) {} else { Issue.record("a listener's tag") }
    }
}
