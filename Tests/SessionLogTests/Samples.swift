import Foundation
import LinuxSystem
import Logging
import Testing
import Wire

@testable import SessionLog

/// Records that tests are about.
enum Samples {
    /// 2026-11-30T07:00:00.123456789Z
    static let time: Int64 = 1_796_022_000_123_456_789
    static let second: Int64 = 1_000_000_000

    static let names: @Sendable (UInt32) -> String? = { $0 == 0 ? nil : $0 == 9 ? "we\"ird\\\u{1}" : "lan\($0)" }

    static let start4 = SessionRecord(
        number: 7, started: time, client: Endpoint("10.1.0.2:50630")!, server: Endpoint("10.9.0.2:80")!,
        upstream: Endpoint("10.1.0.2:14022")!, token: Token(0x31b2_68da), interface: 1)

    static let start6 = SessionRecord(
        number: 8, started: time, client: Endpoint("[2001:db8::2]:50631")!, server: Endpoint("[2001:db8:9::2]:443")!,
        upstream: Endpoint("[2001:db8::2]:14023")!, token: nil, interface: 0)

    static func end(
        _ start: SessionRecord, after nanoseconds: Int64 = 2 * second, _ reason: SessionEnd = .closed,
        subflows: [SessionRecord.Subflow]? = nil
    ) -> SessionRecord {
        var end = start
        let all =
            subflows ?? [
                .init(
                    client: start.client, server: start.server, interface: start.interface, bytesToClient: 30_000_000,
                    bytesToServer: 75)
            ]
        end.end = .init(
            time: start.started + nanoseconds, reason: reason, bytesToClient: 30_000_000, bytesToServer: 75,
            subflows: all)
        return end
    }

    /// One of many sessions: no two have the same ports and server.
    static func numbered(_ number: Int) -> SessionRecord {
        SessionRecord(
            number: UInt64(number), started: time + Int64(number) * 1000,
            client: Endpoint(address: IPAddress(v4: 0x0a01_0002), port: UInt16(1024 + number % 60000)),
            server: Endpoint(address: IPAddress(v4: 0xc633_6400 + UInt32(number / 20000)), port: 443),
            upstream: Endpoint(address: IPAddress(v4: 0x0a01_0002), port: UInt16(4096 + number % 20000)),
            token: Token(UInt32(number)), interface: 1)
    }
}

/// A log with a folder of its own, and what it has said.
final class Desk {
    let folder: String
    let messages = Messages()
    let log: SessionLog
    var file: String { "\(folder)/sessions.jsonl" }
    var journal: String { "\(folder)/journal" }

    init(room: Int = SessionLog.defaultRoom, isStart: Bool = true) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "sessions-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let messages = messages
        log = try SessionLog(
            version: "1.2.3", log: Logger(label: "test") { _ in messages }, room: room, isStart: isStart,
            journal: "\(folder)/journal")
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func target(size: Int = 1 << 30, count: Int = 10) -> SessionTarget {
        .file(RotatedFiles(path: file, count: count), size: size)
    }

    /// Waits until no record is under way.
    func settle() async throws {
        try await wait { [log] in log.report.waiting == 0 }
        try await Task.sleep(for: .milliseconds(50))
    }

    func lines(_ path: String? = nil) throws -> [[String: Any]] {
        let text = try String(contentsOfFile: path ?? file, encoding: .utf8)
        #expect(text.isEmpty || text.hasSuffix("\n"), "a half line")
        return try text.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any], "\($0)")
        }
    }

    func events(_ path: String? = nil) throws -> [String] { try lines(path).map { $0["event"] as? String ?? "" } }
}

/// Asks again and again, for ten seconds at the most.
func wait(_ condition: () async throws -> Bool) async throws {
    for _ in 0..<1000 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    throw TimedOut()
}

struct TimedOut: Error {}

/// What has been logged.
final class Messages: LogHandler, @unchecked Sendable {
    private let lock = NSLock()
    private var texts: [String] = []
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) { lock.withLock { texts.append("\(event.level): \(event.message)") } }

    var all: [String] { lock.withLock { texts } }

    func count(_ part: String) -> Int { all.count { $0.contains(part) } }
}
