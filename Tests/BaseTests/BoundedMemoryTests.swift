import Base
import Testing

@Suite struct BoundedMemoryTests {
    @Test func entriesEndWithTheirLifetime() {
        var memory = BoundedMemory<Int, String>(capacity: 10)
        memory.remember("a", for: 1, at: 100, lifetime: 50)
        #expect(memory.value(for: 1, at: 149) == "a")
        #expect(memory.value(for: 1, at: 150) == nil)
    }

    @Test func theOldestMakesRoom() {
        var memory = BoundedMemory<Int, Int>(capacity: 3)
        for key in 1...4 { memory.remember(key, for: key, at: UInt64(key), lifetime: 1000) }
        #expect(memory.count == 3)
        #expect(memory.value(for: 1, at: 5) == nil)
        #expect(memory.value(for: 2, at: 5) == 2)
    }

    @Test func writingAgainRenews() {
        var memory = BoundedMemory<Int, Int>(capacity: 2)
        memory.remember(1, for: 1, at: 0, lifetime: 1000)
        memory.remember(2, for: 2, at: 1, lifetime: 1000)
        memory.remember(10, for: 1, at: 2, lifetime: 1000)
        memory.remember(3, for: 3, at: 3, lifetime: 1000)
        #expect(memory.value(for: 1, at: 4) == 10)
        #expect(memory.value(for: 2, at: 4) == nil)
    }

    /// A value looked up by anyone is the last one written, and there are never more than the bound: against a plain
    /// dictionary with times, over many random steps.
    @Test func agreesWithAPlainDictionary() {
        var generator = SystemRandomNumberGenerator()
        var memory = BoundedMemory<Int, Int>(capacity: 50)
        var plain: [Int: (value: Int, expiry: UInt64)] = [:]
        var now: UInt64 = 0
        for step in 0..<20_000 {
            now += .random(in: 0...3, using: &generator)
            let key = Int.random(in: 0..<40, using: &generator)
            let lifetime = UInt64.random(in: 1...200, using: &generator)
            memory.remember(step, for: key, at: now, lifetime: lifetime)
            plain[key] = (step, now + lifetime)
            #expect(memory.count <= 50)
            let asked = Int.random(in: 0..<40, using: &generator)
            let expected = plain[asked].flatMap { $0.expiry > now ? $0.value : nil }
            guard memory.value(for: asked, at: now) == expected else {
                Issue.record("step \(step): \(String(describing: memory.value(for: asked, at: now))) for \(asked)")
                return
            }
        }
    }
}
