import Foundation
import PacketForge
import Subprocess
import Testing
import Tracking
import Wire

/// `sluice decode` as it is run, on captures made here.
@Suite(.timeLimit(.minutes(2)))
struct DecodeTests {
    private static let talk = Conversation()
    private static let start: Int64 = 1_700_000_000_000_000_000

    /// A millisecond apart.
    private static func capture(_ frames: [[UInt8]], linkType: UInt32 = 101) -> PcapFile {
        PcapFile(
            linkType: linkType,
            packets: frames.enumerated().map { (start + Int64($0.offset) * 1_000_000, $0.element) })
    }

    private static func summary(_ outcome: Outcome) throws -> [String: Any] {
        let last = try #require(outcome.lines.last, "\(outcome.error)")
        return try #require(object(last)["summary"] as? [String: Any], "\(outcome.error)")
    }

    private static func connection(_ outcome: Outcome) throws -> [String: Any] {
        let connections = try #require(try summary(outcome)["connections"] as? [[String: Any]])
        #expect(connections.count == 1)
        return try #require(connections.first)
    }

    @Test func aConnection() async throws {
        let frames = Self.talk.handshake + [Self.talk.data] + Self.talk.join() + [Self.talk.fastClose]
        let outcome = try await decode(Self.capture(frames).bytes, "--json")
        #expect(outcome.status == .exited(0), "\(outcome.error)")
        #expect(outcome.lines.count == frames.count + 1)
        let lines = try outcome.lines.map { try object($0) }
        let token = "\(Self.talk.token)"
        #expect(lines[0]["token"] is NSNull)
        #expect(lines[1...7].allSatisfy { $0["token"] as? String == token })
        #expect(lines[..<8].map { $0["subflow"] as? Int } == [0, 0, 0, 0, 1, 1, 1, 0])
        #expect(lines[1]["sender"] as? String == "server")
        let signal = try #require((lines[3]["options"] as? [[String: Any]])?.first)
        #expect(
            signal["dsn_64"] as? String
                == "\(Self.talk.clientKey.initialDataSequence(version: 1).advanced(by: 1))")
        #expect(
            lines[7]["events"] as? [String] == [
                "connection closed", "subflow 0 closed: fast close", "subflow 1 closed: fast close",
            ])
        let connection = try Self.connection(outcome)
        #expect(connection["token"] as? String == token)
        #expect(connection["client_token"] as? String == "\(Self.talk.clientKey.token(version: 1))")
        #expect(connection["state"] as? String == "fast-closed")
        #expect(connection["fast_closed_by"] as? String == "client")
        #expect(connection["duration"] as? Double == 0.007)
        #expect(connection["bytes_to_server"] as? Int == 5)
        let subflows = try #require(connection["subflows"] as? [[String: Any]])
        #expect(subflows.map { $0["client_address_id"] as? Int } == [0, 1])
        #expect(subflows.map { $0["end"] as? String } == ["fast close", "fast close"])
    }

    @Test func asText() async throws {
        let frames = Self.talk.handshake + [Self.talk.data, Self.talk.data] + Self.talk.join(change: 1)
        let outcome = try await decode(Self.capture(frames).bytes)
        #expect(outcome.status == .exited(0), "\(outcome.error)")
        let dsn = Self.talk.clientKey.initialDataSequence(version: 1).advanced(by: 1)
        #expect(
            outcome.lines[4]
                == "22:13:20.004000 10.1.0.2:54738 > 10.9.0.2:80 [.], seq 1, ack 0, win 64240, length 5, "
                + "options [DSS seq \(dsn) subseq 1 len 5], \(Self.talk.token)/0, retransmitted 5")
        #expect(outcome.lines[7].hasSuffix("\(Self.talk.token)/1 # MP_JOIN with a wrong HMAC"))
        #expect(
            outcome.lines[8...].joined(separator: "\n") == """

                8 packets from 2023-11-14 22:13:20 UTC on, in 0.007000 s; 8 TCP segments, 0 of no MPTCP connection, \
                0 copies

                \(Self.talk.token) 10.1.0.2:54738 > 10.9.0.2:80, version 1, established, 0.007000 s
                  SUBFLOW  CLIENT          SERVER       IFACE  IDS  BACKUP  TO CLIENT  TO SERVER  RETRANSMITTED  STATE
                  0        10.1.0.2:54738  10.9.0.2:80  -      0/0  -       0          5          0/5            established
                  1        10.2.0.2:40000  10.9.0.2:80  -      1/0  -       0          0          0/0            syn-recv
                  went wrong: MP_JOIN with a wrong HMAC
                """)
    }

    /// Each frame has its line, whatever it holds.
    @Test func whatIsNoSegment() async throws {
        let ethernet = [UInt8](repeating: 0, count: 12)
        var fragments = PacketDraft(payload: Array(repeating: 1, count: 100))
        fragments.fragmentSize = 32
        var udp = PacketDraft().bytes
        udp[9] = 17
        let plain = PacketDraft().bytes
        let frames =
            [ethernet + [0x08, 0x06] + Array(repeating: 0, count: 28), ethernet + [0x88, 0xcc, 0]]
            + [udp, fragments.bytes, Array(plain.prefix(30)), packet([30, 4, 0x0f, 0, 30, 2]), plain].map {
                ethernet + [0x08, 0x00] + $0
            } + [[1, 2, 3]]
        let outcome = try await decode(Self.capture(frames, linkType: 1).bytes, "--json")
        #expect(outcome.status == .exited(0), "\(outcome.error)")
        #expect(
            try outcome.lines.dropLast().map { try object($0)["error"] as? String } == [
                "not IP but ARP", "not IP but protocol 0x88cc", "not TCP but protocol 17", "fragment",
                "TCP header cut short: 40 bytes needed, 30 there", "bad option 30 at 44: length 2", nil,
                "header of link type 1 (Ethernet) cut short: 14 bytes needed, 3 there",
            ])
        let summary = try Self.summary(outcome)
        #expect(summary["packets"] as? Int == 8)
        #expect(summary["tcp_segments"] as? Int == 2)
        #expect(summary["outside"] as? Int == 2)
        #expect(
            summary["errors"] as? [String: Int] == [
                "unreadable_link": 1, "not_ip": 2, "not_tcp": 1, "fragment": 1, "truncated": 1, "malformed_option": 1,
            ])
    }

    /// Linux cooked v2 of a router: what is forwarded comes in and goes out, and counts once.
    @Test func copies() async throws {
        func cooked(_ interface: UInt32, _ type: UInt8, _ packet: [UInt8]) -> [UInt8] {
            [0x08, 0x00, 0, 0] + big(interface) + [0, 1, type, 0] + Array(repeating: 0, count: 8) + packet
        }
        let frames = (Self.talk.handshake + [Self.talk.data]).flatMap { [cooked(2, 0, $0), cooked(3, 4, $0)] }
        let outcome = try await decode(Self.capture(frames, linkType: 276).bytes, "--json")
        let lines = try outcome.lines.dropLast().map { try object($0) }
        #expect(lines.map { $0["copy"] as? Bool } == [false, true, false, true, false, true, false, true])
        #expect(lines.map { $0["retransmitted"] as? Int } == Array(repeating: 0, count: 8))
        #expect(lines[6...].allSatisfy { $0["token"] as? String == "\(Self.talk.token)" })
        #expect(lines[6]["interface"] as? String == "if2")
        #expect(lines[7]["direction"] as? String == "out")
        let connection = try Self.connection(outcome)
        #expect(connection["retransmitted_to_server"] as? Int == 0)
        #expect(connection["bytes_to_server"] as? Int == 5)
        #expect(try Self.summary(outcome)["copies"] as? Int == 4)
    }

    /// Captured before the card has cut it: the header says 0.
    @Test func withoutLength() async throws {
        var large = PacketDraft(flags: .ack, payload: Array(repeating: 1, count: 3000)).bytes
        large.replaceSubrange(2..<4, with: [0, 0])
        let outcome = try await decode(Self.capture([large]).bytes, "--json")
        #expect(try object(outcome.lines[0])["payload"] as? Int == 3000)
    }

    @Test func nanoseconds() async throws {
        var capture = PcapFile(hasNanoseconds: true)
        capture.packets = [(Self.start + 1, Self.talk.handshake[0])]
        let outcome = try await decode(capture.bytes, "--json")
        #expect(outcome.lines[0].contains(#""time": 1700000000.000000001, "#))
    }
}

