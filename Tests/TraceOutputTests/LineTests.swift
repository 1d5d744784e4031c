import Foundation
import PacketForge
import PacketTap
import Testing
import TraceOutput
import Tracking
import Wire

struct LineTests {
    private static let syn = PacketDraft(
        source: Endpoint("10.1.0.2:54738")!, sequence: 1, options: TCPOptionContent.maximumSegmentSize(1460).bytes
    ).bytes

    @Test func aLineOfJSON() {
        var context = PacketContext(frame: 1, time: 1_700_000_000_123_456_789)
        context.interface = "lan0"
        context.direction = .inbound
        var record = TraceRecord()
        record.facts.verdict = .intercept
        record.facts.wasHeld = true
        record.reason = "covered"
        record.held = 431_056
        record.hook = 4
        record.mark = 0x0100_0000
        record.newMark = 0x0100_0001
        context.decision =
            PacketContext(record, frame: 1, time: 0, interface: "", trafficClass: "relieve-wired").decision
        #expect(
            line(Self.syn, .json, context)
                == #"{"frame": 1, "time": 1700000000.123456, "interface": "lan0", "direction": "in", "#
                + #""src": "10.1.0.2:54738", "dst": "10.9.0.2:80", "flags": "S", "seq": 1, "ack": 0, "#
                + #""window": 64240, "payload": 0, "options": [{"kind": 2, "name": "mss", "value": 1460}], "#
                + #""token": null, "subflow": null, "sender": null, "retransmitted": 0, "copy": false, "events": [], "#
                + #""verdict": "intercept", "reason": "covered", "class": "relieve-wired", "held_us": 431.056, "#
                + #""hook": "POSTROUTING", "mark": "0x01000000", "new_mark": "0x01000001", "error": null}"# + "\n")
        #expect(
            line(Self.syn, .text, context)?.hasSuffix(
                "options [mss 1460], intercept: covered, class relieve-wired, held 431 us\n") == true)
    }

    /// A join that goes to the box that has its connection.
    @Test func theOwnerOfAJoinIsNamed() {
        var context = PacketContext(frame: 1, time: 0)
        var record = TraceRecord()
        record.facts.verdict = .pass
        record.reason = "another box's connection"
        let decision = { (owner: String?) in
            PacketContext(record, frame: 1, time: 0, interface: "", trafficClass: nil, owner: owner).decision
        }
        context.decision = decision("box-2")
        #expect(line(Self.syn, .text, context)?.hasSuffix(", pass: join: owned by box-2\n") == true)
        #expect(line(Self.syn, .json, context)?.contains(#""reason": "join: owned by box-2""#) == true)
        context.decision = decision(nil)
        #expect(line(Self.syn, .text, context)?.hasSuffix(", pass: another box's connection\n") == true)
    }

    @Test func aLineOfText() {
        var context = PacketContext(frame: 1, time: 1_700_000_000_123_456_789)
        context.hasNanoseconds = true
        context.interface = "lan0"
        context.direction = .outbound
        #expect(
            line(Self.syn, .text, context)
                == "22:13:20.123456789 lan0 Out 10.1.0.2:54738 > 10.9.0.2:80 [S], seq 1, win 64240, length 0, "
                + "options [mss 1460]\n")
    }

    @Test(arguments: [
        (0, "00:00:00.000000", "0.000000"), (-1, "23:59:59.999999", "-0.000000"),
        (-1_500_000_000, "23:59:58.500000", "-1.500000"), (Int64.max, "23:47:16.854775", "9223372036.854775"),
        (Int64.min, "00:12:43.145224", "-9223372036.854775"),
    ])
    func times(_ time: Int64, text: String, seconds: String) throws {
        let context = PacketContext(frame: 1, time: time)
        #expect(line(Self.syn, .text, context)?.hasPrefix(text + " ") == true)
        #expect(line(Self.syn, .json, context)?.contains(#""time": \#(seconds), "#) == true)
    }

    @Test func noTime() throws {
        let context = PacketContext(frame: 1, time: nil)
        #expect(line(Self.syn, .text, context)?.hasPrefix("10.1.0.2:54738 > ") == true)
        #expect(try object(try #require(line(Self.syn, .json, context)))["time"] is NSNull)
    }

    @Test(
        arguments: [
            (0x01, "F"), (0x02, "S"), (0x12, "S."), (0x10, "."), (0x18, "P."), (0x14, "R."), (0xc2, "SEW"), (0x00, ""),
            (0xff, "FSRP.UEW"),
        ] as [(UInt8, String)])
    func flags(_ bits: UInt8, letters: String) throws {
        let packet = PacketDraft(flags: TCPFlags(rawValue: bits)).bytes
        #expect(try object(try #require(line(packet, .json)))["flags"] as? String == letters)
    }

    /// As Wire's own text, which makes strings on its way.
    @Test func addresses() throws {
        var generator = SplitMix64(seed: 5952)
        for _ in 0..<2000 {
            // Half of the groups are zero, so that there are runs of them.
            let groups = (0..<8).map { _ in
                Bool.random(using: &generator) ? 0 : UInt64.random(in: 0...0xffff, using: &generator)
            }
            let address = IPAddress(
                high: groups[..<4].reduce(0) { $0 << 16 | $1 }, low: groups[4...].reduce(0) { $0 << 16 | $1 })
            guard !address.isIPv4 else { continue }
            let draft = PacketDraft(
                source: Endpoint(address: address, port: 1), destination: Endpoint("[fd00::]:65535")!)
            let fields = try object(try #require(line(draft.bytes, .json)))
            try #require(fields["src"] as? String == "\(draft.source)")
            try #require(fields["dst"] as? String == "[fd00::]:65535")
        }
    }

    /// A name from a file can be anything: JSON keeps it, text spares the terminal.
    @Test func aHostileName() throws {
        var context = PacketContext(frame: 1, time: nil)
        context.interface = "a\"b\\c\n\t\u{1b}[2J\u{7f}é"
        let fields = try object(try #require(line(Self.syn, .json, context)))
        #expect(fields["interface"] as? String == context.interface)
        #expect(line(Self.syn, .text, context)?.hasPrefix("a\"b\\c???[2J?é 10.1.0.2") == true)
    }

    @Test func anUnreadablePacket() throws {
        for (format, expected) in [
            (TraceLines.Format.text, "00:00:01.000000 # fragment\n"),
            (
                .json,
                #"{"frame": 3, "time": 1.000000, "interface": null, "direction": null, "error": "fragment"}"# + "\n"
            ),
        ] {
            var lines = TraceLines(format)
            lines.append(unreadable: WireError.fragment, PacketContext(frame: 3, time: 1_000_000_000))
            #expect(String(decoding: lines.bytes, as: UTF8.self) == expected)
        }
    }

    /// The buffer is used again.
    @Test func nothingIsLeftBehind() throws {
        var lines = TraceLines(.json)
        let context = PacketContext(frame: 1, time: nil)
        lines.append(try Segment(Self.syn.span.bytes), context)
        let first = lines.bytes
        lines.removeAll()
        #expect(lines.bytes.isEmpty)
        lines.append(try Segment(Self.syn.span.bytes), context)
        #expect(lines.bytes == first)
    }
}
