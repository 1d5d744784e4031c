import ArgumentParser
import Foundation
import LinuxSystem
import SessionLog
import Settings
import Wire

struct Sessions: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Who had a port at a server, at a time? Answered from the session log's files.",
        discussion: """
            A server sees the client's address, but a port of Sluice's. The daemon need not run. Files that were put aside are \
            read, too, but for compressed ones: give those by --file -. Ends with 1 when no session is found. \
            docs/session-log.md has more.

              sluice sessions --server 198.51.100.7:443 --port 14022 --at 2026-11-30T07:00:00Z
              zcat sessions.jsonl.3.gz | sluice sessions --file - --server '[2001:db8::7]:443' --port 14022 --at 1795935600
            """)

    @Option(help: "The server's address and port.")
    var server: String
    @Option(help: "The port that the server has seen the connection come from.")
    var port: UInt16
    @Option(help: "When: 2026-11-30T07:00:00Z, with an offset in place of the Z (+01:00), or seconds since 1970.")
    var at: String
    @Option(help: "How many seconds the server's clock may be from this machine's.")
    var within: Double = 0
    @Option(help: "The address that the server has seen; sessions of others are left out.")
    var client: String?
    @Option(help: "A log file (default: that of [sessions] log); - is standard input. May be given more than once.")
    var file: [String] = []
    @OptionGroup var config: ConfigOption
    @OptionGroup var output: JSONOption

    func run() throws {
        var search = SessionSearch(try query())
        for path in try paths() {
            do throws(SystemError) {
                try LogFiles.forEachLine(of: path) { search.take($0) }
            } catch {
                printError("\(error)")
                throw Sluice.Failure.atRunTime
            }
        }
        if search.unreadable > 0 {
            printError("\(search.unreadable) lines about this server can't be read, and are left out")
        }
        let answers = search.answers
        if output.json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            FileHandle.standardOutput.write(try encoder.encode(answers) + Data("\n".utf8))
        } else {
            print(answers.isEmpty ? "no session is logged of that server and port at that time" : Self.text(answers))
        }
        if answers.isEmpty { throw Sluice.Failure.atRunTime }
    }

    func query() throws -> SessionQuery {
        guard let server = Endpoint(server) else {
            throw ValidationError(
                "--server: \(server) is not an address and a port; give 198.51.100.7:443 or '[2001:db8::7]:443'")
        }
        guard let time = LogTime.parse(at) else {
            throw ValidationError(
                "--at: \(at) is no time; give one such as 2026-11-30T07:00:00Z or 2026-11-30T08:00:00+01:00, or seconds since 1970"
            )
        }
        let address = client.flatMap { IPAddress($0) }
        if let client, address == nil { throw ValidationError("--client: \(client) is not an address") }
        guard (0...86400).contains(within) else { throw ValidationError("--within: give 0 to 86400 seconds") }
        return SessionQuery(
            server: server, port: port, client: address, time: time, tolerance: Int64(within * 1_000_000_000))
    }

    /// The files that are read.
    private func paths() throws -> [String] {
        guard file.isEmpty else { return file.flatMap { $0 == "-" ? [$0] : LogFiles.all(of: $0) } }
        switch try config.load().sessions.log {
        case .file(let path): return LogFiles.all(of: path)
        case .journal: printError("sessions are logged to the journal: ask it, by journalctl SERVER=\(server)")
        case .ipfix: printError("sessions are logged to an IPFIX collector: ask that one")
        case nil: printError("\(config.config) has no [sessions] log; name a file by --file")
        }
        throw Sluice.Failure.atRunTime
    }

    private static func text(_ sessions: [LoggedSession]) -> String { sessions.map(text).joined(separator: "\n") }

    private static func text(_ session: LoggedSession) -> String {
        let end = session.end.map { "\($0), \(session.reason ?? "")" }
        let bound = session.endedBefore.map { "not logged; it was over by \($0)" }
        let carried = session.bytesToClient.map {
            ["bytes       \(bytes($0)) to the client, \(bytes(session.bytesToServer ?? 0)) to the server"]
        }
        let subflows = (session.subflows ?? []).map { subflow in
            "  subflow   \(subflow.client) by \(subflow.interface ?? "?"), \(bytes(subflow.bytesToClient)) to the client, "
                + "\(bytes(subflow.bytesToServer)) to the server"
        }
        return
            ([
                "client      \(session.client)\(session.interface.map { " by \($0)" } ?? "")",
                "server      \(session.server)", "seen as     \(session.upstream)",
                "token       \(session.token ?? "-")",
                "start       \(session.start)",
                "end         \(end ?? bound ?? "not logged: it still runs, or its record is lost")",
            ] + (carried ?? []) + subflows).joined(separator: "\n")
    }
}
