import Foundation
import Subprocess
import SystemPackage
import Testing
import Wire

@testable import SessionLog

/// Records as IPFIX messages (RFC 7011).
@Suite struct IPFIXTests {
    private let seconds: UInt32 = 1_796_022_000

    private func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test func aMessageByteByByte() throws {
        var exporter = IPFIXExporter(packet: 1500, isIPv4: true)
        let messages = exporter.messages([Samples.start4], at: Samples.time, Samples.names)
        try #require(messages.count == 2)
        #expect(messages.map(\.sessions) == [0, 1])
        let expected = [
            // Version, length, export time, sequence, domain.
            "000a004f", String(seconds, radix: 16), "00000000", "00000001",
            // The set.
            "0100003f", milliseconds(Samples.time), "04", "0a010002", "0a010002",
            "06", "c5c6", "36c6", "0a090002", "0a090002", "0050", "0050", "0000000000000007",
            milliseconds(Samples.time), "00000001", "046c616e31",
        ]
        #expect(hex(messages[1].bytes) == expected.joined())
    }

    private func milliseconds(_ time: Int64) -> String {
        let digits = String(time / 1_000_000, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Each template says of its records how long they are: what a collector would read is what was put in.
    @Test func templatesDescribeTheRecords() throws {
        var exporter = IPFIXExporter(packet: 1500, isIPv4: true)
        let records = [
            Samples.start4, Samples.end(Samples.start4), Samples.start6, Samples.end(Samples.start6, .order),
        ]
        let messages = exporter.messages(records, at: Samples.time, Samples.names)
        var collector = Collector()
        for message in messages { try collector.read(message.bytes) }
        #expect(collector.templates.count == 6)
        #expect(collector.records.map(\.template) == [256, 257, 260, 258, 259, 261])
        #expect(collector.records.allSatisfy { $0.template != 256 || $0.values[230] == [4] })
        let end = try #require(collector.records.first { $0.template == 257 })
        #expect(end.values[230] == [5] && end.values[136] == [3] && end.values[227] == [0x36, 0xc6])
        #expect(
            end.values[231] == [0, 0, 0, 0, 0, 0, 0, 75] && end.values[232]?.suffix(4) == [0x01, 0xc9, 0xc3, 0x80])
        #expect(end.values[82] == Array("lan1".utf8))
        let six = try #require(collector.records.first { $0.template == 259 })
        #expect(six.values[233] == [2] && six.values[136] == [4] && six.values[227] == [0x36, 0xc7])
        #expect(
            six.values[281] == IPAddress("2001:db8::2")!.bytes && six.values[28] == IPAddress("2001:db8:9::2")!.bytes)
        #expect(six.values[82] == [] && six.values[148] == [0, 0, 0, 0, 0, 0, 0, 8])
    }

    @Test(arguments: [nil, 512, 576, 1280, 1500, 65536] as [Int?], [true, false])
    func noMessageIsLargerThanThePath(_ packet: Int?, _ isIPv4: Bool) throws {
        var exporter = IPFIXExporter(packet: packet, isIPv4: isIPv4)
        let starts = (0..<500).map(Samples.numbered)
        let records = starts + starts.map { Samples.end($0) } + [Samples.end(Samples.start6)]
        let messages = exporter.messages(records, at: Samples.time, Samples.names)
        let limit = min(max(packet ?? 512, 512), 1500) - (isIPv4 ? 28 : 48)
        #expect(messages.allSatisfy { $0.bytes.count <= limit })
        #expect(messages.map(\.sessions).reduce(0, +) == records.count)
        // Full, but for the last: no record would have had room in the message before it.
        #expect(messages.dropFirst().dropLast().allSatisfy { $0.bytes.count > limit - 135 })
        var collector = Collector()
        for message in messages { try collector.read(message.bytes) }
        #expect(collector.records.count == records.count + 501)
        #expect(collector.gaps == 0)
    }

    @Test func templatesComeAgain() {
        var exporter = IPFIXExporter(packet: 1500, isIPv4: true)
        let counts = [0, 59, 60, 61, 119, 120, 130].map { second in
            exporter.messages([Samples.start4], at: Samples.time + second * Samples.second, Samples.names).count
        }
        #expect(counts == [2, 1, 2, 1, 1, 2, 1])
        exporter.forgetTemplates()
        #expect(exporter.messages([Samples.start4], at: Samples.time + 131 * Samples.second, Samples.names).count == 2)
        // The clock has been set back.
        #expect(exporter.messages([Samples.start4], at: Samples.time, Samples.names).count == 2)
    }

