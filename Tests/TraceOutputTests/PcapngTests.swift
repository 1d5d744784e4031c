import Base
import Capture
import Foundation
import PacketForge
import PacketTap
import Subprocess
import SystemPackage
import Testing
import Wire

@testable import TraceOutput

/// What PcapngWriter makes, read by our own reader and by Wireshark's.
struct PcapngTests {
    private static let names: [UInt32: String] = [2: "lan0", 3: "lan1", 9: "sluice0"]

    static func name(_ index: UInt32) -> String { names[index] ?? "if\(index)" }

    struct Sample {
        var record = TraceRecord()
        var bytes: [UInt8] = []
        var time: Int64 = 0
        var trafficClass: String?
    }

    /// Any packet, any decision.
    private static func sample(_ random: inout SplitMix64) -> Sample {
        var sample = Sample()
        let isIPv6 = Bool.random(using: &random)
        var draft = PacketDraft(
            source: Endpoint(isIPv6 ? "[fd00:1::2]:40000" : "10.1.0.2:40000")!,
            destination: Endpoint(isIPv6 ? "[fd00:9::2]:80" : "10.9.0.2:80")!,
            sequence: .random(in: 0 ... .max, using: &random),
            flags: TCPFlags(rawValue: .random(in: 0...0x3f, using: &random)),
            options: TCPOptionContent.timestamps(value: 1, echo: 2).bytes,
            payload: Array(repeating: 7, count: .random(in: 0...1400, using: &random)))
        draft.acknowledgement = .random(in: 0 ... .max, using: &random)
        sample.bytes = Array(draft.bytes.prefix(TraceRecord.captureLength))
        sample.record.length = UInt32(draft.bytes.count)
        sample.record.facts.verdict = Verdict.allCases.randomElement(using: &random)!
        sample.record.facts.inDevice = [0, 2, 3, 9].randomElement(using: &random)!
        sample.record.facts.outDevice = sample.record.facts.inDevice == 0 ? 2 : 0
        sample.record.queue = .random(in: 7700...7704, using: &random)
        sample.record.packetID = .random(in: 0 ... .max, using: &random)
        sample.record.hook = [1, 3, 4].randomElement(using: &random)!
        sample.record.mark = .random(in: 0 ... .max, using: &random)
        sample.record.newMark = .random(in: 0 ... .max, using: &random)
        sample.record.reason = [nil, "server answered", "split, over the limit of held SYNs"].randomElement(
            using: &random)!
        sample.record.held = Bool.random(using: &random) ? .random(in: 1000...900_000_000, using: &random) : 0
        sample.trafficClass = [nil, "relieve-wired", "ä\u{1b}[1m"].randomElement(using: &random)!
        sample.time = .random(in: 0...2_000_000_000_000_000_000, using: &random)
        return sample
    }

    static func samples(_ count: Int, seed: UInt64) -> [Sample] {
        var random = SplitMix64(seed: seed)
        return (0..<count).map { _ in sample(&random) }
    }

    static func append(_ sample: Sample, to writer: inout PcapngWriter) {
        writer.append(
            sample.record, sample.bytes.span.bytes, time: sample.time, trafficClass: sample.trafficClass,
            interfaceName: name)
    }

