import Foundation
import Lab
import LinuxSystem
import SessionLog
import Testing
import Wire

/// The session log's file in a lab.
struct LoggedSessions {
    let lab: Lab
    let file: String

    init(_ lab: Lab, _ name: String = "sessions.jsonl") {
        self.lab = lab
        file = "\(lab.directory)/\(name)"
    }

    /// For `Lab.configuration`.
    var table: String { "log = \"\(file)\"" }

    /// Of each line, those that were put aside first.
    func lines() throws -> [[String: Any]] {
        var lines: [[String: Any]] = []
        for path in LogFiles.all(of: file) where FileManager.default.fileExists(atPath: path) {
            let text = try String(contentsOfFile: path, encoding: .utf8)
            #expect(text.isEmpty || text.hasSuffix("\n"), "a half line in \(path)")
            lines += try text.split(separator: "\n").map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any], "\($0)")
            }
        }
        return lines
    }

    func all(_ event: String) throws -> [[String: Any]] { try lines().filter { $0["event"] as? String == event } }

    /// Those that have so many events, once they are there.
    func wait(for count: Int, _ event: String) async throws -> [[String: Any]] {
        try await lab.wait(for: "\(count) lines about a session's \(event)") { try all(event).count >= count }
        return try all(event)
    }

    /// The answers of `sluice sessions`, which needs no daemon.
    func ask(_ sluice: SluiceDaemon, _ arguments: String...) async throws -> [LoggedSession] {
        let result = try await lab.run(
            in: .box, [try Lab.programBeside("sluice"), "sessions", "--file", file, "--json"] + arguments)
        guard result.errors.isEmpty else { throw Unexpected(result.errors) }
        return try JSONDecoder().decode([LoggedSession].self, from: Data(result.output.utf8))
    }
}

extension [String: Any] {
    func text(_ key: String) -> String? { self[key] as? String }

    func number(_ key: String) -> UInt64? { (self[key] as? NSNumber)?.uint64Value }

    var port: UInt16? { text("upstream").flatMap { Endpoint($0)?.port } }

    var subflows: [[String: Any]] { self["subflows"] as? [[String: Any]] ?? [] }
}

extension Lab {
    /// The peers of a server's connections on a port, as the server's own kernel has them.
    func peers(ofServerOn port: UInt16) async throws -> Set<String> {
        let lines = try await sockets(in: .server(0), ["-t", "state", "established", "sport", "=", ":\(port)"])
        // ss writes IPv4 clients of an IPv6 socket as mapped addresses.
        return Set(
            lines.compactMap { line in
                line.split(separator: " ").last.flatMap { Endpoint($0.replacing("::ffff:", with: "")) ?? Endpoint($0) }?
                    .description
            })
    }
}
