import PacketForge
import Testing
import Wire

@testable import Firewall

/// Which queue the rules have a client's SYN go to. The kernel itself runs the programs.
@Suite struct SpreadProgramTests {
    private static let ports: [UInt16] = [1, 2, 3, 1024, 32_768, 32_770, 40_001, 51_234, 65_535]

    private static func syn(_ family: AddressFamily, port: UInt16, options: Int = 0) -> [UInt8] {
        let (client, server) = family == .ipv4 ? ("10.1.0.2", "10.9.0.2") : ("[fd00::2]", "[fd09::2]")
        var draft = PacketDraft(
            source: Endpoint("\(client):\(port)")!, destination: Endpoint("\(server):443")!, flags: .syn)
        draft.ipv4Options = [UInt8](repeating: 1, count: options)
        return draft.bytes
    }

    @Test(
        "rules and daemon agree on the place of a client's port", arguments: AddressFamily.allCases,
        [1, 2, 3, 4, 5, 12, 16])
    func agrees(_ family: AddressFamily, _ count: Int) throws {
        let spread = PortSpread(count: count)
        for port in Self.ports {
            let packet = Self.syn(family, port: port)
            let places = try (0..<count).filter {
                try SpreadProgram.instructions(family, place: $0, of: spread).matches(packet)
            }
            #expect(places == [spread.place(ofClientPort: port)], "port \(port)")
        }
    }

    @Test("options of the IPv4 header are stepped over") func stepsOverOptions() throws {
        let packet = Self.syn(.ipv4, port: 40_002, options: 8)
        let places = try (0..<4).filter {
            try SpreadProgram.instructions(.ipv4, place: $0, of: PortSpread(count: 4)).matches(packet)
        }
        #expect(places == [1])
    }

    @Test("a SYN that is cut short is nobody's, so that the last rule takes it", arguments: AddressFamily.allCases)
    func isCutShort(_ family: AddressFamily) throws {
        let packet = Array(Self.syn(family, port: 40_002).prefix(family == .ipv4 ? 21 : 41))
        for place in 0..<2 {
            let program = SpreadProgram.instructions(family, place: place, of: PortSpread(count: 2))
            #expect(try !program.matches(packet))
        }
    }

    @Test("even ports, which the kernel prefers, are spread as well as others") func spreadsEvenPorts() {
        var counts = [Int](repeating: 0, count: 4)
        for port in stride(from: UInt16(32_768), to: 60_998, by: 2) {
            counts[PortSpread(count: 4).place(ofClientPort: port)] += 1
        }
        #expect(counts.allSatisfy { abs($0 - counts[0]) <= 1 })
    }
}
