import Foundation
import LinuxSystem
import Logging
import PacketForge
import PacketTap
import Wire

@testable import Recorder

/// Packet threads, the trace thread, and readers.
final class Studio {
    let board = TraceBoard()
    let taps: [TraceTap]
    let recorder: Recorder
    let messages = Messages()
    /// Its files; removed with it.
    let folder: String

    /// `capacity`: of each ring.
    init(taps count: Int = 1, capacity: Int = 1024) throws {
        let board = board
        taps = (0..<count).map { _ in TraceTap(board, capacity: capacity) }
        let messages = messages
        let log = Logger(label: "test") { _ in messages }
        recorder = try Recorder(taps, board, application: "test", log: log) { _ in nil }
        folder = FileManager.default.temporaryDirectory.appending(path: "recorder-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    func end() {
        recorder.stop()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// The lines of a file, as objects.
    func lines(_ name: String) throws -> [[String: Any]] {
        let text = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
        return try text.split(separator: "\n").map { line in
            try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
        }
    }
}

/// A studio for the length of a test.
func withStudio(
    taps: Int = 1, capacity: Int = 1024, _ body: (Studio) async throws -> Void
) async throws {
    let studio = try Studio(taps: taps, capacity: capacity)
    defer { studio.end() }
    try await body(studio)
}

extension TraceTap {
    /// Notes a segment with this sequence number, as its packet thread would.
    func note(_ number: UInt32, from port: UInt16 = 40000, interface: UInt32 = 1) {
        let bytes = PacketDraft(
            source: Endpoint(address: IPAddress("10.1.0.2")!, port: port), sequence: number, flags: .ack
        ).bytes
        var record = TraceRecord()
        record.facts.inDevice = interface
        record.received = MonotonicTime.now.nanoseconds
        record.decided = record.received
        record.length = UInt32(bytes.count)
        if let segment = try? Segment(bytes.span.bytes) { record.read(segment, isFromClient: true) }
        bytes.withUnsafeBytes { note(record, $0) }
    }
}

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

    var all: [String] { lock.withLock { texts } }

    func log(event: LogEvent) { lock.withLock { texts.append(event.message.description) } }
}