/// What can't be read.
@Suite(.timeLimit(.minutes(2)))
struct DecodeFailureTests {
    private static let whole = PcapFile(packets: Conversation().handshake.map { (0, $0) }).bytes

    /// What could be read is printed.
    @Test(arguments: ["--json", nil])
    func truncated(_ option: String?) async throws {
        let words = [sluice, "decode", "-"] + (option.map { [$0] } ?? [])
        let outcome = try await run(words, input: Self.whole.dropLast())
        #expect(outcome.status == .exited(1))
        #expect(outcome.error.hasPrefix("sluice: standard input: the capture ends at byte "), "\(outcome.error)")
        let whole = try await run(words, input: Self.whole)
        #expect(outcome.lines.prefix(2) == whole.lines.prefix(2))
        #expect(whole.lines[2].contains("MP_CAPABLE"))
        if option == nil {
            #expect(outcome.lines[3].hasPrefix("2 packets "))
        } else {
            #expect(try object(outcome.lines[2])["summary"] is [String: Any])
        }
    }

    @Test func notACapture() async throws {
        let outcome = try await decode(Array("hello, world".utf8))
        #expect(outcome.status == .exited(1))
        #expect(outcome.output.isEmpty)
        #expect(
            outcome.error == "sluice: standard input: neither pcap nor pcapng: it begins with 68 65 6c 6c\n")
    }

    @Test func aMissingFile() async throws {
        let outcome = try await run([sluice, "decode", "/nonexistent/x.pcap"])
        #expect(outcome.status == .exited(1))
        #expect(outcome.error == "sluice: open /nonexistent/x.pcap: No such file or directory\n")
    }

    /// A file whose reader goes away early.
    @Test func aReaderThatHasEnough() async throws {
        let packets = (0..<3000).map { _ in (time: Int64(0), frame: Conversation().handshake[0]) }
        let path = NSTemporaryDirectory() + "/sluice-decode-\(getpid()).pcap"
        try Data(PcapFile(packets: packets).bytes).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let outcome = try await run(["bash", "-c", "'\(sluice)' decode \(path) | head -n 1; echo ${PIPESTATUS[0]}"])
        #expect(outcome.lines.count == 2)
        #expect(outcome.lines.last == "141", "SIGPIPE")
        #expect(outcome.error.isEmpty)
    }
}
