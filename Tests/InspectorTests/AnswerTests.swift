import PacketForge
import Testing
import Wire

@testable import Inspector

@Suite struct AnswerTests {
    /// What a SYN-ACK's options say of the server that was asked.
    @Test(arguments: [
        (MPCapable(version: 1, flags: .hmac, form: .key(sender: MultipathKey(7))), true),
        // An older version than we speak.
        (MPCapable(version: 0, flags: .hmac, form: .key(sender: MultipathKey(7))), false),
        // The question itself, sent back by who doesn't know it.
        (MPCapable(version: 1, flags: .hmac, form: .bare), false),
        (nil, false),
    ])
    func aServerSpeaksMultipathIfItGivesAKey(capable: MPCapable?, speaks: Bool) throws {
        var options: [TCPOptionContent] = [.maximumSegmentSize(1460), .sackPermitted]
        if let capable { options.append(.multipath(.capable(capable))) }
        let packet = PacketDraft(flags: [.syn, .ack], options: options.bytes).bytes
        #expect(try Segment(packet.span.bytes).agreesToMultipath == speaks)
    }

    @Test func whatCannotBeReadIsANo() throws {
        let packet = PacketDraft(flags: [.syn, .ack], options: [30, 12, 1, 1]).bytes
        #expect(try !Segment(packet.span.bytes).agreesToMultipath)
    }
}
