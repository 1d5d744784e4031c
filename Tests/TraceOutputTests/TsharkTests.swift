import Foundation
import Testing

/// Each field of each MPTCP option of recorded connections, as `tshark` reads it and as `sluice decode --json` does.
@Suite(.enabled(if: tsharkIsThere, "needs tshark"), .timeLimit(.minutes(5)))
struct TsharkTests {
    private static let folder = (#filePath as NSString).deletingLastPathComponent + "/Captures"

    /// Those of the folder; SLUICE_CAPTURES names more, separated by blanks.
    static let captures: [String] = {
        let own = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let more = ProcessInfo.processInfo.environment["SLUICE_CAPTURES"] ?? ""
        return own.sorted().filter { $0.hasSuffix(".pcap") }.map { "\(folder)/\($0)" }
            + more.split(separator: " ").map(String.init)
    }()

    @Test func thereAreCaptures() { #expect(Self.captures.count >= 5) }

    @Test(arguments: captures)
    func aCapture(_ path: String) async throws {
        let theirs = try await tshark(path)
        let ours = try await decoded(path)
        try #require(theirs.count == ours.count)
        for (index, (their, our)) in zip(theirs, ours).enumerated() {
            for field in TsharkField.all {
                try #require(their[field.name] == our[field.name], "frame \(index + 1): \(field.name)")
            }
        }
        #expect(theirs.contains { $0["tcp.options.mptcp.subtype"] != nil }, "something was compared")
    }

    /// For each frame its fields, each with all its values in order of size.
    private func tshark(_ path: String) async throws -> [[String: [String]]] {
        let names = TsharkField.all.map(\.name)
        let outcome = try await run(
            ["tshark", "-r", path, "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,", "-E", "separator=;"]
                + ["-o", "tcp.relative_sequence_numbers:FALSE", "-o", "mptcp.relative_sequence_numbers:FALSE"]
                + names.flatMap { ["-e", $0] })
        try #require(outcome.status == .exited(0), "\(outcome.error)")
        return outcome.lines.map { line in
            let cells = line.split(separator: ";", omittingEmptySubsequences: false)
            return fields(zip(names, cells).map { ($0, $1.split(separator: ",").map(String.init)) })
        }
    }

    private func decoded(_ path: String) async throws -> [[String: [String]]] {
        let outcome = try await run([sluice, "decode", path, "--json"])
        try #require(outcome.status == .exited(0), "\(outcome.error)")
        var lines = try outcome.lines.map { try object($0) }
        let summary = try #require(lines.removeLast()["summary"] as? [String: Any])
        let connections = summary["connections"] as? [[String: Any]] ?? []
        let clientTokens = connections.map { ($0["token"] as? String, $0["client_token"] as? String) }
        return lines.map { line in
            var line = line
            line["client_token"] = clientTokens.first { $0.0 == line["token"] as? String }?.1
            return fields(TsharkField.all.map { ($0.name, $0.values(line)) })
        }
    }

    private func fields(_ all: [(String, [String])]) -> [String: [String]] {
        let written = all.map { ($0, $1.map(decimal).sorted()) }.filter { !$1.isEmpty }
        return Dictionary(uniqueKeysWithValues: written)
    }

    /// A number of any base in decimal; what is none as it is, without colons between bytes.
    private func decimal(_ text: String) -> String {
        switch text {
        case "True": return "1"
        case "False": return "0"
        default: break
        }
        if let number = UInt64(text) { return String(number) }
        let digits = text.hasPrefix("0x") ? String(text.dropFirst(2)) : text
        if text.hasPrefix("0x"), let number = UInt64(digits, radix: 16) { return String(number) }
        return digits.count == 40 || digits.count == 59 ? digits.filter { $0 != ":" } : digits
    }
}

let tsharkIsThere = ["/usr/bin", "/usr/local/bin", "/bin"].contains {
    FileManager.default.isExecutableFile(atPath: $0 + "/tshark")
}
