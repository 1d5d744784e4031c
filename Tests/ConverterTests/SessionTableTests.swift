import LinuxSystem
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
        var random = SplitMix(seed: 6)
        var table = SessionTable()
        var sessions: [Session] = []
        for step in 0..<20_000 {
            // Grows for a while, then shrinks to nothing, again and again.
            let wanted = (step / 2000) % 2 == 0 ? 3 : 1
            if Int(random.next() % 4) < wanted {
                let number = Int(random.next() % 700)
                sessions.append(table.insert(tuple(number), phase: .awaitingClient, now: .now))
            } else if !sessions.isEmpty {
                table.remove(sessions.remove(at: Int(random.next() % UInt64(sessions.count))))
            }
            #expect(table.count == sessions.count)
            let number = Int(random.next() % 700)
            let there = sessions.filter { $0.tuple == tuple(number) }
            let found = table.first(tuple(number)) { _ in true }
            #expect(found.map { session in there.contains { $0 === session } } ?? there.isEmpty)
            if let wanted = there.last { #expect(table.first(tuple(number)) { $0 === wanted } === wanted) }
        }
        for session in sessions {
            #expect(table.session(slot: session.slot, generation: session.generation) === session)
            table.remove(session)
            #expect(table.first(session.tuple) { $0 === session } == nil)
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

/// Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014).
private struct SplitMix {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
