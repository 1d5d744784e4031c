import Capture
import Foundation
import PacketForge
import PacketTap
import Testing
import Wire

@testable import TraceOutput

/// What was decided about paths, between packets.
@Suite(.timeLimit(.minutes(2))) struct SteeringEventTests {
    static let event = SteeringEvent(
        time: 1_700_000_000_123_456_789, rule: "overflow", path: "mobile", effect: "active",
        reason: "wired: download 84.1 Mbit/s of 90 Mbit/s")

    private func said(_ event: SteeringEvent, _ format: TraceLines.Format) -> String {
        var lines = TraceLines(format)
        lines.append(event, frame: 7)
        return String(decoding: lines.bytes, as: UTF8.self)
    }

    @Test("a line of JSON and one of text") func lines() {
        #expect(
            said(Self.event, .json)
                == #"{"frame": 7, "time": 1700000000.123456, "steering": {"rule": "overflow", "path": "mobile", "#
                + #""effect": "active", "reason": "wired: download 84.1 Mbit/s of 90 Mbit/s"}}"# + "\n")
        #expect(
            said(Self.event, .text)
                == "22:13:20.123456 steering overflow: mobile active: wired: download 84.1 Mbit/s of 90 Mbit/s\n")
    }

    static let samples = [
        event, SteeringEvent(time: 0, rule: "", path: "", effect: "", reason: ""),
        SteeringEvent(time: 1_999_999_999_999_999_000, rule: "a=b", path: "ä\"", effect: "x", reason: "=\\ 5 %"),
        // An interface's name can be anything, and a path that a throttle implies has it.
        SteeringEvent(time: 5000, rule: "r", path: "e\u{1b}[1m\n\0", effect: "throttled", reason: "a\nSLUICE_RULE=b"),
    ]

    @Test("an entry of a journal is read back", arguments: samples) func entries(event: SteeringEvent) throws {
        var writer = PcapngWriter(application: "Sluice test")
        writer.appendSection()
        writer.append(event)
        var reader = CaptureReader(bytes: writer.bytes)
        var entries: [JournalEntry] = []
        let hasPacket = try reader.next(journal: { entries.append($0) }) != nil
        #expect(!hasPacket)
        let entry = try #require(entries.first)
        #expect(entries.count == 1 && entry.frame == 1)
        #expect(SteeringEvent(journal: { entry[$0] }) == event)
        #expect(entry["MESSAGE"] == "\(event.rule): \(event.path) \(event.effect): \(event.reason)")
    }

    @Test("control characters reach neither a line nor an entry") func controls() {
        let event = Self.samples[3]
        #expect(event.path == "e?[1m??" && event.reason == "a?SLUICE_RULE=b" && event.rule == "r")
    }

    @Test("entries of others aren't events") func others() {
        let own = [
            "__REALTIME_TIMESTAMP": "5", "SLUICE_RULE": "r", "SLUICE_PATH": "p", "SLUICE_EFFECT": "active",
            "SLUICE_REASON": "",
        ]
        #expect(SteeringEvent(journal: { own[$0] })?.time == 5000)
        for name in own.keys {
            var other = own
            other[name] = nil
            #expect(SteeringEvent(journal: { other[$0] }) == nil, "without \(name)")
        }
        for time in ["", "x", "9223372036854775807", "-9223372036854775808"] {
            var other = own
            other["__REALTIME_TIMESTAMP"] = time
            #expect(SteeringEvent(journal: { other[$0] }) == nil, "\(time)")
        }
    }

    /// Some packets with events before, between and behind them.
    private static func trace(_ format: TraceLines.Format) -> TwofoldTrace {
        var random = SplitMix64(seed: 12)
        var trace = TwofoldTrace(format)
        let talk = Conversation()
        trace.take(samples[0])
        for packet in talk.handshake + [talk.data] {
            trace.take(packet, TraceRecord(), &random)
            trace.take(samples.randomElement(using: &random)!)
        }
        trace.take(samples[1])
        return trace
    }

    @Test("decode says of a capture what was said live") func roundTrip() async throws {
        for format in [TraceLines.Format.json, .text] { try await Self.trace(format).compare() }
        let trace = Self.trace(.json)
        let lines = try trace.said.map { try object($0) }
        #expect(lines.map { $0["frame"] as? Int } == Array(1...lines.count))
        #expect(lines.count { $0["steering"] != nil } == 6)
        // They are no packets.
        let outcome = try await decode(trace.capture, "--json")
        let summary = try #require(try object(outcome.lines.last ?? "")["summary"] as? [String: Any])
        #expect(summary["packets"] as? Int == 4)
    }

    /// Wireshark lists them under the numbers that decode gives them, and capinfos counts packets alone.
    @Test(.enabled(if: tsharkIsThere, "needs tshark")) func wiresharkListsThem() async throws {
        let trace = Self.trace(.json)
        let path = FileManager.default.temporaryDirectory.appending(path: "events-\(UUID().uuidString).pcapng").path
        try Data(trace.capture).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let tshark = try await run(
            ["tshark", "-n", "-r", path, "-T", "fields", "-e", "frame.number", "-e", "frame.time_epoch"]
                + ["-e", "systemd_journal.message"])
        #expect(tshark.status == .exited(0))
        let lines = try trace.said.map { try object($0) }
        #expect(tshark.lines.count == lines.count)
        for (theirs, ours) in zip(tshark.lines, lines) {
            let fields = theirs.split(separator: "\t", omittingEmptySubsequences: false)
            #expect(fields.first.flatMap { Int($0) } == ours["frame"] as? Int)
            guard let steering = ours["steering"] as? [String: String] else {
                #expect(fields[2].isEmpty)
                continue
            }
            let words = ["rule", "path", "effect", "reason"].compactMap { steering[$0] }
            #expect(fields[2] == "\(words[0]): \(words[1]) \(words[2]): \(words[3])")
        }
        let complaints = { (outcome: Outcome) in
            outcome.error.split(separator: "\n").filter { !$0.contains("Running as user") }
        }
        #expect(complaints(tshark) == [])
        let capinfos = try await run(["capinfos", path])
        #expect(capinfos.status == .exited(0) && complaints(capinfos) == [])
        #expect(capinfos.output.contains("Number of packets:   4\n"))
    }

    // MARK: filters

    @Test(
        "of all conditions a filter asks of events, steering alone is true",
        arguments: [
            ("", true, true), ("steering", true, false), ("not steering", false, true), ("syn", false, true),
            ("not syn", true, true), ("client 10.1.0.2", false, true), ("client 10.1.0.2 or steering", true, true),
            ("client 10.1.0.2 and steering", false, true), ("verdict accept", false, true),
            ("interface lan0", false, true), ("not error", true, true), ("error", false, true),
            ("not (steering or data)", false, true), ("STEERING or steering", true, false),
            ("not not steering", true, false),
        ] as [(String, Bool, Bool)])
    func filters(text: String, showsSteering: Bool, showsPackets: Bool) throws {
        let filter = try TraceFilter(text).compiled { _ in 2 }
        #expect(filter.showsSteering == showsSteering)
        #expect(filter.showsPackets == showsPackets)
    }

    @Test("no packet is an event") func packets() throws {
        #expect(try !filter("steering").matches(facts()))
        #expect(try !filter("steering").matches(PacketFacts()))
        #expect(try filter("not steering").matches(PacketFacts()))
    }
}
