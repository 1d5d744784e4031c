import Policy
import Testing
import Wire

@Suite struct PacketMarkTests {
    @Test(arguments: [0x0fff_0000 as UInt32, 0xfff, 0xfff0_0000])
    func rolesStayInsideTheMask(mask: UInt32) throws {
        let mark = try #require(PacketMark(mask: mask))
        #expect(mark.roleMask & ~mask == 0)
        var values: Set<UInt32> = []
        for role in PacketMark.Role.allCases {
            #expect(mark.value(role) & ~mark.roleMask == 0)
            #expect(mark.role(of: mark.value(role) | ~mark.roleMask) == role)
            values.insert(mark.value(role))
        }
        #expect(values.count == PacketMark.Role.allCases.count)
        let clients = PacketMark.Role.allCases.filter { mark.value($0) & mark.pairMask == mark.value(.client) }
        #expect(clients == [.client, .establishedClient])
        let upstreams = PacketMark.Role.allCases.filter { mark.value($0) & mark.pairMask == mark.value(.upstream) }
        #expect(upstreams == [.upstream, .adopted])
    }

    @Test(arguments: [0 as UInt32, 0xff, 0x1ffe_0001, 0xffff_ffff, 0xff80_0000, 0x0fff_1000])
    func otherMasksAreRefused(mask: UInt32) {
        #expect(PacketMark(mask: mask) == nil)
    }

    @Test(arguments: [0x0fff_0000 as UInt32, 0xfff, 0xfff0_0000])
    func classesHaveTheirOwnBits(mask: UInt32) throws {
        let mark = try #require(PacketMark(mask: mask))
        #expect(mark.classMask & ~mask == 0 && mark.classMask & mark.roleMask == 0)
        #expect(mark.value(class: 0) == 0 && mark.value(class: 255) == mark.classMask)
        let values = (UInt8(0)...255).map { mark.value(class: $0) }
        #expect(Set(values).count == 256 && values.allSatisfy { $0 & ~mark.classMask == 0 })
        // As the CLASSIFY rules and tc have it.
        #expect(PacketMark.standard.value(class: 0x2a) == 0x002a_0000)
    }

    @Test func aRoleIsReadBesideAClass() {
        let mark = PacketMark.standard
        let both = mark.setting(.establishedClient, in: mark.value(class: 7))
        #expect(mark.role(of: both) == .establishedClient && both & mark.classMask == mark.value(class: 7))
        #expect(mark.cleared(both) == 0)
    }

    @Test func otherSoftwaresBitsAreKept() {
        let mark = PacketMark.standard
        for other: UInt32 in [0, 0xf000_ffff, 0xffff_ffff, 0x1234_5678] {
            #expect(mark.setting(.upstream, in: other) & ~mark.roleMask == other & ~mark.roleMask)
            #expect(mark.role(of: mark.setting(.upstream, in: other)) == .upstream)
            #expect(mark.role(of: mark.setting(nil, in: other)) == nil)
            #expect(mark.cleared(other) & ~mark.mask == other & ~mark.mask)
            #expect(mark.cleared(other) & mark.mask == 0)
        }
    }
}

@Suite struct ConversionPolicyTests {
    private let tuple = FourTuple(client: Endpoint("10.1.0.2:43210")!, server: Endpoint("10.9.0.2:80")!)
    private let tuple6 = FourTuple(client: Endpoint("[fd00:1::2]:43210")!, server: Endpoint("[fd00:9::2]:80")!)

    @Test func emptyMeansAll() {
        let policy = ConversionPolicy(interfaces: ["lan0"])
        #expect(policy.covers(tuple))
        #expect(policy.covers(tuple6))
    }

    @Test(
        arguments: [([80...80], true), ([81...90], false), ([1...79, 80...80], true)] as [([ClosedRange<UInt16>], Bool)]
    )
    func ports(ports: [ClosedRange<UInt16>], expected: Bool) {
        #expect(ConversionPolicy(interfaces: [], ports: ports).covers(tuple) == expected)
        #expect(ConversionPolicy(interfaces: [], ports: ports).covers(tuple6) == expected)
    }

    @Test func prefixesOfOneFamilyCoverOnlyThat() {
        let clients = ConversionPolicy(interfaces: [], clients: [IPPrefix("10.1.0.0/16")!])
        #expect(clients.covers(tuple))
        #expect(!clients.covers(tuple6))
        let servers = ConversionPolicy(interfaces: [], servers: [IPPrefix("fd00:9::/64")!])
        #expect(!servers.covers(tuple))
        #expect(servers.covers(tuple6))
    }
}

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
