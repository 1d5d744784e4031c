import Foundation
import PacketForge
import Subprocess
import SystemPackage
import Testing
import TraceOutput
import Tracking
import Wire

/// The line of a packet; nil when it is no TCP segment.
func line(
    _ packet: [UInt8], _ format: TraceLines.Format, _ context: PacketContext = PacketContext(frame: 1, time: 0)
) -> String? {
    guard let segment = try? Segment(packet.span.bytes) else { return nil }
    var lines = TraceLines(format)
    lines.append(segment, context)
    return String(decoding: lines.bytes, as: UTF8.self)
}

/// The object of a line of JSON.
func object(_ line: some StringProtocol) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
}

func packet(_ options: [UInt8]) -> [UInt8] { PacketDraft(options: options).bytes }

/// What stands in a line of JSON or text for the only option.
func rendered(_ option: TCPOptionContent, _ numbers: DataNumbers? = nil) throws -> (json: String, text: String) {
    var context = PacketContext(frame: 1, time: 0)
    if let numbers {
        // A sighting is the tracker's to make.
        var tracker = Tracker()
        let syn = packet(MultipathOption.capable(MPCapable(version: 1, flags: .hmac, form: .bare)).bytes)
        context.sighting = tracker.observe(try Segment(syn.span.bytes), at: 0)
        context.sighting?.dataNumbers = numbers
    }
    let json = try #require(line(packet(option.bytes), .json, context))
    let text = try #require(line(packet(option.bytes), .text, context))
    let begin = try #require(json.range(of: "\"options\": [")?.upperBound)
    let end = try #require(json.range(of: "], \"token\"")?.lowerBound)
    let head = try #require(text.range(of: "options [")?.upperBound)
    let tail = try #require(text[head...].lastIndex(of: "]"))
    return (String(json[begin..<end]), String(text[head..<tail]))
}

/// A pcap file (draft-ietf-opsawg-pcap) in network byte order.
struct PcapFile {
    var linkType: UInt32 = 101
    var hasNanoseconds = false
    /// Nanoseconds since 1970, and the frame.
    var packets: [(time: Int64, frame: [UInt8])] = []

    var bytes: [UInt8] {
        var bytes = big(UInt32(hasNanoseconds ? 0xa1b2_3c4d : 0xa1b2_c3d4)) + big(UInt16(2)) + big(UInt16(4))
        bytes += big(UInt32(0)) + big(UInt32(0)) + big(UInt32(262_144)) + big(linkType)
        for (time, frame) in packets {
            let fraction = time % 1_000_000_000 / (hasNanoseconds ? 1 : 1000)
            bytes += big(UInt32(time / 1_000_000_000)) + big(UInt32(fraction))
            bytes += big(UInt32(frame.count)) + big(UInt32(frame.count)) + frame
        }
        return bytes
    }
}

/// The outcome of a command.
struct Outcome {
    let status: TerminationStatus
    let output: String
    let error: String

    var lines: [Substring] { output.split(separator: "\n", omittingEmptySubsequences: false).dropLast() }
}

func run(_ words: [String], input: [UInt8] = []) async throws -> Outcome {
    let result = try await Subprocess.run(
        words[0].contains("/") ? .path(FilePath(words[0])) : .name(words[0]),
        arguments: Arguments(Array(words.dropFirst())), input: .array(input),
        output: .string(limit: 64 << 20), error: .string(limit: 1 << 20))
    return Outcome(
        status: result.terminationStatus, output: result.standardOutput, error: result.standardError)
}

/// `sluice decode - …`
func decode(_ bytes: [UInt8], _ arguments: String...) async throws -> Outcome {
    try await run([sluice, "decode", "-"] + arguments, input: bytes)
}

/// Built beside the tests.
let sluice = (CommandLine.arguments[0] as NSString).deletingLastPathComponent + "/sluice"
