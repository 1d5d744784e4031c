import PacketForge
import Testing
import Wire

@testable import Firewall

/// Which packets the rules take for bare acknowledgements. The kernel itself runs the program, as the filter of a socket.
@Suite struct AcknowledgementProgramTests {
    private static let timestamps: [UInt8] = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]
    private static let longDSS: [UInt8] = [30, 12, 0x20, 0x03, 1, 2, 3, 4, 5, 6, 7, 8]
    private static let shortDSS: [UInt8] = [30, 8, 0x20, 0x01, 1, 2, 3, 4]

    private static func sack(_ blocks: Int) -> [UInt8] {
        [1, 1, 5, UInt8(2 + 8 * blocks)] + [UInt8](repeating: 7, count: 8 * blocks)
    }

    private static let signals: [[UInt8]] = {
        let eight = [UInt8](repeating: 1, count: 8)
        let longSignal = longDSS.dropFirst(4)
        return [
            // A mapping, a DATA_FIN, ADD_ADDR, MP_PRIO, MP_FAIL, MP_FASTCLOSE, MP_CAPABLE.
            [30, 20, 0x20, 0x05] + eight + eight, [30, 12, 0x20, 0x13] + longSignal, [30, 8, 0x30, 1, 10, 1, 0, 2],
            [30, 4, 0x50, 1], [30, 12, 0x60, 0] + eight, [30, 12, 0x70, 0] + eight, [30, 12, 0x01, 1] + eight,
            // Behind a DSS, before it, and of a wrong length.
            longDSS + [30, 4, 0x50, 1], [30, 4, 0x50, 1] + longDSS, [30, 16] + longDSS.dropFirst(2),
            timestamps + [30, 4, 0x50, 1], timestamps + sack(1) + [30, 4, 0x50, 1], [254, 4, 0, 0],
        ]
    }()

    private static func draft(_ family: AddressFamily, _ options: [UInt8]) -> PacketDraft {
        let ends = family == .ipv4 ? ("10.1.0.2:40000", "10.9.0.2:80") : ("[fd00::2]:40000", "[fd09::2]:80")
        return PacketDraft(
            source: Endpoint(ends.0)!, destination: Endpoint(ends.1)!, flags: .ack, options: options)
    }

    @Test(
        "what carries nothing but an acknowledgement",
        arguments: [
            [], timestamps, shortDSS, longDSS, timestamps + shortDSS, timestamps + longDSS, sack(1), sack(3),
            timestamps + sack(1), timestamps + sack(1) + longDSS, timestamps + sack(2) + shortDSS, sack(1) + longDSS,
        ], AddressFamily.allCases)
    func bare(_ options: [UInt8], _ family: AddressFamily) throws {
        #expect(try matches(Self.draft(family, options).bytes, family))
    }

    @Test(
        "whatever else is in the options goes to a data queue",
        arguments: signals, AddressFamily.allCases)
    func more(_ options: [UInt8], _ family: AddressFamily) throws {
        #expect(try !matches(Self.draft(family, options).bytes, family))
    }

    @Test("so does a payload, a DSCP, and what is cut short", arguments: AddressFamily.allCases)
    func others(_ family: AddressFamily) throws {
        for options in [[], Self.timestamps, Self.timestamps + Self.longDSS] {
            var draft = Self.draft(family, options)
            draft.payload = [1]
            #expect(try !matches(draft.bytes, family))
            draft.payload = []
            draft.trafficClass = 0xb8
            #expect(try !matches(draft.bytes, family))
            // ECN says nothing about the way.
            draft.trafficClass = 0x02
            #expect(try matches(draft.bytes, family))
            for length in 1..<draft.bytes.count - 8 {
                #expect(try !matches(Array(draft.bytes.prefix(length)), family), "\(length)")
            }
        }
    }

    @Test("options of the IPv4 header are stepped over, extension headers of IPv6 are not")
    func longHeaders() throws {
        var four = Self.draft(.ipv4, Self.timestamps + Self.longDSS)
        four.ipv4Options = [1, 1, 1, 0]
        #expect(try matches(four.bytes, .ipv4))
        four.payload = [1, 2]
        #expect(try !matches(four.bytes, .ipv4))
        var six = Self.draft(.ipv6, Self.timestamps + Self.longDSS)
        six.extensions = [(0, [0, 1, 4, 0, 0, 0, 0])]
        #expect(try !matches(six.bytes, .ipv6))
    }

    private func matches(_ packet: [UInt8], _ family: AddressFamily) throws -> Bool {
        try AcknowledgementProgram.instructions(family).matches(packet)
    }
}
