import Base
import Foundation
import PacketForge
import PacketTap
import Testing
import Wire

@testable import TraceOutput

/// What is said live of packets, and what `sluice decode` says of the capture of the same ones.
@Suite(.timeLimit(.minutes(2)))
struct RoundTripTests {
    /// Any packets, any decisions: conversations of both families with segments that come twice, stay out or are dropped,
    /// and between them what nobody can read.
    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64]) func decodeSaysWhatWasSaidLive(_ seed: UInt64) async throws {
        for format in [TraceLines.Format.json, .text] {
            var random = SplitMix64(seed: seed)
            var trace = TwofoldTrace(format)
            for packet in Self.packets(&random) { trace.take(packet, Self.record(&random), &random) }
            try await trace.compare()
        }
    }

    /// The intercepted SYN is what the connection begins with.
    @Test func anInterceptedSYNOpensItsConnection() async throws {
        let talk = Conversation()
        var random = SplitMix64(seed: 7)
        var trace = TwofoldTrace(.json)
        var intercepted = TraceRecord()
        intercepted.facts.verdict = .intercept
        intercepted.facts.inDevice = 2
        intercepted.reason = "server answered"
        intercepted.held = 431_056
        var accepted = TraceRecord()
        accepted.facts.inDevice = 3
        trace.take(talk.handshake[0], intercepted, &random)
        for packet in talk.handshake.dropFirst() { trace.take(packet, accepted, &random) }
        let lines = try await trace.compare().dropLast().map { try object($0) }
        #expect(lines.map { $0["verdict"] as? String } == ["intercept", "accept", "accept"])
        #expect(lines.map { $0["subflow"] as? Int } == [0, 0, 0])
        #expect(lines.map { $0["interface"] as? String } == ["lan0", "wan0", "wan0"])
        #expect(lines.map { $0["held_us"] as? Double } == [431.056, nil, nil])
        #expect(lines.allSatisfy { $0["copy"] as? Bool == false })
        #expect(lines[0]["events"] as? [String] == ["connection opened", "subflow 0 opened"])
    }

    /// A record has room for four changes, a segment may bring more: the live line has the first ones, decode's all.
    @Test func aRecordNamesFourChanges() async throws {
        var random = SplitMix64(seed: 9)
        var trace = TwofoldTrace(.json)
        var talk = Conversation()
        // Until the server has been heard, one join at a time is believed.
        let heard = PacketDraft(source: talk.server, destination: talk.client, flags: .ack).bytes
        for packet in talk.handshake + [heard] { trace.take(packet, TraceRecord(), &random) }
        for port in 40000..<40005 as Range<UInt16> {
            talk.joiner = Endpoint(address: talk.joiner.address, port: port)
            for packet in talk.join() { trace.take(packet, TraceRecord(), &random) }
        }
        try await trace.compare()
        trace.take(talk.fastClose, TraceRecord(), &random)
        let live = try #require(try object(trace.said.last ?? "")["events"] as? [String])
        let outcome = try await decode(trace.capture, "--json")
        let decoded = try #require(try object(outcome.lines[trace.said.count - 1])["events"] as? [String])
        #expect(decoded.count == 7)
        #expect(live == Array(decoded.prefix(TraceRecord.mostEvents)))
    }

    /// The last line counts what the capture says that it has lost.
    @Test func lossesAreInTheSummary() async throws {
        var random = SplitMix64(seed: 8)
        var trace = TwofoldTrace(.json)
        for packet in Conversation().handshake { trace.take(packet, TraceRecord(), &random) }
        // A daemon that is killed hasn't counted.
        let killed = try Self.summary(try await decode(trace.capture, "--json"))
        #expect(killed["recorded"] is NSNull && killed["dropped"] is NSNull)
        trace.end(dropped: 4)
        let whole = try Self.summary(try await decode(trace.capture, "--json"))
        #expect(whole["recorded"] as? Int == 3 && whole["dropped"] as? Int == 4)
        // Two files, one behind the other.
        let text = try await decode(trace.capture + trace.capture)
        #expect(text.lines.contains("  the capture says: 6 packets recorded, 8 dropped"))
    }

    private static func summary(_ outcome: Outcome) throws -> [String: Any] {
        let last = try object(outcome.lines.last ?? "")
        return try #require(last["summary"] as? [String: Any])
    }

    private static func packets(_ random: inout SplitMix64) -> [[UInt8]] {
        var packets: [[UInt8]] = []
        for isIPv6 in [false, true] {
            var talk = Conversation()
            if isIPv6 {
                talk.client = Endpoint("[fd00:1::2]:54738")!
                talk.joiner = Endpoint("[fd00:2::2]:40000")!
                talk.server = Endpoint("[fd00:9::2]:80")!
            }
            packets += talk.handshake + [talk.data, talk.data] + talk.join() + [talk.data, talk.fastClose]
        }
        for place in stride(from: packets.count, through: 0, by: -1) where Bool.random(using: &random) {
            packets.insert(other(&random), at: place)
        }
        return packets
    }

    /// A segment of any options, well or badly made, or no segment at all.
    private static func other(_ random: inout SplitMix64) -> [UInt8] {
        switch Int.random(in: 0..<5, using: &random) {
        case 0: return packet(MultipathOption.random(using: &random).bytes)
        case 1: return packet([30, 4, 0x0f, 0, 30, 2])
        case 2: return packet(Array(random.bytes(1...40)))
        case 3: return Array(PacketDraft().bytes.prefix(Int.random(in: 1..<40, using: &random)))
        default:
            let payload = [UInt8](repeating: 1, count: Int.random(in: 0...1400, using: &random))
            return PacketDraft(flags: .ack, payload: payload).bytes
        }
    }

    /// Any decision; most packets go on.
    private static func record(_ random: inout SplitMix64) -> TraceRecord {
        var record = TraceRecord()
        record.facts.verdict = Verdict.allCases.randomElement(using: &random)!
        if Int.random(in: 0..<5, using: &random) > 0 { record.facts.verdict = .accept }
        record.facts.inDevice = [0, 2, 9].randomElement(using: &random)!
        record.facts.outDevice = record.facts.inDevice == 0 ? 3 : 0
        record.hook = UInt8.random(in: 0...4, using: &random)
        record.mark = random.word()
        record.newMark = random.word()
        record.reason = [nil, "server answered", "unknown token"].randomElement(using: &random)!
        if Bool.random(using: &random) { record.held = .random(in: 1...9_000_000_000, using: &random) }
        return record
    }
}
