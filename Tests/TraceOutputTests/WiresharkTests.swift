import Base
import Capture
import Foundation
import PacketForge
import PacketTap
import Testing
import Wire

@testable import TraceOutput

/// What an engineer sees of PcapngWriter's files in Wireshark.
@Suite(.timeLimit(.minutes(2)))
struct WiresharkTests {
    /// A folder for the length of a test.
    private static func withFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "pcapng-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder)
    }

    /// What stands on standard error beside the warning for root.
    private static func complaints(_ outcome: Outcome) -> [Substring] {
        outcome.error.split(separator: "\n").filter { !$0.contains("Running as user") }
    }

    private static let remarks: [(record: TraceRecord, trafficClass: String?, comment: String)] = {
        func record(_ verdict: Verdict, _ reason: StaticString? = nil, held: UInt64 = 0) -> TraceRecord {
            var record = TraceRecord()
            record.facts.verdict = verdict
            record.reason = reason
            record.held = held
            return record
        }
        var malformed = record(.accept)
        malformed.note(.badOptionLength(kind: 30, length: 0, offset: 24))
        return [
            (record(.accept), nil, ""), (record(.pass, "unknown token"), nil, "pass: unknown token"),
            (record(.intercept, "server answered", held: 431_056), nil, "intercept: server answered, held 431 us"),
            (record(.accept), "relieve-wired", "accept: class relieve-wired"),
            (malformed, nil, "accept: bad option 30 at 24: length 0"), (record(.drop), nil, "drop"),
            (
                record(.pass, "join", held: 999), "a\u{1b}b",
                "pass: join, class a?b, held 0 us"
            ),
        ]
    }()

    /// Verdict, reason, class, held and error are the packet's comment; without any of them there is none.
    @Test func remarksAreComments() async throws {
        let packet = PacketDraft().bytes
        var writer = PcapngWriter(application: "Sluice test")
        writer.appendSection()
        for (record, trafficClass, _) in Self.remarks {
            var record = record
            record.length = UInt32(packet.count)
            writer.append(record, packet.span.bytes, time: 0, trafficClass: trafficClass) { _ in "lan0" }
        }
        var reader = CaptureReader(bytes: writer.bytes)
        for remark in Self.remarks { #expect(try reader.next()?.comment ?? "" == remark.comment) }
        try await Self.withFolder { folder in
            let file = folder.appending(path: "remarks.pcapng")
            try Data(writer.bytes).write(to: file)
            let outcome = try await run(["tshark", "-n", "-r", file.path, "-T", "fields", "-e", "frame.comment"])
            #expect(outcome.lines.map(String.init) == Self.remarks.map(\.comment))
        }
    }

    /// The dissectors find what belongs to them, nothing is malformed, and times are whole.
    @Test func dissectorsHaveNoComplaint() async throws {
        let samples = PcapngTests.samples(200, seed: 11)
        try await Self.withFolder { folder in
            let file = folder.appending(path: "samples.pcapng")
            try Data(PcapngTests.file(samples)).write(to: file)
            let fields = [
                "frame.interface_queue", "frame.time_epoch", "tcp.option_kind", "tcp.options.timestamp.tsval",
            ]
            let read = ["tshark", "-n", "-r", file.path]
            let outcome = try await run(read + ["-T", "fields"] + fields.flatMap { ["-e", $0] })
            let expected = samples.map { sample in
                let fraction = String(sample.time % 1_000_000_000 + 1_000_000_000).dropFirst()
                return "\(sample.record.queue)\t\(sample.time / 1_000_000_000).\(fraction)\t8,0,0\t1"
            }
            #expect(outcome.lines.map(String.init) == expected)
            #expect(Self.complaints(outcome) == [])
            let expert = try await run(read + ["-q", "-z", "expert"])
            #expect(expert.status == .exited(0) && Self.complaints(expert) == [])
            #expect(!expert.output.contains("Malformed") && !expert.output.contains("Errors ("))
        }
    }

    /// Wireshark's library reads a file that breaks off up to the last whole block, as we do: at each byte of the last
    /// four packets and of the statistics behind them.
    @Test func whatIsWholeIsRead() async throws {
        let samples = PcapngTests.samples(12, seed: 12)
        let whole = PcapngTests.file(samples)
        var writer = PcapngWriter(application: "Sluice test")
        writer.appendSection()
        for sample in samples.prefix(8) { PcapngTests.append(sample, to: &writer) }
        let lengths = Array(writer.bytes.count...whole.count)
        try await Self.withFolder { folder in
            let files = lengths.map { folder.appending(path: "\($0).pcapng").path }
            for (length, file) in zip(lengths, files) {
                try Data(whole.prefix(length)).write(to: URL(filePath: file))
            }
            let expected = try lengths.map { try Self.count(Array(whole.prefix($0))) }
            let outcome = try await run(["capinfos", "-M", "-T", "-r", "-c"] + files)
            #expect(outcome.lines.map { $0.split(separator: "\t").last.flatMap { Int($0) } } == expected)
            #expect(expected.first == 8 && expected.last == 12)
            // tshark takes a tenth of a second for each.
            for place in stride(from: 0, to: lengths.count, by: lengths.count / 8) {
                let tshark = try await run(["tshark", "-n", "-r", files[place], "-T", "fields", "-e", "frame.number"])
                #expect(tshark.lines.count == expected[place])
            }
        }
    }

    private static func count(_ file: [UInt8]) throws -> Int {
        var reader = CaptureReader(bytes: file)
        var count = 0
        do throws(CaptureError) {
            while try reader.next() != nil { count += 1 }
        } catch {
            guard case .truncated = error else { throw error }
        }
        return count
    }
}
