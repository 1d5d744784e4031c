import Foundation
import LinuxSystem
import PacketTap
import Testing
import TraceOutput
import Wire

@testable import Recorder

/// Packet threads, the trace thread, and what comes out.
@Suite(.timeLimit(.minutes(2))) struct RecorderTests {
    private static let all = try! TraceFilter("").compiled { _ in nil }

    private func file(_ studio: Studio, size: Int = 1 << 30, count: Int = 1) -> TraceTarget {
        .file(TraceFile(path: "\(studio.folder)/trace.json", format: .json, size: size, count: count))
    }

    @Test func recordsOfAllThreadsComeInOrderOfTheirVerdicts() async throws {
        try await withStudio(taps: 3) { studio in
            let id = try await studio.recorder.open(Self.all, file(studio))
            for number in 0..<600 { studio.taps[number % 3].note(UInt32(number)) }
            let totals = try #require(await studio.recorder.close(id))
            #expect(totals.matched == 600 && totals.written == 600 && totals.dropped == 0)
            let lines = try studio.lines("trace.json")
            #expect(lines.map { $0["seq"] as? Int } == Array(0..<600))
            #expect(lines.map { $0["frame"] as? Int } == Array(1...600))
        }
    }

    /// Nobody waits for the trace thread: what doesn't fit is dropped, and each packet is accounted for, reader by
    /// reader.
    @Test func whatIsTooMuchIsDroppedAndCounted() async throws {
        try await withStudio(taps: 2, capacity: 16) { studio in
            let odd = try TraceFilter("port 40001").compiled { _ in nil }
            let readers = [
                try await studio.recorder.open(Self.all, file(studio)),
                try await studio.recorder.open(odd, .live(LiveSink(limit: 2000), .text)),
            ]
            await withTaskGroup(of: Void.self) { group in
                for tap in studio.taps {
                    group.addTask {
                        for number in 0..<20_000 { tap.note(UInt32(number), from: 40000 + UInt16(number % 2)) }
                    }
                }
            }
            let totals = [
                try #require(await studio.recorder.close(readers[0])),
                try #require(await studio.recorder.close(readers[1])),
            ]
            #expect(totals.map(\.matched) == [40_000, 20_000])
            #expect(totals.allSatisfy { $0.written + $0.dropped == $0.matched })
            #expect(totals.allSatisfy { $0.dropped > 0 })
            #expect(try studio.lines("trace.json").count == Int(totals[0].written))
        }
    }

    /// Filters of those that come and go: each sees just what passes its own.
    @Test func readersComeAndGoWhilePacketsPass() async throws {
        try await withStudio(taps: 2) { studio in
            let stop = Atomic(false)
            let packets = studio.taps.enumerated().map { index, tap in
                try? SystemThread(named: "packets") {
                    var number: UInt32 = 0
                    while !stop.value {
                        tap.note(number, from: 40000 + UInt16(number % 4))
                        number += 1
                        usleep(20)
                    }
                }
            }
            for round in 0..<40 {
                let port = 40000 + round % 4
                let filter = try TraceFilter("port \(port)").compiled { _ in nil }
                let sink = LiveSink()
                let id = try await studio.recorder.open(filter, .live(sink, .text))
                try await Task.sleep(for: .milliseconds(5))
                let totals = try #require(await studio.recorder.close(id))
                var text = ""
                while let bytes = await sink.next() { text += String(decoding: bytes, as: UTF8.self) }
                let lines = text.split(separator: "\n")
                #expect(lines.count == Int(totals.written) && totals.written + totals.dropped == totals.matched)
                #expect(lines.allSatisfy { $0.contains("10.1.0.2.\(port) ") || $0.contains("10.1.0.2:\(port) ") })
            }
            stop.value = true
            for thread in packets { thread?.join() }
        }
    }

    /// The file by its name is the newest; what was there before any is kept, and the oldest goes.
    @Test func filesAreWrittenInTurns() async throws {
        try await withStudio { studio in
            try "{\"old\": true}\n".write(toFile: "\(studio.folder)/trace.json", atomically: true, encoding: .utf8)
            let id = try await studio.recorder.open(Self.all, file(studio, size: 4096, count: 4))
            for number in 0..<100 {
                studio.taps[0].note(UInt32(number))
                if number % 5 == 0 { try await Task.sleep(for: .milliseconds(8)) }
            }
            await studio.recorder.close(id)
            let names = try FileManager.default.contentsOfDirectory(atPath: studio.folder).sorted()
            #expect(names == ["trace.1.json", "trace.2.json", "trace.3.json", "trace.json"])
            let numbers = try ["trace.3.json", "trace.2.json", "trace.1.json", "trace.json"].flatMap { name in
                try studio.lines(name).compactMap { $0["seq"] as? Int }
            }
            // The last ones, whole and in order.
            #expect(numbers == Array(100 - numbers.count..<100))
            for name in names {
                let size = try FileManager.default.attributesOfItem(atPath: "\(studio.folder)/\(name)")[.size] as? Int
                #expect(size ?? 0 < 4096 + 4096)
            }
        }
    }

    @Test func aFullDiskEndsTheTraceAlone() async throws {
        try await withStudio { studio in
            let full = TraceTarget.file(TraceFile(path: "/dev/full", format: .text, size: 1 << 20, count: 1))
            let broken = try await studio.recorder.open(Self.all, full)
            let sound = try await studio.recorder.open(Self.all, file(studio))
            for number in 0..<100 { studio.taps[0].note(UInt32(number)) }
            let totals = try #require(await studio.recorder.close(sound))
            #expect(totals.written == 100)
            #expect(await studio.recorder.close(broken) == nil)
            let ended = try #require(await studio.recorder.totals().last)
            #expect(ended.matched == ended.written + ended.dropped && ended.dropped > 0)
            #expect(studio.messages.all.contains { $0.contains("/dev/full") && $0.contains("No space left") })
        }
    }

    @Test func nobodyIsLeftBehindAtTheEnd() async throws {
        let studio = try Studio()
        let sink = LiveSink()
        _ = try await studio.recorder.open(Self.all, .live(sink, .text))
        studio.taps[0].note(1)
        studio.end()
        let bytes = try #require(await sink.next())
        #expect(String(decoding: bytes, as: UTF8.self).contains("seq 1"))
        #expect(await sink.next() == nil)
        #expect(!studio.taps[0].isActive)
    }

    @Test func moreReadersThanAreAllowedAreRefused() async throws {
        try await withStudio { studio in
            for _ in 0..<TraceAudience.mostReaders {
                _ = try await studio.recorder.open(Self.all, .live(LiveSink(), .text))
            }
            await #expect(throws: RecorderError.self) {
                _ = try await studio.recorder.open(Self.all, .live(LiveSink(), .text))
            }
        }
    }

    @Test func whatCannotBeWrittenToIsRefusedAtOnce() async throws {
        try await withStudio { studio in
            for path in ["\(studio.folder)", "\(studio.folder)/none/trace.json"] {
                let target = TraceTarget.file(TraceFile(path: path, format: .json, size: 1 << 20, count: 1))
                await #expect(throws: SystemError.self) { _ = try await studio.recorder.open(Self.all, target) }
            }
            #expect(!studio.taps[0].isActive)
        }
    }
}

private final class Atomic: @unchecked Sendable {
    private let lock = NSLock()
    private var stored: Bool

    init(_ value: Bool) { stored = value }

    var value: Bool {
        get { lock.withLock { stored } }
        set { lock.withLock { stored = newValue } }
    }
}
