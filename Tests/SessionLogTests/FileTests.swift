import Foundation
import Glibc
import LinuxSystem
import Testing
import Wire

@testable import SessionLog

/// The thread that writes, with files.
@Suite(.timeLimit(.minutes(3))) struct FileTests {
    @Test func recordsAreWrittenBetweenTheMarks() async throws {
        let desk = try Desk()
        #expect(!desk.log.isOn && desk.log.report.state == .off)
        desk.log.note(Samples.start4)
        desk.log.apply(desk.target())
        #expect(desk.log.isOn)
        desk.log.note(Samples.start4)
        desk.log.note(Samples.end(Samples.start4))
        try await desk.settle()
        #expect(try desk.events() == ["daemon start", "start", "end"], "the first came before there was a log")
        let rights = try FileManager.default.attributesOfItem(atPath: desk.file)[.posixPermissions] as? Int
        #expect(rights == 0o600)
        desk.log.stop()
        #expect(try desk.events() == ["daemon start", "start", "end", "daemon stop"])
        let report = desk.log.report
        #expect(report.written == 2 && report.failed == 0 && report.overflowed == 0 && report.waiting == 0)
        #expect(desk.messages.all == ["notice: sessions are logged to \(desk.file)"])
    }

    @Test func aFileGoesOn() async throws {
        let desk = try Desk()
        // Of a process, or a machine, that was killed.
        try Data("{\"event\":\"x\"}\n{\"time\":\"2026-1".utf8).write(to: URL(fileURLWithPath: desk.file))
        desk.log.apply(desk.target())
        desk.log.note(Samples.start4)
        desk.log.stop()
        let lines = try String(contentsOfFile: desk.file, encoding: .utf8).split(separator: "\n")
        #expect(lines.prefix(2) == ["{\"event\":\"x\"}", "{\"time\":\"2026-1"])
        #expect(lines.count == 5 && lines[3].contains("\"event\":\"start\""))
    }

    /// A process that goes on for another one: nothing is written before that one has ended, and nothing is missing then.
    @Test func recordsWaitForTheProcessBefore() async throws {
        let before = try Desk()
        before.log.apply(before.target())
        before.log.note(Samples.numbered(1))
        let next = try Desk(isStart: false)
        next.log.expect(before.target())
        for number in 2...5 { next.log.note(Samples.numbered(number)) }
        before.log.note(Samples.numbered(6))
        before.log.stop(isOver: false)
        #expect(try before.events() == ["daemon start", "start", "start"] && next.log.report.waiting == 4)
        next.log.apply(before.target())
        next.log.note(Samples.numbered(7))
        next.log.stop()
        #expect(try before.lines().compactMap { $0["session"] as? Int } == [1, 6, 2, 3, 4, 5, 7])
        let marks = try before.events().filter { $0 != "start" }
        #expect(marks == ["daemon start", "log opened", "daemon stop"])
        #expect(next.log.report.written == 5 && next.log.report.waiting == 0 && next.log.report.failed == 0)
    }

    /// Of those that wait, too, there is an end.
    @Test func recordsThatWaitHaveTheSameRoom() async throws {
        let desk = try Desk(room: 3, isStart: false)
        desk.log.expect(desk.target())
        for number in 0..<5 { desk.log.note(Samples.numbered(number)) }
        desk.log.apply(desk.target())
        desk.log.stop()
        #expect(desk.log.report.written == 3 && desk.log.report.overflowed == 2)
    }

    @Test func filesArePutAsideBySize() async throws {
        let desk = try Desk()
        desk.log.apply(desk.target(size: 2000, count: 3))
        for number in 0..<100 { desk.log.note(Samples.numbered(number)) }
        desk.log.stop()
        let names = try FileManager.default.contentsOfDirectory(atPath: desk.folder).sorted()
        #expect(names == ["sessions.1.jsonl", "sessions.2.jsonl", "sessions.jsonl"])
        let files = LogFiles.all(of: desk.file)
        #expect(files == ["2.jsonl", "1.jsonl", "jsonl"].map { "\(desk.folder)/sessions.\($0)" })
        for file in files {
            let size = try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int ?? 0
            #expect(size <= 2000 && (file == desk.file || size > 1700), "\(file): \(size)")
        }
        // Nothing is missing between the oldest that is kept and the newest, and nothing is there twice.
        let numbers = try files.flatMap { try desk.lines($0) }.compactMap { $0["session"] as? Int }
        #expect(numbers == Array((numbers.first ?? 0)..<100) && numbers.count > 15)
        #expect(desk.log.report.written == 100)
    }

    /// logrotate renames the file, and has the daemon reload.
    @Test func aFileThatWasRenamedIsBegunAnew() async throws {
        let desk = try Desk()
        desk.log.apply(desk.target())
        desk.log.note(Samples.numbered(1))
        try await desk.settle()
        rename(desk.file, desk.file + ".1")
        desk.log.note(Samples.numbered(2))
        try await desk.settle()
        desk.log.apply(desk.target())
        desk.log.note(Samples.numbered(3))
        try await desk.settle()
        desk.log.stop()
        #expect(try desk.events(desk.file + ".1") == ["daemon start", "start", "start"])
        #expect(try desk.events() == ["log opened", "start", "daemon stop"])
        #expect(LogFiles.all(of: desk.file) == [desk.file + ".1", desk.file])
        #expect(desk.messages.count("are logged to") == 1)
    }

    @Test func anotherPlaceOrNone() async throws {
        let desk = try Desk()
        let other = "\(desk.folder)/other"
        desk.log.apply(desk.target())
        desk.log.note(Samples.numbered(1))
        desk.log.apply(.file(RotatedFiles(path: other, count: 1), size: 1 << 20))
        desk.log.note(Samples.numbered(2))
        desk.log.apply(nil)
        desk.log.note(Samples.numbered(3))
        try await wait { desk.log.report.state == .off }
        desk.log.stop()
        #expect(try desk.events() == ["daemon start", "start"])
        #expect(try desk.events(other) == ["log opened", "start"])
        #expect(desk.log.report.written == 2)
    }

    @Test func sessionsThatWereTakenOverAreNotOver() async throws {
        let desk = try Desk(isStart: false)
        desk.log.apply(desk.target())
        desk.log.stop()
        #expect(try desk.events() == ["log opened", "daemon stop"])
    }

    /// What can't be opened is said once, tried again, and loses what comes meanwhile, which is counted.
    @Test func whatCannotBeOpenedCostsRecords() async throws {
        let desk = try Desk()
        let folder = "\(desk.folder)/missing"
        desk.log.apply(.file(RotatedFiles(path: "\(folder)/s.jsonl", count: 1), size: 1 << 20))
        try await wait { desk.log.report.state == .failing }
        for number in 0..<10 { desk.log.note(Samples.numbered(number)) }
        try await wait { desk.log.report.failed == 10 }
        #expect(desk.log.report.error?.contains("\(folder)/s.jsonl: No such file or directory") == true)
        #expect(desk.messages.count("session records are lost, and counted: open \(folder)/s.jsonl") == 1)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        desk.log.apply(.file(RotatedFiles(path: "\(folder)/s.jsonl", count: 1), size: 1 << 20))
        desk.log.note(Samples.numbered(10))
        desk.log.stop()
        #expect(try desk.events("\(folder)/s.jsonl") == ["daemon start", "start", "daemon stop"])
        #expect(desk.messages.count("sessions are logged again; 10 records were lost meanwhile") == 1)
        #expect(desk.messages.all.count == 2, "\(desk.messages.all)")
        #expect(desk.log.report.written == 1 && desk.log.report.failed == 10)
    }

    @Test func whatIsNoFileIsRefused() async throws {
        let desk = try Desk()
        for path in ["/dev/full", desk.folder] {
            desk.log.apply(.file(RotatedFiles(path: path, count: 1), size: 1 << 20))
            try await wait { desk.log.report.target == path && desk.log.report.error != nil }
            #expect(SessionTarget.file(RotatedFiles(path: path, count: 1), size: 1).check() != nil)
        }
        desk.log.stop()
        #expect(desk.messages.count("/dev/full is no regular file") == 1)
    }

    @Test func whatCanBeUsedIsFoundOutBefore() throws {
        let desk = try Desk()
        #expect(desk.target().check() == nil)
        #expect(!FileManager.default.fileExists(atPath: desk.file), "none is made")
        let nowhere = SessionTarget.file(RotatedFiles(path: "\(desk.folder)/x/y", count: 1), size: 1)
        #expect(nowhere.check().map { "\($0)" } == "make files in \(desk.folder)/x: No such file or directory")
        #expect(SessionTarget.journal.check(journal: "\(desk.folder)/none") != nil)
        desk.log.stop()
    }

    /// Twenty thousand sessions from four threads: each has its start and its end, in files of a few megabytes.
    @Test func eachSessionHasItsStartAndItsEnd() async throws {
        let desk = try Desk()
        let sessions = 20_000
        desk.log.apply(desk.target(size: 2 << 20, count: 100))
        let log = desk.log
        let threads = try (0..<4).map { part in
            try SystemThread(named: "worker \(part)") {
                for number in stride(from: part, to: sessions, by: 4) {
                    // As a worker would not: here no record may be lost.
                    while log.report.waiting > SessionLog.defaultRoom / 2 { usleep(1000) }
                    let start = Samples.numbered(number)
                    log.note(start)
                    log.note(Samples.end(start))
                }
            }
        }
        for thread in threads { thread.join() }
        desk.log.stop(within: .seconds(60))
        let report = desk.log.report
        #expect(report.written == UInt64(sessions * 2) && report.overflowed == 0 && report.failed == 0)
        let files = LogFiles.all(of: desk.file)
        #expect(files.count > 3)
        var starts = Set<UInt64>()
        var ends = Set<UInt64>()
        var lines = 0
        for file in files {
            try LogFiles.forEachLine(of: file) { line in
                lines += 1
                let text = String(decoding: line, as: UTF8.self)
                guard let match = text.firstMatch(of: /"event":"(start|end)","session":(\d+),/) else { return }
                let isNew =
                    match.1 == "start"
                    ? starts.insert(UInt64(match.2)!).inserted : ends.insert(UInt64(match.2)!).inserted
                if !isNew { Issue.record("twice: \(text)") }
            }
        }
        #expect(starts.count == sessions && ends.count == sessions && starts == ends)
        #expect(lines == sessions * 2 + 2)
        // One of them, found in all of the files.
        let wanted = Samples.numbered(12_345)
        var search = SessionSearch(
            SessionQuery(server: wanted.server, port: wanted.upstream!.port, time: wanted.started + Samples.second))
        for file in files { try LogFiles.forEachLine(of: file) { search.take($0) } }
        #expect(search.answers.map(\.session) == [12_345])
    }

    @Test func linesAreReadWhateverTheirLength() throws {
        let desk = try Desk()
        let long = String(repeating: "x", count: 3 << 20)
        try Data("a\n\n\(long)\nlast".utf8).write(to: URL(fileURLWithPath: desk.file))
        var lengths: [Int] = []
        try LogFiles.forEachLine(of: desk.file) { lengths.append($0.count) }
        #expect(lengths == [1, 0, 3 << 20, 4])
        #expect(throws: SystemError.self) { try LogFiles.forEachLine(of: "\(desk.folder)/none") { _ in } }
        desk.log.stop()
    }
}