    /// Wireshark, which has IANA's registry, has the same names for the same values.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/tshark"), "needs tshark"))
    func tsharkReadsIt() async throws {
        var exporter = IPFIXExporter(packet: 1500, isIPv4: true)
        let records = [Samples.start4, Samples.end(Samples.start4), Samples.end(Samples.start6, .idle)]
        let messages = exporter.messages(records, at: Samples.time, Samples.names)
        let file = FileManager.default.temporaryDirectory.appending(path: "ipfix-\(UUID().uuidString).pcap").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        try Self.capture(messages.map(\.bytes)).write(to: URL(fileURLWithPath: file))
        let result = try await Subprocess.run(
            .name("tshark"), arguments: ["-r", file, "-d", "udp.port==4739,cflow", "-V"],
            output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
        let text = result.standardOutput
        for part in [
            "Nat Event: NAT44 session create (4)", "Nat Event: NAT44 session delete (5)", "SrcAddr: 10.1.0.2",
            "SrcPort: 50630", "Post NAPT Source Transport Port: 14022", "Post NAT Source IPv4 Address: 10.1.0.2",
            "DstAddr: 10.9.0.2", "DstPort: 80", "Initiator Octets: 75", "Responder Octets: 30000000",
            "Flow End Reason: End of Flow detected (3)", "Flow End Reason: Idle timeout (1)",
            "Firewall Event: Flow deleted (2)", "SrcAddr: 2001:db8::2", "Post NAPT Source Transport Port: 14023",
            "Post NAT Source IPv6 Address: 2001:db8::2", "Flow Id: 7", "IfName: lan1", "Protocol: TCP (6)",
            "Observation Time Milliseconds: Nov 30, 2026 07:00:00.123",
        ] { #expect(text.contains(part), "\(part) in\n\(text)") }
        #expect(!text.contains("Malformed") && !text.contains("Unknown"), "\(text)")
    }

    /// Datagrams as a capture of raw IPv4 packets.
    private static func capture(_ datagrams: [[UInt8]]) -> Data {
        func little(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(value >> ($0 * 8) & 0xff) } }
        func big(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 0xff), UInt8(value & 0xff)] }
        var bytes = little(0xa1b2_c3d4) + [2, 0, 4, 0] + little(0) + little(0) + little(65535) + little(101)
        for datagram in datagrams {
            let udp = big(40000) + big(4739) + big(8 + datagram.count) + big(0) + datagram
            let head: [UInt8] = [0x45, 0] + big(20 + udp.count) + [0, 0, 0, 0, 64, 17, 0, 0]
            let packet = head + [10, 0, 0, 1, 10, 0, 0, 2] + udp
            bytes += little(1) + little(0) + little(UInt32(packet.count)) + little(UInt32(packet.count)) + packet
        }
        return Data(bytes)
    }
}

/// Reads messages by the templates in them, as a collector does.
struct Collector {
    struct Record {
        let template: UInt16
        let values: [UInt16: [UInt8]]
    }

    private(set) var templates: [UInt16: [(number: UInt16, length: UInt16)]] = [:]
    private(set) var records: [Record] = []
    /// Messages whose sequence number isn't the count of the records before.
    private(set) var gaps = 0
    private var expected: UInt32 = 0

    struct Malformed: Error {
        let what: String
    }

    mutating func read(_ message: [UInt8]) throws {
        var rest = message[...]
        func take(_ count: Int) throws -> ArraySlice<UInt8> {
            guard rest.count >= count else { throw Malformed(what: "too short") }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }
        func number(_ count: Int) throws -> UInt32 { try take(count).reduce(0) { $0 << 8 | UInt32($1) } }
        guard try number(2) == 10, Int(try number(2)) == message.count else { throw Malformed(what: "header") }
        _ = try number(4)
        if try number(4) != expected { gaps += 1 }
        _ = try number(4)
        while !rest.isEmpty {
            let id = UInt16(try number(2))
            let length = Int(try number(2)) - 4
            guard length >= 0, length <= rest.count else { throw Malformed(what: "set") }
            let left = rest.count - length
            while rest.count > left {
                if id == 2 {
                    let template = UInt16(try number(2))
                    let count = try number(2)
                    templates[template] = try (0..<count).map { _ in (UInt16(try number(2)), UInt16(try number(2))) }
                } else {
                    guard let elements = templates[id] else { throw Malformed(what: "no template \(id)") }
                    var values: [UInt16: [UInt8]] = [:]
                    for (element, size) in elements {
                        let count = size == 65535 ? Int(try number(1)) : Int(size)
                        values[element] = Array(try take(count))
                    }
                    records.append(Record(template: id, values: values))
                    expected &+= 1
                }
            }
            guard rest.count == left else { throw Malformed(what: "a record beyond its set") }
        }
    }
}
