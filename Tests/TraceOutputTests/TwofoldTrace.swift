import PacketForge
import PacketTap
import Testing
import Tracking
import Wire

@testable import TraceOutput

/// Takes packets as the daemon does, for lines and for a capture.
struct TwofoldTrace: ~Copyable {
    private let format: TraceLines.Format
    private var tracker = Tracker()
    private var lines: TraceLines
    private var writer = PcapngWriter(application: "Sluice test")
    private var frames = 0
    private var time: Int64 = 1_700_000_000_000_000_000

    init(_ format: TraceLines.Format) {
        self.format = format
        lines = TraceLines(format)
        writer.appendSection()
    }

    private static func name(_ index: UInt32) -> String { [2: "lan0", 3: "wan0", 9: "sluice0"][index] ?? "if\(index)" }

    mutating func take(_ packet: [UInt8], _ decided: TraceRecord, _ random: inout SplitMix64) {
        var record = decided
        record.length = UInt32(packet.count)
        frames += 1
        time += .random(in: 1...3_000_000, using: &random)
        let kept = Array(packet.prefix(TraceRecord.captureLength))
        let name = [nil, "relieve-wired", "a\"b\u{1b}é"].randomElement(using: &random)!
        note(kept, &record)
        writer.append(record, kept.span.bytes, time: time, trafficClass: name, interfaceName: Self.name)
        let context = PacketContext(
            record, frame: frames, time: time, interface: Self.name(record.interface), trafficClass: name)
        do throws(WireError) {
            lines.append(try Segment(kept.span.bytes, length: Int(record.length)), context)
        } catch {
            lines.append(unreadable: error, context)
        }
    }

    mutating func take(_ event: SteeringEvent) {
        frames += 1
        lines.append(event, frame: frames)
        writer.append(event)
    }

    /// As a packet thread.
    private mutating func note(_ packet: [UInt8], _ record: inout TraceRecord) {
        do throws(WireError) {
            let segment = try Segment(packet.span.bytes, length: Int(record.length))
            record.read(segment, isFromClient: true)
            guard record.facts.verdict != .drop else { return }
            record.note(tracker.observe(segment, at: UInt64(time)), tracker)
        } catch {
            record.note(error)
        }
    }

    var capture: [UInt8] { writer.bytes }

    /// Live, line by line.
    var said: [Substring] { String(decoding: lines.bytes, as: UTF8.self).split(separator: "\n") }

    /// Nothing has been dropped elsewhere than at interface 0, where these packets were.
    mutating func end(dropped: UInt64) {
        writer.appendStatistics([
            InterfaceStatistics(
                interface: 0, name: "if0", written: UInt64(frames), dropped: dropped, start: time, end: time)
        ])
    }

    /// Returns decode's lines, its summary among them.
    @discardableResult
    func compare() async throws -> [Substring] {
        let live = said
        let outcome = format == .json ? try await decode(writer.bytes, "--json") : try await decode(writer.bytes)
        #expect(outcome.status == .exited(0), "\(outcome.error)")
        #expect(live.count == frames)
        for (live, decoded) in zip(live, outcome.lines) { #expect(live == decoded) }
        return outcome.lines
    }
}
