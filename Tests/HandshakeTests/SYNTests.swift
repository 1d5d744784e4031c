import Handshake
import PacketForge
import Testing
import Wire

/// What is read of a SYN.
@Suite struct SYNTests {
    @Test("ends, sequence number and way", arguments: Family.allCases)
    func read(_ family: Family) {
        var situation = Situation(family)
        (situation.clientPort, situation.serverPort) = (1023, 443)
        (situation.sequence, situation.mark, situation.inDevice) = (0xffff_fffe, 0xf000_00ff, 7)
        // ECN belongs to the packet, not to the way.
        situation.trafficClass = 0xb9
        let syn = situation.syn
        let tuple = FourTuple(
            client: Endpoint(address: family.client, port: 1023), server: Endpoint(address: family.server, port: 443))
        #expect(syn.tuple == tuple)
        #expect(syn.identity == SYNIdentity(tuple: tuple, sequence: SequenceNumber(0xffff_fffe)))
        #expect(syn.typeOfService == 0xb9)
        #expect(
            syn.way
                == Way(
                    mark: 0xf000_00ff, inDevice: 7, outDevice: 4, dscp: DSCP(trafficClass: 0xb8),
                    maximumSegmentSize: 1400))
    }

    @Test("without an MSS", arguments: Family.allCases)
    func noSegmentSize(_ family: Family) {
        var situation = Situation(family)
        situation.maximumSegmentSize = nil
        #expect(situation.syn.way.maximumSegmentSize == nil)
    }

    @Test(
        "its MPTCP option",
        arguments: [
            (.none, nil), (.capable, .capable(version: 1)), (.checksums, .capable(version: 1, checksums: true)),
            (.version0, .capable(version: 0)), (.version2, .capable(version: 2)),
            (.join, .join(token: Token(7), backup: false)), (.priority, .other(subtype: 5)),
        ] as [(Situation.MultipathOption, MultipathSYN?)], Family.allCases)
    func option(_ row: (option: Situation.MultipathOption, read: MultipathSYN?), _ family: Family) {
        var situation = Situation(family)
        situation.option = row.option
        #expect(situation.syn.multipath == row.read)
    }

    /// Of a later segment of the handshake, cut short, or behind an option that isn't whole.
    @Test(
        "what can't be read",
        arguments: [
            [30, 3, 0x01], [30, 1, 0x01, 0x01], [30, 16, 0x10, 1], [3, 1, 30, 4, 0x01, 0x01],
            [30, 12, 0x01, 0x01, 1, 2, 3, 4, 5, 6, 7, 8], [30, 4, 0x01, 0x01, 8, 9],
        ] as [[UInt8]], Family.allCases)
    func malformed(_ options: [UInt8], _ family: Family) {
        let draft = PacketDraft(
            source: Endpoint(address: family.client, port: 1), destination: Endpoint(address: family.server, port: 2),
            options: options)
        let bytes = draft.bytes
        let isRead = bytes.withUnsafeBytes { bytes in
            guard let segment = try? Segment(bytes.bytes) else { return true }
            return (try? SYN(segment, mark: 0, inDevice: 1, outDevice: 2)) != nil
        }
        #expect(!isRead)
    }
}
