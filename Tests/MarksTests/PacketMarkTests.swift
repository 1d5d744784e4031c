import Marks
import Testing

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
