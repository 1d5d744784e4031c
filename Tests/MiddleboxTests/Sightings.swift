import Capture
import Foundation
import Lab
import Wire

/// Packets by the hook where they were seen, as far as a trace keeps them: how often each.
struct Sightings {
    private struct Key: Hashable {
        /// As netfilter numbers them.
        let hook: UInt8
        let bytes: [UInt8]
    }

    private static let captureLength = 192
    private var counts: [Key: Int] = [:]
    private(set) var total = 0

    private mutating func add(_ hook: UInt8, _ packet: [UInt8]) {
        var bytes = Array(packet.prefix(Self.captureLength))
        // The kernel completes it between the rule and queue SYN, which has packets without GSO.
        if hook == 4 { bytes.clearChecksum() }
        counts[Key(hook: hook, bytes: bytes), default: 0] += 1
        total += 1
    }

    /// Of a trace.
    init(trace file: String) throws {
        try Self.read(file) { _, custom, bytes in add(custom[2], bytes) }
    }

    /// Of what `recordQueues` has recorded, once it has got as far as `count` packets: the kernel hands them to tcpdump
    /// after a second, or a hundred at a time.
    init(recordings: [Recording], of lab: Lab, count: Int) async throws {
        try? await lab.wait(for: "tcpdump to have all", within: .seconds(10)) {
            var packets = 0
            for recording in recordings { try Self.read(recording.path) { _, _, _ in packets += 1 } }
            return packets >= count
        }
        for recording in recordings {
            try Self.read(try await recording.stop()) { hook, _, bytes in add(hook, bytes) }
        }
    }

    /// A few of those that the two have differently often.
    func differences(to other: Sightings) -> [String] {
        let different = Set(counts.keys).union(other.counts.keys).filter { counts[$0] != other.counts[$0] }
        let shown = different.prefix(5).map { key in
            "hook \(key.hook): \(counts[key] ?? 0) instead of \(other.counts[key] ?? 0): \(Self.describe(key.bytes))"
        }
        return shown + (different.isEmpty ? [] : ["\(different.count) in all"])
    }

    private static func describe(_ bytes: [UInt8]) -> String {
        guard let segment = try? Segment(bytes.span.bytes, length: nil) else { return "\(bytes.prefix(60))" }
        return "\(segment.source) > \(segment.destination), flags \(segment.flags.rawValue), seq \(segment.sequence)"
    }

    /// The hook, our custom option, and the packet's bytes from the IP header on.
    private static func read(_ path: String, _ body: (UInt8, [UInt8], [UInt8]) throws -> Void) throws {
        var reader = CaptureReader(bytes: try Array(Data(contentsOf: URL(filePath: path))))
        do {
            while let packet = try reader.next() {
                let bytes = packet.bytes.withUnsafeBytes { Array($0) }
                if packet.interface.linkType.rawValue == 239 {
                    let log = NetfilterLog(bytes)
                    try body(log.hook, [], log.payload)
                } else {
                    try body(0, packet.customOptions.first?.bytes ?? [], bytes)
                }
            }
        } catch CaptureError.truncated {
            // A file that breaks off is read as far as it goes.
        }
    }
}

/// LINKTYPE_NFLOG (https://www.tcpdump.org/linktypes/LINKTYPE_NFLOG.html): a header of four bytes, then attributes.
private struct NetfilterLog {
    private(set) var hook: UInt8 = 0
    private(set) var payload: [UInt8] = []

    init(_ bytes: [UInt8]) {
        var place = 4
        while place + 4 <= bytes.count {
            let length = Int(bytes[place]) | Int(bytes[place + 1]) << 8
            guard length >= 4, place + length <= bytes.count else { return }
            let value = bytes[place + 4..<place + length]
            switch bytes[place + 2] {
            case 1: hook = value[value.startIndex + 2]
            case 9: payload = Array(value)
            default: break
            }
            place += (length + 3) & ~3
        }
    }
}

extension [UInt8] {
    /// Of TCP, behind a header of IPv4 without options or of IPv6.
    fileprivate mutating func clearChecksum() {
        let start = (self[0] >> 4 == 4 ? 20 : 40) + 16
        guard count >= start + 2 else { return }
        self[start] = 0
        self[start + 1] = 0
    }
}

extension Lab {
    /// tcpdump beside each queue: what a rule hands to one is logged by another rule with the same matches. It stands where
    /// the daemon leaves rules alone, which its own chains aren't: behind the queue, in the table `security`, or else before
    /// it, in the built-in chain.
    func recordQueues() async throws -> [Recording] {
        let places = [
            (ours: "SLUICE_INPUT", table: "security", chain: "INPUT", group: "71"),
            (ours: "SLUICE_OUTPUT", table: "security", chain: "OUTPUT", group: "72"),
            (ours: "SLUICE_POSTROUTING", table: "mangle", chain: "POSTROUTING", group: "73"),
        ]
        var recordings: [Recording] = []
        for place in places { recordings.append(try await record(in: .box, interface: "nflog:\(place.group)")) }
        for family in ["iptables", "ip6tables"] {
            let saved = try await run(in: .box, ["\(family)-save", "-t", "mangle"]).output
            let rules = saved.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            for place in places {
                for match in Self.queued(in: place.ours, rules) {
                    try await require(
                        in: .box,
                        [family, "-w", "-t", place.table, "-I", place.chain] + match
                            + ["-j", "NFLOG", "--nflog-group", place.group, "--nflog-size", "192"])
                }
                guard place.chain == "INPUT" else { continue }
                // A SYN that goes in has been in queue SYN, and is in no other one.
                try await require(
                    in: .box,
                    [family, "-w", "-t", place.table, "-I", place.chain, "-i", "sluice0"]
                        + ["-p", "tcp", "--syn", "-j", "ACCEPT"])
            }
        }
        return recordings
    }

    /// The matches of rules that lead from a chain to a queue, also by one more chain.
    private static func queued(in chain: String, _ rules: [[String]]) -> [[String]] {
        rules.filter { $0.starts(with: ["-A", chain]) }.flatMap { rule -> [[String]] in
            guard let jump = rule.lastIndex(of: "-j"), let target = rule[jump...].dropFirst().first else { return [] }
            let match = Array(rule[2..<jump])
            // SYNs of the box's own that ask for MPTCP, and their answers, are in no trace (docs/decisions/0011).
            if match.contains("0xb000000/0xf000000") { return [] }
            // Those of acknowledgements are met by the data queues' rule behind, too.
            if match.contains("bpf") { return [] }
            // The latter is for the queues of SYNs, whatever their number.
            if target == "NFQUEUE" || target == "SLUICE_HOLD" { return [match] }
            guard target == "SLUICE_SYN" else { return [] }
            // -p may be said but once.
            return queued(in: target, rules).map {
                match + ($0.starts(with: ["-p", "tcp"]) ? $0.dropFirst(2) : $0[...])
            }
        }
    }
}
