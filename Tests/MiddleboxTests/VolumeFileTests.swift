import Foundation
import Logging
import Steering
import Testing

@testable import Middlebox

/// Where it is kept what paths and clients have carried.
@Suite struct VolumeFileTests {
    private static let cap = VolumeCap(bytes: 1000, period: .month)
    private static let today = CalendarDay(year: 2026, month: 5, day: 4, number: 20_577)

    private static var ledger: VolumeLedger {
        var ledger = VolumeLedger()
        ledger.add(7, to: "wired", cap, on: today)
        return ledger
    }

    /// A folder, a file in it, and what has been logged.
    private struct Rig {
        let folder = FileManager.default.temporaryDirectory.appending(path: "volumes-\(UUID().uuidString)").path
        let messages = Messages()

        var path: String { folder + "/volumes.json" }

        func file(in directory: String? = nil) -> VolumeFile {
            let messages = messages
            return VolumeFile(directory: directory ?? folder, log: Logger(label: "test") { _ in messages })
        }

        static func with(_ body: (Rig) throws -> Void) throws {
            let rig = Rig()
            try FileManager.default.createDirectory(atPath: rig.folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: rig.folder) }
            try body(rig)
        }
    }

    @Test("what was written is read, without a word") func goesOn() throws {
        try Rig.with { rig in
            rig.file().writeNow(Self.ledger)
            #expect(rig.file().read() == Self.ledger)
            let rights = try FileManager.default.attributesOfItem(atPath: rig.path)[.posixPermissions] as? Int
            #expect(rights.map { $0 & 0o077 & 0o022 } == 0)
            #expect(rig.messages.all == [])
        }
    }

    @Test("where there is no file, there is nothing, and no word of it") func noFile() throws {
        try Rig.with { rig in
            #expect(rig.file().read() == VolumeLedger())
            #expect(rig.file(in: rig.folder + "/none").read() == VolumeLedger())
            // Nothing to keep: nothing is made.
            rig.file(in: rig.folder + "/none").writeNow(VolumeLedger())
            #expect(!FileManager.default.fileExists(atPath: rig.folder + "/none"))
            #expect(rig.messages.all == [])
        }
    }

    @Test(
        "a file that can't be read is put aside and told of, and the daemon goes on",
        arguments: ["", "{", "[]", "{\"paths\": {}}", "\u{0}\u{1}", "{\"paths\": 5, \"counters\": {}}"])
    func unreadable(text: String) throws {
        try Rig.with { rig in
            try text.write(toFile: rig.path, atomically: true, encoding: .utf8)
            let file = rig.file()
            #expect(file.read() == VolumeLedger())
            let message = try #require(rig.messages.all.first)
            #expect(message.hasPrefix("\(rig.path) can't be read, so that caps count from 0: "))
            #expect(message.hasSuffix("; it is kept as \(rig.path).unreadable"))
            #expect(!message.contains("\n"))
            #expect(try String(contentsOfFile: rig.path + ".unreadable", encoding: .utf8) == text)
            file.writeNow(Self.ledger)
            #expect(rig.file().read() == Self.ledger)
            #expect(rig.messages.all.count == 1)
        }
    }

    @Test("neither is a folder in its place read; it is put aside, too") func aFolder() throws {
        try Rig.with { rig in
            try FileManager.default.createDirectory(atPath: rig.path, withIntermediateDirectories: true)
            let file = rig.file()
            #expect(file.read() == VolumeLedger())
            #expect(rig.messages.all.count == 1)
            file.writeNow(Self.ledger)
            #expect(rig.file().read() == Self.ledger)
        }
    }

    @Test("what can't be written is told of once, and again when it could be meanwhile") func unwritable() throws {
        try Rig.with { rig in
            // A file where the folder would be.
            let place = rig.folder + "/state"
            try "".write(toFile: place, atomically: true, encoding: .utf8)
            let file = rig.file(in: place)
            #expect(file.read() == VolumeLedger())
            let before = rig.messages.all.count
            var ledger = Self.ledger
            for _ in 0..<3 {
                ledger.add(1, to: "wired", Self.cap, on: Self.today)
                file.writeNow(ledger)
            }
            let messages = rig.messages.all.dropFirst(before)
            #expect(messages.count == 1)
            #expect(
                messages.first?.hasPrefix("\(place)/volumes.json can't be written, so that caps begin anew ") == true)
            #expect(messages.first?.hasSuffix("; set [advanced] state_directory to a folder that can be") == true)
            try FileManager.default.removeItem(atPath: place)
            file.writeNow(ledger)
            #expect(rig.file(in: place).read() == ledger)
            try FileManager.default.removeItem(atPath: place)
            try "".write(toFile: place, atomically: true, encoding: .utf8)
            ledger.add(1, to: "wired", Self.cap, on: Self.today)
            file.writeNow(ledger)
            #expect(rig.messages.all.count == before + 2)
        }
    }

    @Test("a file is replaced whole, and only for a change") func replaces() throws {
        try Rig.with { rig in
            let file = rig.file()
            file.writeNow(Self.ledger)
            try FileManager.default.removeItem(atPath: rig.path)
            file.writeNow(Self.ledger)
            #expect(!FileManager.default.fileExists(atPath: rig.path))
            // Caps that are gone are written, too.
            file.writeNow(VolumeLedger())
            #expect(rig.file().read() == VolumeLedger())
            #expect(try FileManager.default.contentsOfDirectory(atPath: rig.folder) == ["volumes.json"])
        }
    }
}

/// What has been logged.
private final class Messages: LogHandler, @unchecked Sendable {
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

extension VolumeFile {
    fileprivate func writeNow(_ ledger: VolumeLedger) {
        write(ledger)
        finish()
    }
}