    static func file(_ samples: [Sample]) -> [UInt8] {
        var writer = PcapngWriter(application: "Sluice test")
        writer.appendSection()
        for sample in samples { append(sample, to: &writer) }
        writer.appendStatistics([
            InterfaceStatistics(interface: 2, name: "lan0", written: 7, dropped: 3, start: 5, end: 6),
            InterfaceStatistics(interface: 44, name: "wan0", written: 0, dropped: 1, start: 5, end: 6),
        ])
        return writer.bytes
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func allIsReadBack(_ seed: UInt64) throws {
        let samples = Self.samples(200, seed: seed)
        var reader = CaptureReader(bytes: Self.file(samples))
        for sample in samples {
            guard let packet = try reader.next() else { throw CaptureError.empty }
            #expect(packet.time == sample.time)
            #expect(packet.bytes.withUnsafeBytes { Array($0) } == sample.bytes)
            #expect(packet.originalLength == Int(sample.record.length))
            #expect(packet.interface.name == Self.name(sample.record.interface))
            #expect(packet.interface.hasNanoseconds && packet.interface.linkType == .raw)
            #expect(packet.direction == (sample.record.direction == .inbound ? .inbound : .outbound))
            let options = packet.customOptions
            #expect(options.map(\.enterprise) == [PacketDecision.enterpriseNumber])
            let decision = PacketDecision(sample.record, trafficClass: sample.trafficClass)
            #expect(PacketDecision(options[0].bytes) == decision)
            #expect((packet.comment != nil) == decision.hasRemark)
            #expect(packet.comment?.hasPrefix("\(decision.verdict.name)") != false)
            // A terminal would obey it.
            #expect(packet.comment?.contains("\u{1b}") != true)
        }
        #expect(try reader.next() == nil)
    }

    /// A file that breaks off anywhere is read up to its last whole block.
    @Test func whatIsWholeIsRead() throws {
        let samples = Self.samples(12, seed: 4)
        var writer = PcapngWriter(application: "Sluice test")
        writer.appendSection()
        var ends: [Int] = []
        for sample in samples {
            Self.append(sample, to: &writer)
            ends.append(writer.bytes.count)
        }
        for length in 0..<writer.bytes.count {
            var reader = CaptureReader(bytes: Array(writer.bytes[..<length]))
            var packets = 0
            do {
                while try reader.next() != nil { packets += 1 }
            } catch {}
            #expect(packets == ends.count { $0 <= length })
        }
    }

    @Test func decisionsOfOthersAreNotTaken() {
        var random = SplitMix64(seed: 5)
        let sound = Self.samples(1, seed: 6)[0]
        var bytes: [UInt8] = []
        PacketDecision(sound.record, trafficClass: "relieve").append(to: &bytes)
        #expect(PacketDecision(bytes) != nil)
        for length in 0..<bytes.count { #expect(PacketDecision(Array(bytes[..<length])) == nil) }
        var other = bytes
        other[0] = 2
        #expect(PacketDecision(other) == nil)
        for _ in 0..<2000 {
            _ = PacketDecision(
                (0..<Int.random(in: 0...80, using: &random)).map { _ in .random(in: 0...255, using: &random) })
        }
    }

    /// Every field as tshark names it; capinfos counts, and complains of nothing.
    @Test func wiresharkReadsIt() async throws {
        let samples = Self.samples(300, seed: 7)
        let path = FileManager.default.temporaryDirectory.appending(path: "pcapng-\(UUID().uuidString).pcapng").path
        try Data(Self.file(samples)).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let fields = [
            "frame.packet_id", "frame.interface_name", "frame.packet_flags_direction", "frame.cap_len", "frame.len",
        ]
        let tshark = try await Subprocess.run(
            .name("tshark"), arguments: .init(["-n", "-r", path, "-T", "fields"] + fields.flatMap { ["-e", $0] }),
            output: .string(limit: 1 << 20), error: .string(limit: 1 << 16))
        #expect(tshark.terminationStatus.isSuccess)
        let lines = tshark.standardOutput.split(separator: "\n")
        let expected = samples.map { sample in
            let direction = sample.record.direction == .inbound ? 1 : 2
            return "\(sample.record.number)\t\(Self.name(sample.record.interface))\t0x0000000\(direction)\t"
                + "\(sample.bytes.count)\t\(sample.record.length)"
        }
        #expect(lines.map(String.init) == expected)
        let capinfos = try await Subprocess.run(
            .name("capinfos"), arguments: [path], output: .string(limit: 1 << 20), error: .string(limit: 1 << 16))
        #expect(capinfos.terminationStatus.isSuccess)
        let text = capinfos.standardOutput
        for line in ["Number of packets:   300", "Sluice test", "Name = wan0", "Time resolution = 0x09"] {
            #expect(text.contains(line))
        }
        #expect(capinfos.standardError.split(separator: "\n").allSatisfy { $0.contains("Running as user") })
    }
}
